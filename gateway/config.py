"""What a gateway process needs to know, as plain values."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenConfig:
    """How customers' tokens are verified: with one key (`key`), or those behind a URL."""

    algorithm: str
    issuer: str
    audience: str
    key: str | None
    jwks_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """`durability` is the lowest level that any sale is sold at, by name.

    `demo_sale` names the sale of the demo pages, which exist only with it. `metrics_folder` is
    where several workers add up what they count. `trace_checkouts` puts a span around an app.
    """

    redis_url: str
    database_url: str
    token: TokenConfig
    durability: str
    cors_origins: tuple[str, ...]
    max_streams: int
    request_deadline_seconds: float
    cart_seconds: int
    drain_seconds: float
    demo_sale: str | None
    metrics_folder: Path | None = None
    trace_checkouts: Callable[[ASGIApp], ASGIApp] | None = None
