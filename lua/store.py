"""The one door to a sale in Redis: each method is one script, its reply is a value.

Every method may raise a `lua.faults.RedisFault`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from lua import keys
from lua.admission import Decided, parse_outcome
from lua.entry import Entry, parse_entry
from lua.record import Proof, Record, parse
from lua.replies import Reply, UnexpectedReply, array, integer, mapping, text
from lua.script import load
from lua.server import Argument, Server
from lua.terms import BatchTerms, customers_with_carts, encode_terms

ADMIT = load("admit")
RETURN = load("return")
GRANT = load("grant")
LOWER = load("lower")
CHANGE_STATE = load("change_state")
CORRECT = load("correct")
FENCE = load("fence")
ADOPT = load("adopt")
OPEN = load("open")
FOLLOW = load("follow")
PROGRESS = load("progress")
READ = load("read")
PROVE = load("prove")

# Keeps Redis busy for about a millisecond a call.
SCAN_COUNT = 1000

ALL_ORDINARY: Final[BatchTerms] = MappingProxyType({})

# A replica that takes longer is as good as none: the buyer is told to ask again.
REPLICATION_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Unproven:
    """This server is not the one that the record was proven on, or there is no record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEpoch:
    """The record is of this epoch, not of the caller's."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Behind:
    """The caller has seen more of the sale than the record holds."""


Refused: TypeAlias = Unproven | OtherEpoch | Behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """`missing` counts the reservations that Redis does not know."""

    version: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The change was made as `version`, or had been made before (None)."""

    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """What was taken out under a request."""

    sku: str
    units: int

    @classmethod
    def parse(cls, text: str) -> "Lowered":
        """As the record has it."""
        sku, units = text.split("|")
        return cls(sku=sku, units=int(units))

    def encode(self) -> str:
        """As `parse` reads it."""
        return f"{self.sku}|{self.units}"


