"""Takes secrets out of what is logged: those of the settings, and whatever looks like one of ours.

Nothing here logs a secret on purpose. But a library's message or a traceback may quote a URL or a
header, and a log is read by more people than a secret is for.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from doorbuster.settings import Settings

REDACTED: Final = "[redacted]"
# Shorter ones would be found in innocent words, and protect nothing.
MIN_SECRET_LENGTH: Final = 4

_LOOKS_LIKE_ONE: Final = (
    r"(?<=://)[^\s/@]*:[^\s/@]+(?=@)"  # user and password in a URL
    r"|(?<=[?&]password=)[^&\s\"']+"
    r"|\bdb[kt]_[\w-]{8,}"  # an API key, or a ticket
    r"|\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"  # a token: base64 of a JSON object, dot, another
    r"|(?<=[?&]ticket=)[^&\s\"']+"
)


class Redaction:
    """What must not be seen."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({each for each in secrets if len(each) >= MIN_SECRET_LENGTH}, key=len)
        # The longest first: one may be a part of another.
        self._pattern = re.compile("|".join([*map(re.escape, reversed(known)), _LOOKS_LIKE_ONE]))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What these settings keep secret."""
        return cls(_secrets(settings))

    def clean(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(REDACTED, text)


def _secrets(settings: Settings) -> Iterator[str]:
    # A public key in PEM is none; its lines may be quoted.
    if settings.token_key and settings.token_algorithm.startswith("HS"):
        yield settings.token_key.get_secret_value()
    for url in (settings.redis_url, settings.database_url):
        if url:
            yield from _passwords(url.get_secret_value())


def _passwords(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.password:
        yield from (parts.password, unquote(parts.password))
    yield from parse_qs(parts.query).get("password", [])
