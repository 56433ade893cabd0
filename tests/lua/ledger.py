"""What a ledger that has read everything would install: the model, written into Redis anew."""

from model import Model
from selling import record_fields

from lua.server import Argument
from lua.store import SaleStore


async def rebuild(store: SaleStore, epoch: int, model: Model) -> object:
    """Write reservations and customers under the epoch, and open it."""
    customers = {name: _holdings(model, name) for name, count in model.admissions.items() if count}
    await store.discard(epoch)
    await store.install(
        epoch,
        reservations={id_: stored.encode() for id_, stored in model.reservations.items()},
        customers=customers,
    )
    return await store.open(
        epoch,
        version=model.version,
        reservations=len(model.reservations),
        customers=len(customers),
        fields=fields(model),
    )


def fields(model: Model) -> dict[str, Argument]:
    """The record, besides what the open script knows itself."""
    changes: dict[str, Argument] = {
        "state": model.state,
        "state_revision": model.state_revision,
        "opens_at_ms": model.opens_at_ms,
        "closes_at_ms": model.closes_at_ms,
        "reservations_per_customer": model.most_reservations,
        "backlog_limit": model.backlog_limit,
    }
    for sku, item in model.items.items():
        changes[f"available:{sku}"] = item.available
        changes[f"raised:{sku}"] = item.raised
        changes[f"raised_revision:{sku}"] = item.revision
        changes[f"lowered:{sku}"] = item.lowered
    changes |= {f"lowering:{request}": made.encode() for request, made in model.lowerings.items()}
    return record_fields({sku: item.offer for sku, item in model.items.items()}, **changes)


def _holdings(model: Model, customer: str) -> str:
    held = [
        f";{sku}={units}"
        for (name, sku), units in sorted(model.held.items())
        if name == customer and units
    ]
    return f"{model.admissions[customer]}{''.join(held)}"
