"""What a caller is told when the answer is no: RFC 9457 problems, all of them in one table.

`code` is what a client switches on, and is never used for anything else; `title` is the same for
every occurrence; `detail` and the members tell of this one. A problem is a value: code that cannot
go on raises it in a `Refusal`, code that decides returns it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import to_json
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"

HeaderLine = tuple[bytes, bytes]

# A cache may keep a 404 for as long as it likes (RFC 9110, section 15.5.5), and the sale that is
# unknown now is created in the next minute.
_COMMON: Final = (
    (b"content-type", MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
# Whoever is told to close cannot dribble the rest of a body into a connection that we keep.
_CLOSE: Final = ((b"connection", b"close"),)
# RFC 6750, section 3: a refusal for want of a token names the scheme that would help.
_BEARER: Final = ((b"www-authenticate", b"Bearer"),)


@dataclass(frozen=True)
class Problem:
    """A refusal in the form of RFC 9457; `members` are its extension members, any JSON.

    With `retry_after_seconds`, a 429 or 503 tells each caller another time, between that and
    twice that, so that they do not all come back at once; any other status tells it exactly.
    """

    status: int
    code: str
    title: str
    _: KW_ONLY
    detail: str = ""
    members: Mapping[str, object] = field(default_factory=dict)
    retry_after_seconds: int | None = None
    headers: tuple[HeaderLine, ...] = ()

    def because(self, detail: str, **members: object) -> "Problem":
        """This problem, told of one occurrence."""
        return replace(self, detail=detail, members=members)

    def retry_after(self, seconds: int) -> "Problem":
        """This problem, with the time after which another attempt may fare better."""
        return replace(self, retry_after_seconds=seconds)

    def to_json(self) -> bytes:
        """The body."""
        return self._body

    @cached_property
    def _body(self) -> bytes:
        # A crowd that comes too late is told the same problem a million times.
        document: dict[str, object] = {
            "type": f"urn:doorbuster:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            document["detail"] = self.detail
        return to_json(document | dict(self.members))

    def header_lines(self) -> list[HeaderLine]:
        """The headers, without the length of the body; Retry-After differs from call to call."""
        lines = [*_COMMON, *self.headers]
        if self.retry_after_seconds is not None:
            lines.append((b"retry-after", b"%d" % self._retry_after()))
        return lines

    def to_response(self) -> Response:
        """The answer of an endpoint that speaks Starlette; see `gateway.asgi` for the others."""
        response = Response(self.to_json(), self.status)
        response.raw_headers.extend(self.header_lines())
        return response

    def _retry_after(self) -> int:
        seconds = max(1, self.retry_after_seconds or 1)
        crowded = self.status in {429, 503}
        return seconds + secrets.randbelow(seconds + 1) if crowded else seconds


class FieldFault(BaseModel):
    """What is wrong with one field of the body, or one parameter."""

    pointer: Annotated[str, Field(description="the field, as a JSON pointer (RFC 6901)")] = ""
    parameter: Annotated[str, Field(description="the name of the parameter")] = ""
    detail: str


class ShortLine(BaseModel):
    """An item of which fewer units are left than were asked for."""

    sku: str
    available: int


class ProblemBody(BaseModel):
    """A refusal (RFC 9457). Members that are not required stand with some codes only."""

    type: Annotated[str, Field(examples=["urn:doorbuster:problem:insufficient-stock"])]
    title: str
    status: int
    code: Annotated[str, Field(description="what to switch on; it never gets another meaning")]
    detail: Annotated[str, Field(description="of this occurrence")] = ""
    errors: Annotated[list[FieldFault], Field(description="of `invalid`")] = []
    lines: Annotated[list[ShortLine], Field(description="of `insufficient-stock`")] = []
    sku: Annotated[str, Field(description="of `purchase-limit-exceeded`, `unknown-sku`")] = ""
    left: Annotated[int, Field(description="of `purchase-limit-exceeded`: what may be taken")] = 0
    skus: Annotated[
        list[str], Field(description="of `unknown-sku`, where a stream lacks some")
    ] = []
    latest: Annotated[
        AwareDatetime | None, Field(description="of `extension-limit-reached`: the end of the hold")
    ] = None
    max_hold_seconds: Annotated[
        int, Field(description="of `extension-limit-reached`: how long a hold of the sale may last")
    ] = 0
    fields: Annotated[list[str], Field(description="of `not-changeable`")] = []
    refund_required: Annotated[
        bool, Field(description="of a payment that pays for nothing: give the money back")
    ] = False


class Refusal(Exception):
    """The request ends here, with this problem for an answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


