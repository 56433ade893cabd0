"""What the ledger's transactions do, as pure functions."""

from protocol.rules import Rule
from protocol.states import Entry, Ledger

Rules = frozenset[Rule]


class Contradiction(Exception):
    """The history does not fit the ledger."""


def active(ledger: Ledger) -> int:
    """Units of held reservations."""
    return sum(state == "h" for _, state, _, _ in ledger.orders)


def is_current(ledger: Ledger, rules: Rules, epoch: int, began: int) -> bool:
    """Whether the checkpoint still stands where a batch began."""
    if Rule.COMPARE_EPOCH in rules:
        return (ledger.epoch, ledger.version) == (epoch, began)
    return ledger.version == began


def commit(ledger: Ledger, entries: tuple[Entry, ...]) -> Ledger:
    """Commit a batch that the checkpoint allowed. Raises Contradiction."""
    for entry in entries:
        if entry.version != ledger.version + 1:
            raise Contradiction
        ledger = _ENTRIES[entry.kind](ledger, entry)._replace(version=entry.version)
        if ledger.mirror != entry.available:
            raise Contradiction
        if not 0 <= active(ledger) <= ledger.granted:
            raise Contradiction
    return ledger


def _admitted(ledger: Ledger, entry: Entry) -> Ledger:
    if any(id_ == entry.id for id_, *_ in ledger.orders):
        raise Contradiction
    order = (entry.id, "h", entry.epoch, entry.version)
    return ledger._replace(orders=ledger.orders | {order}, mirror=ledger.mirror - 1)


def _returned(ledger: Ledger, entry: Entry) -> Ledger:
    if entry.id not in ledger.returns:
        raise Contradiction
    return ledger._replace(returns=ledger.returns - {entry.id}, mirror=ledger.mirror + 1)


def _lowered(ledger: Ledger, _: Entry) -> Ledger:
    return ledger._replace(granted=ledger.granted - 1, mirror=ledger.mirror - 1)


_ENTRIES = {"a": _admitted, "r": _returned, "l": _lowered}


def expire(ledger: Ledger, id_: str) -> Ledger | None:
    """Settle a held reservation as expired and ask for its unit; None where it is not held."""
    order = next((each for each in ledger.orders if each[0] == id_ and each[1] == "h"), None)
    if order is None:
        return None
    settled = (id_, "x", order[2], order[3])
    return ledger._replace(
        orders=(ledger.orders - {order}) | {settled}, returns=ledger.returns | {id_}
    )
