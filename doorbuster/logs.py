"""Log lines on stderr, as text or as JSON: UTC with milliseconds, and no secret in them."""

import logging
import time
from typing import Final

from pydantic_core import to_json

from doorbuster.redaction import Redaction
from doorbuster.settings import Settings

# What a record may tell by `extra`, where one request, one reservation or one sale is meant.
IDS: Final = ("request", "reservation", "sale")


def configure(settings: Settings) -> None:
    """Send what this process logs to stderr."""
    redaction = Redaction.of(settings)
    formatter = Json(redaction) if settings.log_format == "json" else Text(redaction)
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)


class Formatter(logging.Formatter):
    """Times in UTC, and no secrets."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, redaction: Redaction, line: str | None = None) -> None:
        super().__init__(line)
        self.converter = time.gmtime
        self.clean = redaction.clean


class Text(Formatter):
    """`2026-11-27T09:00:00.000Z WARNING gateway.asgi: what happened request=4bf92f35`."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__(redaction, "%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback where there is one."""
        return self.clean(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The line alone."""
        ids = "".join(f" {name}={value}" for name, value in _ids(record).items())
        return super().formatMessage(record).rstrip() + ids


class Json(Formatter):
    """An object a line: `at`, `level`, `logger`, `message`, the ids, and perhaps `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        fields = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().rstrip(),
            **_ids(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return to_json({name: self.clean(text) for name, text in fields.items()}).decode()


def _ids(record: logging.LogRecord) -> dict[str, str]:
    found = {name: getattr(record, name, None) for name in IDS}
    return {name: str(value) for name, value in found.items() if value is not None}
