"""Turns settings into the values that a gateway is made of."""

import socket
from pathlib import Path
from typing import Final

from doorbuster.addresses import find_addresses
from doorbuster.demo_sale import SALE_ID
from doorbuster.faults import CannotServe, SettingsError
from doorbuster.settings import Settings
from doorbuster.tracing import TraceCheckouts
from gateway.config import GatewayConfig, TokenConfig
from gateway.listener import CannotListen, listen

MILLISECONDS: Final = 1000


def gateway_config(
    settings: Settings,
    *,
    metrics_folder: Path | None = None,
    trace_checkouts: TraceCheckouts | None = None,
) -> GatewayConfig:
    """Raises NoServers, or SettingsError where no token could be verified."""
    addresses = find_addresses(settings)
    return GatewayConfig(
        redis_url=addresses.redis_url,
        database_url=addresses.database_url,
        token=_token_config(settings),
        durability=settings.durability,
        cors_origins=settings.cors_origins,
        max_streams=settings.max_streams,
        request_deadline_seconds=settings.request_deadline_ms / MILLISECONDS,
        cart_seconds=settings.cart_seconds,
        drain_seconds=settings.drain_seconds,
        demo_sale=SALE_ID if settings.demo else None,
        metrics_folder=metrics_folder,
        trace_checkouts=trace_checkouts,
    )


def listening_socket(settings: Settings) -> socket.socket:
    """Raises CannotServe where nothing can listen."""
    try:
        return listen(settings.host, settings.port)
    except CannotListen as error:
        raise CannotServe(f"{error}; choose another port with --port") from error


def _token_config(settings: Settings) -> TokenConfig:
    if settings.token_key is None and settings.token_jwks_url is None:
        raise SettingsError(
            "there is nothing to verify customers' tokens with: set DOORBUSTER_TOKEN_KEY, "
            "DOORBUSTER_TOKEN_KEY_FILE or DOORBUSTER_TOKEN_JWKS_URL"
        )
    return TokenConfig(
        algorithm=settings.token_algorithm,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        key=settings.token_key.get_secret_value() if settings.token_key else None,
        jwks_url=settings.token_jwks_url,
    )
