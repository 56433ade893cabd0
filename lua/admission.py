"""A checkout as the admit script takes it, and what the script may say of it."""

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from lua.replies import Reply, UnexpectedReply, text
from lua.reservation import StoredReservation
from lua.terms import Terms

# More than this in one call would keep everybody else waiting; with `appendfsync always`, 128
# checkouts already share one fsync. The second bound keeps a batch of long carts as short.
MAX_CHECKOUTS = 128
MAX_LINES = 512


class Checkout(NamedTuple):
    """One customer's wish, encoded beforehand so that the script has nothing to compose.

    `reservation` is 32 hexadecimal digits, `customer` and `fingerprint` 22 characters of base64url,
    `lines` as in `lua.lines`, and `context` is JSON that only the ledger reads. An ordinary
    checkout has no `terms`.
    """

    reservation: str
    customer: str
    fingerprint: str
    lines: str
    context: str
    terms: Terms | None = None

    def encode(self) -> str:
        """The record that goes to the script and, if admitted, into the stream as it is."""
        return f"{self.reservation}{self.customer}{self.fingerprint}{self.lines}|{self.context}"


class Admitted(NamedTuple):
    """A new reservation, the `version`-th change of the sale."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The same checkout was admitted before."""

    stored: StoredReservation


@dataclass(frozen=True, slots=True)
class Reused:
    """The id is taken by another checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOpen:
    """`state` is scheduled, paused or closed."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownSku:
    """The sale has no such item."""

    sku: str


@dataclass(frozen=True, slots=True)
class CartEmpty:
    """The customer's cart has no lines."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A price, or the cart, is not the one that the caller knew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverLimit:
    """The customer may take only `left` more of `sku`; no sku: no more reservations at all."""

    sku: str | None
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """Lines that the stock does not cover, with the units that are left."""

    available: dict[str, int]


@dataclass(frozen=True, slots=True)
class LedgerBehind:
    """Too much waits for the ledger already, or waits for too long."""


Outcome: TypeAlias = (
    Admitted
    | Replayed
    | Reused
    | NotOpen
    | LedgerBehind
    | CartEmpty
    | UnknownSku
    | Changed
    | OverLimit
    | Short
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The script decided, under this epoch; `outcomes` are in the order of the checkouts.

    `replicated` says whether as many replicas as were asked for have it all.
    """

    epoch: int
    version: int
    now_ms: int
    outcomes: list[Outcome]
    replicated: bool


# Outcomes that have nothing more to tell.
_PLAIN: Final[dict[str, Outcome]] = {
    "reused": Reused(),
    "ledger-behind": LedgerBehind(),
    "cart-empty": CartEmpty(),
    "changed": Changed(),
    "admissions": OverLimit(sku=None, left=0),
}


def parse_outcome(reply: Reply) -> Outcome:
    """What the script said of one checkout."""
    if isinstance(reply, int):
        return Admitted(version=reply)
    word, _, rest = text(reply).partition(":")
    match word:
        case "replay":
            return Replayed(stored=StoredReservation.parse(rest))
        case "state":
            return NotOpen(state=rest)
        case "unknown":
            return UnknownSku(sku=rest)
        case "limit":
            sku, _, left = rest.partition("=")
            return OverLimit(sku=sku, left=int(left))
        case "short":
            return Short(available=parse_stock(rest))
    if word not in _PLAIN:
        raise UnexpectedReply(word)
    return _PLAIN[word]


def parse_stock(text: str) -> dict[str, int]:
    """`<sku>=<units>;...` as a dictionary; `-` stands for nothing."""
    if text == "-":
        return {}
    pairs = (part.partition("=") for part in text.split(";"))
    return {sku: int(units) for sku, _, units in pairs}
