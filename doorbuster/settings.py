"""The settings: environment names that begin with DOORBUSTER_, or the same names in `.env`.

Why each of them has its default stands in `.env.sample`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from doorbuster import environment
from doorbuster.faults import SettingsError
from doorbuster.token_rules import token_contradictions

# Each of these may also be given as the path of a file that holds it: NAME_FILE.
SECRETS: Final = ("redis_url", "database_url", "token_key")

DurabilityName = Literal["memory", "fsync", "replicated", "ledger"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
TokenAlgorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip


def _split_at_commas(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _is_origin(value: str) -> str:
    """RFC 6454: scheme, host and perhaps a port; browsers send neither a path nor a slash."""
    scheme, separator, host = value.partition("://")
    if scheme not in {"http", "https"} or not separator or not host or "/" in host or "*" in host:
        raise ValueError(f"{value!r} is not an origin such as https://shop.example")
    return value


def _is_http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("the URL must begin with http:// or https://")
    return value


Origin = Annotated[str, AfterValidator(_is_origin)]


class Settings(BaseSettings):
    """Every setting of every command; each process is handed the values that it needs."""

    model_config = SettingsConfigDict(
        env_prefix=environment.PREFIX,
        env_file=environment.FILE,
        env_ignore_empty=True,  # an empty value in a file or a compose.yaml means "not set"
        extra="ignore",  # `environment` names the unknown ones better
        frozen=True,
        hide_input_in_errors=True,  # a malformed URL may hold a password
    )

    redis_url: SecretStr | None = None
    redis_url_file: Path | None = None
    database_url: SecretStr | None = None
    database_url_file: Path | None = None
    state_dir: Path = Path(".doorbuster")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    reconciler_host: str = "127.0.0.1"
    reconciler_port: int | None = Field(default=None, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    token_key: SecretStr | None = None
    token_key_file: Path | None = None
    token_jwks_url: str | None = None
    token_algorithm: TokenAlgorithm = "HS256"  # noqa: S105 (an algorithm, no secret)
    token_issuer: str = "doorbuster"  # noqa: S105 (a public claim)
    token_audience: str = "doorbuster"  # noqa: S105 (a public claim)
    durability: DurabilityName = "fsync"
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split_at_commas)] = ()
    max_streams: int = Field(default=10_000, ge=0)
    request_deadline_ms: int = Field(default=2_000, ge=100, le=60_000)
    cart_seconds: int = Field(default=604_800, ge=60, le=31_536_000)
    drain_seconds: int = Field(default=0, ge=0, le=300)
    audit_seconds: int = Field(default=60, ge=0, le=86_400)
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"
    trace_url: Annotated[str, AfterValidator(_is_http_url)] | None = None
    trace_ratio: float = Field(default=0.01, ge=0, le=1)
    demo: bool = False

    @field_validator("redis_url", mode="after")
    @classmethod
    def _is_redis_url(cls, url: SecretStr | None) -> SecretStr | None:
        return _with_scheme(url, "redis://", "rediss://", "unix://")

    @field_validator("database_url", mode="after")
    @classmethod
    def _is_database_url(cls, url: SecretStr | None) -> SecretStr | None:
        return _with_scheme(url, "postgresql://", "postgres://")

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: dict[str, object]) -> dict[str, object]:
        return values | dict(_secrets_in_files(values))

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        contradictions = token_contradictions(
            algorithm=self.token_algorithm,
            key=self.token_key.get_secret_value() if self.token_key else None,
            jwks_url=self.token_jwks_url,
            demo=self.demo,
        )
        if lines := "\n".join(contradictions):
            raise ValueError(lines)
        return self


def load(**options: object) -> Settings:
    """Read the settings of this process; options that are not None stand above them.

    Raises SettingsError with one line for each fault.
    """
    faults = list(environment.faults(environment.ours(), known=names()))
    if faults:
        raise SettingsError("\n".join(faults))
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(given)  # reads the environment too, as `Settings()` does
    except ValidationError as error:
        raise SettingsError("\n".join(map(_as_line, error.errors()))) from error


def names() -> list[str]:
    """Return the environment name of each setting."""
    return [_name(field) for field in Settings.model_fields]


def as_environment(settings: Settings) -> dict[str, str]:
    """Return what makes `load` in a child process give the same settings.

    Every name is there (empty where it is not set), and paths are absolute: the child may start
    in another folder.
    """
    values = {_name(field): _as_text(value) for field, value in settings}
    in_files = [secret for secret in SECRETS if values[_name(f"{secret}_file")]]
    return values | {_name(secret): "" for secret in in_files}


def _with_scheme(url: SecretStr | None, *schemes: str) -> SecretStr | None:
    if url is not None and not url.get_secret_value().startswith(schemes):
        raise ValueError(f"the URL must begin with {' or '.join(schemes)}")
    return url


def _secrets_in_files(values: dict[str, object]) -> Iterator[tuple[str, str]]:
    for secret in SECRETS:
        path = values.get(f"{secret}_file")
        if path is None:
            continue
        if values.get(secret) is not None:
            both = f"{_name(secret)} and {_name(secret)}_FILE"
            raise ValueError(f"{both} are both set; keep one of them")
        yield secret, _read_secret(secret, Path(str(path)))


def _read_secret(secret: str, path: Path) -> str:
    try:
        # Editors and `echo` end a file with a line break that is no part of the secret.
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"{_name(secret)}_FILE: cannot read {path}: {reason}") from error


def _as_line(error: ErrorDetails) -> str:
    reason = error["msg"].removeprefix("Value error, ")
    field = error["loc"][0] if error["loc"] else None
    return f"{_name(str(field))}: {reason}" if field else reason


def _name(field: str) -> str:
    return f"{environment.PREFIX}{field.upper()}"


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return str(value.absolute())
        case tuple():
            return ",".join(map(str, value))
        case bool():
            return str(value).lower()
        case _:
            return str(value)