@dataclass(frozen=True, slots=True)
class UnknownItem:
    """The sale has no such item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFew:
    """Not enough units left to take out."""

    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What the reconciler reads: where the record stands, and the entries after the checkpoint.

    `committed` is the highest checkpoint that anybody noted before this call, `seen` the highest
    version that a refused caller of this epoch had seen.
    """

    version: int
    committed: int
    seen: int
    now_ms: int
    entries: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The ledger has read up to version `committed`, as this epoch of Redis knows."""

    epoch: int
    committed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced:
    """A fence of this epoch or a later one stands already (None: on another server)."""

    epoch: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The gate is ours; what the record held, and the witnesses by epoch."""

    fields: dict[str, str]
    seen: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """Something in Redis is not as the caller has it."""

    what: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The gate is open under the new epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a record says that its server keeps, and of which epoch it is."""

    epoch: int
    proof: Proof


@dataclass(frozen=True, slots=True)
class Proven:
    """The record says what its server keeps now."""


class SaleStore:
    """A sale in Redis."""

    def __init__(self, server: Server, sale_id: str) -> None:
        self.server = server
        self.sale_id = sale_id
        self._record = keys.record(sale_id)
        self._seen = keys.seen(sale_id)

    async def admit(
        self,
        epoch: int,
        witness: int,
        checkouts: Sequence[str],
        *,
        terms: BatchTerms = ALL_ORDINARY,
        replicas: int = 0,
    ) -> Decided | Refused:
        """Decide a batch of encoded checkouts, and wait until so many replicas have it.

        Where all is replayed the script writes nothing, so there would be nothing to wait for:
        with replicas it writes in any case.
        """
        of = keys.of_epoch(self.sale_id, epoch)
        names = [self._record, of.reservations, of.customers, of.stream, self._seen]
        names += [keys.cart(self.sale_id, customer) for customer in customers_with_carts(terms)]
        arguments: list[Argument] = [epoch, witness, int(replicas > 0), encode_terms(terms)]
        arguments += checkouts
        raw, replicated = await self._admit(names, arguments, replicas)
        reply = array(raw)
        return _refusal(reply) or Decided(
            epoch=epoch,
            version=integer(reply[1]),
            now_ms=integer(reply[2]),
            outcomes=[parse_outcome(each) for each in reply[3:]],
            replicated=replicated,
        )

    async def _admit(
        self, names: Sequence[str], arguments: Sequence[Argument], replicas: int
    ) -> tuple[Reply, bool]:
        if replicas == 0:
            return await self.server.run(ADMIT, names, arguments), True
        return await self.server.run_and_wait(
            ADMIT, names, arguments, replicas=replicas, seconds=REPLICATION_SECONDS
        )

    async def return_units(self, epoch: int, returns: Sequence[str]) -> Returned | Refused:
        """Bring units back: reservation (32 hexadecimal digits) and letter (x or r), each."""
        of = keys.of_epoch(self.sale_id, epoch)
        names = [self._record, of.reservations, of.customers, of.stream]
        reply = array(await self.server.run(RETURN, names, [epoch, *returns]))
        return _refusal(reply) or Returned(
            version=integer(reply[1]), missing=sum(each == b"missing" for each in reply[2:])
        )

    async def grant(
        self, epoch: int, *, sku: str, raised: int, revision: int
    ) -> Applied | UnknownItem | Refused:
        """Bring the item's granted units up to the ledger's sum."""
        names = [self._record, keys.of_epoch(self.sale_id, epoch).stream]
        reply = array(await self.server.run(GRANT, names, [epoch, sku, raised, revision]))
        return _refusal(reply) or _applied(reply)

    async def change_state(
        self, epoch: int, *, state: str, opens_at_ms: int, closes_at_ms: int, revision: int
    ) -> Applied | UnknownItem | Refused:
        """Install the sale's state and window."""
        names = [self._record, keys.of_epoch(self.sale_id, epoch).stream]
        arguments: list[Argument] = [epoch, state, opens_at_ms, closes_at_ms, revision]
        reply = array(await self.server.run(CHANGE_STATE, names, arguments))
        return _refusal(reply) or _applied(reply)

    async def lower(
        self, epoch: int, *, request: str, sku: str, units: int, context: str
    ) -> Applied | Lowered | UnknownItem | TooFew | Refused:
        """Take units out of the sale; `request` is the id under which this is done once.

        Lowered is what was done under it before, whatever is asked for now.
        """
        names = [self._record, keys.of_epoch(self.sale_id, epoch).stream]
        reply = array(await self.server.run(LOWER, names, [epoch, request, sku, units, context]))
        if reply[0] == b"short":
            return TooFew(available=integer(reply[1]))
        if reply[0] == b"repeated":
            return Lowered.parse(text(reply[1]))
        return _refusal(reply) or _applied(reply)

    async def lowered(self, request: str) -> Lowered | None:
        """What was taken out under the request, as far as the record, proven or not, has it."""
        found = await self.server.command("HGET", self._record, f"lowering:{request}")
        return None if found is None else Lowered.parse(text(found))

    async def correct(
        self, epoch: int, *, sku: str, units: int, mirrored: int, number: int
    ) -> Applied | UnknownItem | TooFew | Refused:
        """Move an item's stock by what an audit has found; the number makes it happen once."""
        names = [self._record, keys.of_epoch(self.sale_id, epoch).stream]
        arguments: list[Argument] = [epoch, sku, units, mirrored, number]
        reply = array(await self.server.run(CORRECT, names, arguments))
        if reply[0] == b"short":
            return TooFew(available=integer(reply[1]))
        return _refusal(reply) or _applied(reply)

    async def follow(
        self, epoch: int, *, committed: int, trim_below: int, count: int
    ) -> Followed | Refused:
        """Note what is committed and read on after it, unless `count` is 0."""
        of = keys.of_epoch(self.sale_id, epoch)
        names = [self._record, of.reservations, of.customers, of.stream, self._seen]
        arguments = [epoch, committed, trim_below, count]
        reply = array(await self.server.run(FOLLOW, names, arguments))
        return _refusal(reply) or Followed(
            version=integer(reply[1]),
            committed=integer(reply[2]),
            seen=integer(reply[3]),
            now_ms=integer(reply[4]),
            entries=[parse_entry(each) for each in array(reply[5])],
        )

    async def progress(self) -> Progress | Unproven:
        """How far the ledger has read."""
        reply = array(await self.server.run(PROGRESS, [self._record], []))
        if reply[0] == b"unproven":
            return Unproven()
        return Progress(epoch=integer(reply[1]), committed=integer(reply[2]))

    async def fence(self, epoch: int) -> Closed | Fenced:
        """Close the gate for all but the recovery of this epoch."""
        reply = array(await self.server.run(FENCE, [self._record, self._seen], [epoch]))
        if reply[0] == b"fenced":
            return Fenced(epoch=integer(reply[1]))
        seen = mapping(reply[2])
        return Closed(fields=mapping(reply[1]), seen={int(k): int(v) for k, v in seen.items()})

    async def adopt(
        self,
        epoch: int,
        *,
        old_epoch: int,
        version: int,
        proof: Proof,
        available: Mapping[str, int],
    ) -> Opened | Fenced | Differs:
        """Prove the record as it stands, if it is as the ledger has it."""
        old, new = keys.of_epoch(self.sale_id, old_epoch), keys.of_epoch(self.sale_id, epoch)
        names = [self._record, old.reservations, old.customers, old.stream]
        names += [new.reservations, new.customers, new.stream]
        arguments: list[Argument] = [epoch, old_epoch, version]
        arguments += [proof.durability, proof.replicas, proof.backlog_limit]
        return _opened(array(await self.server.run(ADOPT, names, arguments + _flat(available))))

    async def open(
        self,
        epoch: int,
        *,
        version: int,
        reservations: int,
        customers: int,
        fields: Mapping[str, Argument],
    ) -> Opened | Fenced | Differs:
        """Install the record that the ledger computed."""
        of = keys.of_epoch(self.sale_id, epoch)
        names = [self._record, of.reservations, of.customers, of.stream]
        arguments: list[Argument] = [epoch, version, reservations, customers]
        return _opened(array(await self.server.run(OPEN, names, arguments + _flat(fields))))

    async def read(self) -> Record | None:
        """The record, proven or not; None where there is none."""
        proven, now_ms, fields = array(await self.server.run(READ, [self._record], []))
        return parse(mapping(fields), proven=proven == 1, now_ms=integer(now_ms))

    async def stamp(self) -> Stamp | None:
        """What the record says that its server keeps; None where there is none."""
        names = ("epoch", "durability", "replicas", "backlog_limit")
        found = array(await self.server.command("HMGET", self._record, *names))
        if any(each is None for each in found):
            return None
        epoch, durability, replicas, backlog_limit = found
        return Stamp(
            epoch=integer(epoch),
            proof=Proof(
                durability=text(durability),
                replicas=integer(replicas),
                backlog_limit=integer(backlog_limit),
            ),
        )

    async def prove(self, epoch: int, proof: Proof) -> Proven | Refused:
        """Note what its server keeps now."""
        arguments: list[Argument] = [epoch, proof.durability, proof.replicas, proof.backlog_limit]
        reply = array(await self.server.run(PROVE, [self._record], arguments))
        return _refusal(reply) or Proven()

    async def surviving(self, epoch: int, *, after: int, count: int) -> list[Entry]:
        """Entries of the stream, read without asking whether the server is proven."""
        name = keys.of_epoch(self.sale_id, epoch).stream
        reply = await self.server.command("XRANGE", name, f"{after}-1", "+", "COUNT", count)
        return [parse_entry(each) for each in array(reply)]

    async def newest(self, epoch: int) -> Entry | None:
        """The last entry of the stream, if it has any."""
        name = keys.of_epoch(self.sale_id, epoch).stream
        found = array(await self.server.command("XREVRANGE", name, "+", "-", "COUNT", 1))
        return parse_entry(found[0]) if found else None

    async def install(
        self, epoch: int, *, reservations: Mapping[str, str], customers: Mapping[str, str]
    ) -> None:
        """Write part of a rebuild under a new epoch, where nobody looks before `open`."""
        of = keys.of_epoch(self.sale_id, epoch)
        for name, fields in ((of.reservations, reservations), (of.customers, customers)):
            if fields:
                await self.server.command("HSET", name, *_flat(fields))

    async def discard(self, epoch: int) -> None:
        """Remove what an earlier attempt at this epoch may have left."""
        of = keys.of_epoch(self.sale_id, epoch)
        await self.server.command("UNLINK", of.reservations, of.customers, of.stream)

    async def scan_reservations(self, epoch: int) -> AsyncIterator[tuple[str, str]]:
        """Every stored reservation by its id; one may come twice, the last time as it is then."""
        async for pair in self._scan(keys.of_epoch(self.sale_id, epoch).reservations):
            yield pair

    async def scan_customers(self, epoch: int) -> AsyncIterator[tuple[str, str]]:
        """Every customer's holdings, as `scan_reservations`."""
        async for pair in self._scan(keys.of_epoch(self.sale_id, epoch).customers):
            yield pair

    async def _scan(self, name: str) -> AsyncIterator[tuple[str, str]]:
        cursor = "0"
        while True:
            reply = array(await self.server.command("HSCAN", name, cursor, "COUNT", SCAN_COUNT))
            for pair in mapping(reply[1]).items():
                yield pair
            cursor = text(reply[0])
            if cursor == "0":
                return

    async def find(self, epoch: int, reservation: str) -> str | None:
        """The stored reservation (32 hexadecimal digits), as text, under this epoch."""
        name = keys.of_epoch(self.sale_id, epoch).reservations
        stored = await self.server.command("HGET", name, reservation)
        return None if stored is None else text(stored)


def _flat(pairs: Mapping[str, int] | Mapping[str, str] | Mapping[str, Argument]) -> list[Argument]:
    return [word for pair in pairs.items() for word in pair]


def _refusal(reply: Sequence[Reply]) -> Refused | None:
    match reply[0]:
        case b"unproven":
            return Unproven()
        case b"epoch":
            return OtherEpoch(epoch=integer(reply[1]))
        case b"behind":
            return Behind()
    return None


def _applied(reply: Sequence[Reply]) -> Applied | UnknownItem:
    match reply[0]:
        case b"ok":
            return Applied(version=integer(reply[1]))
        case b"old":
            return Applied(version=None)
        case b"unknown":
            return UnknownItem()
    raise UnexpectedReply(repr(reply))


def _opened(reply: Sequence[Reply]) -> Opened | Fenced | Differs:
    match reply[0]:
        case b"ok":
            return Opened()
        case b"fenced":
            return Fenced(epoch=None)
        case b"differs":
            return Differs(what=text(reply[1]))
        case b"incomplete":
            return Differs(what="incomplete")
    raise UnexpectedReply(repr(reply))
