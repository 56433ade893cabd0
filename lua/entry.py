"""An entry of a sale's stream: what one script call did."""

from dataclasses import dataclass
from enum import StrEnum

from lua.admission import parse_stock
from lua.replies import Reply, UnexpectedReply, array, mapping, text


class Kind(StrEnum):
    """Which script wrote the entry."""

    ADMISSIONS = "admissions"
    RETURNS = "returns"
    GRANT = "grant"
    LOWERING = "lowering"
    STATE = "state"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Versions `first` to `last` of the sale, in one atomic step.

    `stock` holds the units left of each item that it touched; `body` is as the script wrote it,
    one record a line.
    """

    last: int
    kind: Kind
    epoch: int
    first: int
    at_ms: int
    stock: dict[str, int]
    body: str


def parse_entry(reply: Reply) -> Entry:
    """An entry as XRANGE returns it."""
    name, flat = array(reply)
    *before, body = array(flat)
    fields = mapping([*before, b""])
    return Entry(
        last=int(text(name).partition("-")[0]),
        kind=Kind(fields["kind"]),
        epoch=int(fields["epoch"]),
        first=int(fields["first"]),
        at_ms=int(fields["at_ms"]),
        stock=parse_stock(fields["stock"]),
        body=_readable(body),
    )


def _readable(body: Reply) -> str:
    """A caller's free text may be none: then it is escaped, and the ledger's to refuse."""
    if isinstance(body, bytes):
        return body.decode(errors="backslashreplace")
    raise UnexpectedReply(repr(body))
