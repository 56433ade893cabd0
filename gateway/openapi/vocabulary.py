"""The parameters and headers that several calls share."""

from dataclasses import replace
from typing import Final

from gateway.openapi.operation import Header, Parameter, Schema
from gateway.sales import NAME

_NAME: Final[Schema] = {"type": "string", "pattern": f"^{NAME}$"}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_ETAG: Final[Schema] = {"type": "string", "examples": ['"1-42-open"']}

SALE_ID: Final = Parameter("sale_id", "path", _NAME, "The sale.")
SKU: Final = Parameter("sku", "path", _NAME, "The product.")
RESERVATION_ID: Final = Parameter("id", "path", _UUID, "The reservation.")

IF_NONE_MATCH: Final = Parameter(
    "If-None-Match",
    "header",
    _ETAG,
    "The ETag of what the caller has: 304 if it still holds.",
    is_list=True,
)
IF_MATCH: Final = Parameter(
    "If-Match", "header", _ETAG, "The ETag of what is to be changed; 428 without it.", required=True
)
IF_MATCH_UNLESS_NEW: Final = replace(IF_MATCH, required=False)
TRACEPARENT: Final = Parameter(
    "traceparent",
    "header",
    {"type": "string", "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]},
    "The caller's span (W3C Trace Context), carried into the ledger; ignored where it is none.",
)

ETAG: Final = Header("ETag", "Changes with the answer.", _ETAG)
LOCATION: Final = Header("Location", "Where the reservation can be read.")
REPLAYED: Final = Header("Idempotency-Replayed", "`true`: an earlier request had done it.")
AGE: Final = Header(
    "Age",
    "The seconds since Postgres said so, while it is away.",
    {"type": "integer"},
    always=False,
)
CACHE_STATUS: Final = Header(
    "Cache-Status", "Says that this is the gateway's last copy, and why (RFC 9211).", always=False
)
RETRY_AFTER: Final = Header(
    "Retry-After", "The seconds after which to ask again.", {"type": "integer", "minimum": 1}
)
