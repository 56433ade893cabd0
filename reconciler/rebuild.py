"""Writes a sale's Redis state anew, from the ledger alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lua.record import Proof
from lua.reservation import StoredReservation
from lua.server import Argument
from lua.store import Lowered, SaleStore
from reconciler.history import holdings
from sql.lines import units_by_sku
from sql.recovery import LedgerStored, Snapshot

CUSTOMERS_AT_ONCE: Final = 2000


@dataclass(slots=True, kw_only=True)
class Buyer:
    """What a customer ever reserved in the sale, and the lines of what is held or paid."""

    admissions: int = 0
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """How many reservations and customers were written, for the open script to count.

    `active` are the units of each item that are held and paid by the rows.
    """

    reservations: int
    customers: int
    active: Counter[str]


async def install(store: SaleStore, epoch: int, ledger: Snapshot) -> Installed:
    """Write reservations, settled ones too, and customers under the new epoch's names."""
    await store.discard(epoch)
    buyers: dict[str, Buyer] = {}
    count = 0
    async for part in ledger.reservations():
        await store.install(epoch, reservations=_stored(part), customers={})
        _note_buyers(buyers, part)
        count += len(part)
    await _install_customers(store, epoch, buyers)
    active = units_by_sku(lines for buyer in buyers.values() for lines in buyer.lines)
    return Installed(reservations=count, customers=len(buyers), active=active)


def _stored(part: list[LedgerStored]) -> dict[str, str]:
    return {
        each.id: StoredReservation(
            state=each.state,
            customer=each.customer,
            fingerprint=each.fingerprint,
            version=each.version,
            created_at_ms=each.created_at_ms,
            lines=each.lines,
        ).encode()
        for each in part
    }


def _note_buyers(buyers: dict[str, Buyer], part: list[LedgerStored]) -> None:
    for each in part:
        buyer = buyers.setdefault(each.customer, Buyer())
        buyer.admissions += 1
        if each.state in {"held", "paid"}:
            buyer.lines.append(each.lines)


async def _install_customers(store: SaleStore, epoch: int, buyers: dict[str, Buyer]) -> None:
    names = list(buyers)
    for start in range(0, len(names), CUSTOMERS_AT_ONCE):
        part = names[start : start + CUSTOMERS_AT_ONCE]
        customers = {name: holdings(buyers[name].admissions, buyers[name].lines) for name in part}
        await store.install(epoch, reservations={}, customers=customers)


def stall_limit_ms(hold_seconds: int) -> int:
    """How old the oldest change may become that the ledger has not read.

    Half of a hold: whoever is admitted last before the limit can still be told in time.
    """
    return hold_seconds * 1000 // 2


def record_fields(
    ledger: Snapshot, proof: Proof, available: Mapping[str, int]
) -> dict[str, Argument]:
    """The record that the open script installs, besides what it knows itself."""
    sale = ledger.sale
    fields: dict[str, Argument] = {
        "state": sale.state,
        "state_revision": sale.revision,
        "opens_at_ms": sale.opens_at_ms,
        "closes_at_ms": sale.closes_at_ms,
        "hold_seconds": sale.hold_seconds,
        "reservations_per_customer": sale.reservations_per_customer,
        "currency": sale.currency,
        "name": sale.name,
        "wanted_durability": sale.durability or "",
        "durability": proof.durability,
        "replicas": proof.replicas,
        "backlog_limit": proof.backlog_limit,
        "stall_limit_ms": stall_limit_ms(sale.hold_seconds),
    }
    for item in ledger.items:
        fields[f"available:{item.sku}"] = available[item.sku]
        fields[f"raised:{item.sku}"] = item.raised
        fields[f"raised_revision:{item.sku}"] = item.raised_revision
        fields[f"lowered:{item.sku}"] = item.lowered
        fields[f"limit:{item.sku}"] = item.limit_per_customer
        fields[f"price:{item.sku}"] = item.price
    for each in ledger.lowerings:
        fields[f"lowering:{each.id}"] = Lowered(sku=each.sku, units=each.units).encode()
    return fields
