"""A sale's record in Redis: its proof, its definition, its stock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A product in a sale. Units are whole pieces; `limit` 0 means none."""

    sku: str
    available: int
    raised: int
    raised_revision: int
    lowered: int
    limit: int
    price: int

    @property
    def granted(self) -> int:
        """The units that were given to the sale and not taken out again."""
        return self.raised - self.lowered


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the reconciler found out about the server, and stamps on every record there.

    `durability` is the highest level that its configuration can keep (memory, fsync, replicated),
    `replicas` how many of them must acknowledge a `replicated` write, and `backlog_limit` how many
    changes there is room for until the ledger must have read some.
    """

    durability: str
    replicas: int
    backlog_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What `read` returns; `proven` says whether the server may act on it.

    `wanted_durability` is the sale's own wish, empty where it has none.
    """

    proven: bool
    now_ms: int
    epoch: int
    version: int
    committed: int
    reservations: int
    reservations_per_customer: int
    state: str
    state_revision: int
    opens_at_ms: int
    closes_at_ms: int
    hold_seconds: int
    currency: str
    name: str
    wanted_durability: str
    proof: Proof
    items: dict[str, Item]

    @property
    def reported_state(self) -> str:
        """The state that a buyer meets, which the clock has a part in."""
        return state_at(self.state, self.opens_at_ms, self.closes_at_ms, self.now_ms)


def state_at(state: str, opens_at_ms: int, closes_at_ms: int, now_ms: int) -> str:
    """The rule of the admit script: an open sale is scheduled before its window, closed after."""
    if state != "open":
        return state
    if now_ms < opens_at_ms:
        return "scheduled"
    return "closed" if 0 < closes_at_ms <= now_ms else "open"


def parse(fields: dict[str, str], *, proven: bool, now_ms: int) -> Record | None:
    """The record, or None where there is none (`fence` may stand alone after a loss)."""
    if "epoch" not in fields:
        return None
    return Record(
        proven=proven,
        now_ms=now_ms,
        epoch=int(fields["epoch"]),
        version=int(fields["version"]),
        committed=int(fields["committed"]),
        reservations=int(fields["reservations"]),
        reservations_per_customer=int(fields["reservations_per_customer"]),
        state=fields["state"],
        state_revision=int(fields["state_revision"]),
        opens_at_ms=int(fields["opens_at_ms"]),
        closes_at_ms=int(fields["closes_at_ms"]),
        hold_seconds=int(fields["hold_seconds"]),
        currency=fields["currency"],
        name=fields["name"],
        wanted_durability=fields["wanted_durability"],
        proof=Proof(
            durability=fields["durability"],
            replicas=int(fields["replicas"]),
            backlog_limit=int(fields["backlog_limit"]),
        ),
        items={sku: _item(fields, sku) for sku in sorted(_skus(fields))},
    )


def _skus(fields: dict[str, str]) -> list[str]:
    prefix = "available:"
    return [name.removeprefix(prefix) for name in fields if name.startswith(prefix)]


def _item(fields: dict[str, str], sku: str) -> Item:
    return Item(
        sku=sku,
        available=int(fields[f"available:{sku}"]),
        raised=int(fields[f"raised:{sku}"]),
        raised_revision=int(fields[f"raised_revision:{sku}"]),
        lowered=int(fields[f"lowered:{sku}"]),
        limit=int(fields[f"limit:{sku}"]),
        price=int(fields[f"price:{sku}"]),
    )
