"""What a request is called in logs and in its answer, so that both can be laid side by side."""

import re
from collections.abc import Mapping
from random import getrandbits
from typing import Final

from starlette.types import Scope

# The extension of ASGI's scope that has it.
REQUEST_EXTENSION: Final = "doorbuster.request"
RANDOM_BITS: Final = 64

# Whatever a proxy in front of us calls it, as long as it cannot do harm in a log or a header.
_GIVEN: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# https://www.w3.org/TR/trace-context/#traceparent-header; the trace id is what others look for.
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def id_of(scope: Scope) -> str:
    """The id of a request that came by `gateway.connection`."""
    extension = scope.get("extensions", {}).get(REQUEST_EXTENSION)
    return str(extension["id"]) if extension else "-"


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """The id that X-Request-ID gives, or that of the trace, or a new one; names in lower case."""
    given = headers.get(b"x-request-id")
    if given is not None and _GIVEN.fullmatch(given):
        return given.decode()
    parent = headers.get(b"traceparent")
    traced = parent is not None and _TRACEPARENT.fullmatch(parent)
    return traced[1].decode() if traced else _new()


def _new() -> str:
    # It names a request and opens nothing, so it may be guessed; the kernel's would cost more.
    return f"{getrandbits(RANDOM_BITS):016x}"
