"""Tokens for trying things out, signed with the key of the settings or of `up`."""

from pathlib import Path
from typing import Final

from doorbuster.faults import NotDone
from doorbuster.settings import Settings
from gateway.identity.development import issue

# `up` makes this file, and keeps it over restarts.
TOKEN_KEY_FILE: Final = "token.key"  # noqa: S105 (a file's name)


def token_for(customer: str, settings: Settings) -> str:
    """A token for the customer. Raises NotDone where there is nothing to sign it with."""
    if not settings.token_algorithm.startswith("HS"):
        raise NotDone("development tokens are signed with an HMAC secret: HS256, HS384 or HS512")
    return issue(
        customer,
        secret=_secret(settings),
        algorithm=settings.token_algorithm,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
    )


def _secret(settings: Settings) -> str:
    if settings.token_key is not None:
        return settings.token_key.get_secret_value()
    file: Path = settings.state_dir / TOKEN_KEY_FILE
    try:
        return file.read_text().strip()
    except OSError as error:
        raise NotDone(
            f"DOORBUSTER_TOKEN_KEY is not set, and no `doorbuster up` has run in "
            f"{settings.state_dir}"
        ) from error