# The request itself.
MALFORMED = Problem(400, "malformed", "The request cannot be read")
UNAUTHENTICATED = Problem(401, "unauthenticated", "A valid token is needed", headers=_BEARER)
FORBIDDEN = Problem(403, "forbidden", "This token or key does not allow that")
NOT_FOUND = Problem(404, "not-found", "There is nothing here")
METHOD_NOT_ALLOWED = Problem(405, "method-not-allowed", "The method is not allowed here")
BODY_TOO_SLOW = Problem(408, "body-too-slow", "The body did not arrive in time", headers=_CLOSE)
PRECONDITION_FAILED = Problem(412, "precondition-failed", "It was changed in the meantime")
BODY_TOO_LARGE = Problem(413, "body-too-large", "The body is too large", headers=_CLOSE)
UNSUPPORTED_MEDIA_TYPE = Problem(415, "unsupported-media-type", "The body must be JSON")
INVALID = Problem(422, "invalid", "Some fields are not valid")
IDEMPOTENCY_KEY_REUSED = Problem(
    422, "idempotency-key-reused", "The idempotency key was used for something else"
)
PRECONDITION_REQUIRED = Problem(428, "precondition-required", "An If-Match header is needed")
TOO_MANY_REQUESTS = Problem(429, "too-many-requests", "Too many requests", retry_after_seconds=1)

# What it is about.
UNKNOWN_SALE = Problem(404, "unknown-sale", "There is no such sale")
UNKNOWN_SKU = Problem(404, "unknown-sku", "There is no such product or item")
UNKNOWN_RESERVATION = Problem(404, "unknown-reservation", "There is no such reservation")

UNKNOWN_KEY = Problem(404, "unknown-key", "There is no such key")
UNKNOWN_ALARM = Problem(404, "unknown-alarm", "There is no such alarm")
UNKNOWN_PARKED = Problem(404, "unknown-parked", "There is no such parked record")

# What an operator is told.
SALE_EXISTS = Problem(409, "sale-exists", "There is another sale of this id")
WRONG_STATE = Problem(409, "wrong-state", "The state of the sale does not allow that")
NOT_CHANGEABLE = Problem(409, "not-changeable", "This cannot be changed any more")
KEY_EXISTS = Problem(409, "key-exists", "There is a key of this name already")
STILL_REFUSED = Problem(409, "still-refused", "The ledger refuses the record still")

# What the sale says to it.
INSUFFICIENT_STOCK = Problem(409, "insufficient-stock", "Not enough units are left")
PURCHASE_LIMIT_EXCEEDED = Problem(
    409, "purchase-limit-exceeded", "The limit per customer is exceeded"
)
SALE_NOT_OPEN = Problem(409, "sale-not-open", "The sale has not opened yet")
SALE_PAUSED = Problem(409, "sale-paused", "The sale is paused")
SALE_CLOSED = Problem(409, "sale-closed", "The sale is closed")
CART_EMPTY = Problem(409, "cart-empty", "The cart is empty")
CART_FULL = Problem(409, "cart-full", "The cart has as many lines as it can")
CHANGED = Problem(409, "changed", "The price or the cart changed")
RESERVATION_EXPIRED = Problem(409, "reservation-expired", "The reservation has expired")
RESERVATION_RELEASED = Problem(409, "reservation-released", "The reservation was released")
EXTENSION_LIMIT_REACHED = Problem(
    409, "extension-limit-reached", "The hold cannot be extended so far"
)
ALREADY_PAID = Problem(409, "already-paid", "The reservation is paid")

# What has nothing to do with the caller. A 503 promises that nothing happened.
INTERNAL = Problem(500, "internal", "Something went wrong here")
OVERLOADED = Problem(503, "overloaded", "Too busy just now", retry_after_seconds=1)
STOCK_UNVERIFIED = Problem(
    503, "stock-unverified", "The stock is being verified", retry_after_seconds=1
)
DURABILITY_UNPROVEN = Problem(
    503, "durability-unproven", "The durability cannot be kept", retry_after_seconds=5
)
LEDGER_BEHIND = Problem(
    503, "ledger-behind", "The ledger has not caught up yet", retry_after_seconds=1
)
ISSUER_UNAVAILABLE = Problem(
    503, "issuer-unavailable", "The keys that verify tokens cannot be had", retry_after_seconds=2
)
