"""The state of the protocol's model: small enough that every one of them can be visited.

One sale of one item, every reservation of one unit. Two Redis servers, of which one is what
clients call the primary; gateways that remember what they saw; reconcilers that may stand still
between any two of their steps; the ledger. All of it is values, so that a state can be a key.
"""

from typing import NamedTuple

# A reservation in Redis or in the ledger: id, state (h held, x expired), version.
Reservation = tuple[str, str, int]


class Entry(NamedTuple):
    """What one script call did; `available` is what it left."""

    epoch: int
    version: int
    kind: str  # a admitted, r returned, l lowered
    id: str
    available: int


class Redis(NamedTuple):
    """One server. `replid` changes at each restart and promotion, `run` only at a restart.

    `proof` is the id that the record was proven on. Reservations and stream are kept by the epoch
    in their name.
    """

    replid: int
    run: int
    master: bool
    proof: int = 0
    epoch: int = 0
    version: int = 0
    available: int = 0
    granted: int = 0
    fence: tuple[int, int] = (0, 0)
    kept: tuple[tuple[int, frozenset[Reservation]], ...] = ()
    streams: tuple[tuple[int, tuple[Entry, ...]], ...] = ()
    seen: tuple[tuple[int, int], ...] = ()


class Gateway(NamedTuple):
    """The highest epoch, and in it the highest version, that this gateway has seen."""

    epoch: int = 0
    witness: int = 0


class Ledger(NamedTuple):
    """The tables."""

    epoch: int = 0
    version: int = 0
    opened: int = 0
    granted: int = 0
    mirror: int = 0
    orders: frozenset[tuple[str, str, int, int]] = frozenset()  # id, state, epoch, version
    returns: frozenset[str] = frozenset()


class Reconciler(NamedTuple):
    """Where it stands; what it knows is of the time when it looked."""

    step: str = "idle"
    epoch: int = 0
    version: int = 0
    opened: int = 0
    server: int = 0
    entries: tuple[Entry, ...] = ()
    record: tuple[int, int, int, int] = (0, 0, 0, 0)  # epoch, version, available, seen
    orders: frozenset[tuple[str, str, int, int]] = frozenset()
    granted: int = 0
    rebuild: bool = False


class State(NamedTuple):
    """Everything. `acks` are ids that a customer was told; `excused` those that a fault took."""

    servers: tuple[Redis, Redis]
    primary: int
    gateways: tuple[Gateway, ...]
    ledger: Ledger
    reconcilers: tuple[Reconciler, ...]
    acks: frozenset[tuple[str, int, int]] = frozenset()  # id, epoch, version
    excused: frozenset[tuple[str, int, int]] = frozenset()
    faults: int = 0
    lossy: bool = False
    lowered: bool = False
    clock: int = 10  # hands out ids of servers
