"""A sale as the protocol has it, in plain Python: what the scripts are compared with."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from selling import Offer, digest, reservation, wish

from lua.admission import (
    Admitted,
    CartEmpty,
    Changed,
    LedgerBehind,
    NotOpen,
    Outcome,
    OverLimit,
    Replayed,
    Reused,
    Short,
    UnknownSku,
)
from lua.entry import Kind
from lua.lines import Line, encode
from lua.reservation import StoredReservation
from lua.store import (
    Applied,
    Behind,
    Differs,
    Fenced,
    Lowered,
    Opened,
    OtherEpoch,
    Refused,
    Returned,
    TooFew,
    UnknownItem,
    Unproven,
)
from lua.terms import FromCart, Late, Terms

Settled: TypeAlias = Literal["expired", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A checkout before it is encoded."""

    number: int
    customer: str
    lines: tuple[Line, ...]
    terms: Terms | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two checkouts of one id the same."""
        if isinstance(self.terms, FromCart):
            return "cart"
        return ";".join(f"{line.sku}:{line.quantity}" for line in self.lines)

    def encode(self) -> str:
        """As the gateway sends it."""
        text = encode(self.lines)
        return wish(self.number, text, customer=self.customer, fingerprint=self.fingerprint)


@dataclass(slots=True, kw_only=True)
class Stock:
    """An item."""

    offer: Offer
    available: int = 0
    raised: int = 0
    revision: int = 1
    lowered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCart:
    """A cart that has lines, in the order in which they were put in."""

    version: int
    lines: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What an entry must say."""

    kind: Kind
    first: int
    last: int
    stock: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Model:
    """The sale, with all that its record, its hashes and its history hold."""

    items: dict[str, Stock]
    most_reservations: int
    backlog_limit: int
    epoch: int = 1
    version: int = 0
    committed: int = 0
    proven: bool = True
    lost: bool = False  # the record is gone
    fence: int = 1
    fence_is_ours: bool = True
    state: str = "open"
    state_revision: int = 1
    opens_at_ms: int = 0
    closes_at_ms: int = 0
    reservations: dict[str, StoredReservation] = field(default_factory=dict)
    admissions: Counter[str] = field(default_factory=Counter)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    lowerings: dict[str, Lowered] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    carts: dict[str, KeptCart] = field(default_factory=dict)
    history: list[Step] = field(default_factory=list)

    # What changes the sale

    def admit(
        self, epoch: int, witness: int, wishes: Sequence[Wish], now_ms: int
    ) -> list[Outcome] | Refused:
        """Decide one after the other."""
        refusal = self._refusal_to_admit(epoch, witness)
        if refusal is not None:
            least = -1 if self.epoch < epoch and not self.lost else 0
            if witness > self.seen.get(epoch, least):
                self.seen[epoch] = witness
            return refusal
        first = self.version + 1
        outcomes = [self._decide(each, now_ms) for each in wishes]
        self._append(
            Kind.ADMISSIONS,
            first,
            {
                line.sku
                for each, outcome in zip(wishes, outcomes, strict=True)
                for line in each.lines
                if isinstance(outcome, Admitted)
            },
        )
        return outcomes

    def _refusal_to_admit(self, epoch: int, witness: int) -> Refused | None:
        if not self.proven:
            return Unproven()
        if epoch < self.epoch:
            return OtherEpoch(epoch=self.epoch)
        if (epoch, witness) > (self.epoch, self.version):
            return Behind()
        return None

    def _refusal(self, epoch: int) -> Refused | None:
        if not self.proven:
            return Unproven()
        return None if epoch == self.epoch else OtherEpoch(epoch=self.epoch)

    def _decide(self, each: Wish, now_ms: int) -> Outcome:
        known = self.reservations.get(reservation(each.number))
        if known is not None:
            same = (digest(each.customer), digest(each.fingerprint))
            return (
                Replayed(stored=known) if same == (known.customer, known.fingerprint) else Reused()
            )
        state = self._state_met(each, now_ms)
        if state != "open":
            return NotOpen(state=state)
        if self.version - self.committed >= self.backlog_limit:
            return LedgerBehind()
        return self._cart_rejection(each) or self._rejection(each) or self._take(each, now_ms)

    def _cart_rejection(self, each: Wish) -> Outcome | None:
        if not isinstance(each.terms, FromCart):
            return None
        cart = self.carts.get(each.customer)
        if cart is None:
            return CartEmpty()
        return None if cart.version == each.terms.version else Changed()

    def _state_met(self, each: Wish, now_ms: int) -> str:
        if isinstance(each.terms, Late) and self.state != "paused":
            return "open"
        return self._state_at(now_ms)

    def _state_at(self, now_ms: int) -> str:
        if self.state == "open" and now_ms < self.opens_at_ms:
            return "scheduled"
        if self.state == "open" and self.closes_at_ms and now_ms >= self.closes_at_ms:
            return "closed"
        return self.state

    def _rejection(self, each: Wish) -> Outcome | None:
        customer = digest(each.customer)
        if self.admissions[customer] >= self.most_reservations:
            return OverLimit(sku=None, left=0)
        for line in each.lines:
            if line.sku not in self.items:
                return UnknownSku(sku=line.sku)
            if line.unit_price != self.items[line.sku].offer.price:
                return Changed()
        wanted: Counter[str] = Counter()
        short: dict[str, int] = {}
        over: OverLimit | None = None
        for line in each.lines:
            wanted[line.sku] += line.quantity
            item = self.items[line.sku]
            left = item.offer.limit - self.held[customer, line.sku]
            if item.offer.limit and wanted[line.sku] > left and over is None:
                over = OverLimit(sku=line.sku, left=left)
            if wanted[line.sku] > item.available:
                short[line.sku] = item.available
        return over or (Short(available=short) if short else None)

    def _take(self, each: Wish, now_ms: int) -> Admitted:
        self.version += 1
        customer = digest(each.customer)
        if isinstance(each.terms, FromCart):
            del self.carts[each.customer]
        self.admissions[customer] += 1
        self._move(customer, each.lines, -1)
        self.reservations[reservation(each.number)] = StoredReservation(
            state="held",
            customer=customer,
            fingerprint=digest(each.fingerprint),
            version=self.version,
            created_at_ms=now_ms,
            lines=encode(each.lines),
        )
        return Admitted(version=self.version)

    def _move(self, customer: str, lines: Sequence[Line], sign: int) -> None:
        for line in lines:
            self.items[line.sku].available += sign * line.quantity
            self.held[customer, line.sku] -= sign * line.quantity

    def give_back(self, epoch: int, numbers: Sequence[int], state: Settled) -> Returned | Refused:
        """Settle each reservation that is still held."""
        if refusal := self._refusal(epoch):
            return refusal
        first, missing = self.version + 1, 0
        touched: set[str] = set()
        for number in numbers:
            known = self.reservations.get(reservation(number))
            if known is None:
                missing += 1
            elif known.state == "held":
                touched |= self._settle(number, known, state)
        self._append(Kind.RETURNS, first, touched)
        return Returned(version=self.version, missing=missing)

    def _settle(self, number: int, known: StoredReservation, state: str) -> set[str]:
        self.version += 1
        lines = [
            Line(sku=sku, quantity=int(quantity), unit_price=int(price))
            for sku, quantity, price in (text.split(":") for text in known.lines.split(";"))
        ]
        self._move(known.customer, lines, 1)
        self.reservations[reservation(number)] = known._replace(state=state)
        return {line.sku for line in lines}

    def grant(
        self, epoch: int, sku: str, units: int, revision: int
    ) -> Applied | UnknownItem | Refused:
        """Raise the sum by so many units, unless the revision is old."""
        if refusal := self._refusal(epoch):
            return refusal
        item = self.items.get(sku)
        if item is None:
            return UnknownItem()
        if revision <= item.revision:
            return Applied(version=None)
        item.raised += units
        item.available += units
        item.revision = revision
        return self._change(Kind.GRANT, {sku})

    def lower(self, epoch: int, request: str, sku: str, units: int) -> object:
        """Take units out, once a request."""
        if refusal := self._refusal(epoch):
            return refusal
        if request in self.lowerings:
            return self.lowerings[request]
        item = self.items.get(sku)
        if item is None:
            return UnknownItem()
        if units > item.available:
            return TooFew(available=item.available)
        item.lowered += units
        item.available -= units
        self.lowerings[request] = Lowered(sku=sku, units=units)
        return self._change(Kind.LOWERING, {sku})

    def change_state(
        self, epoch: int, state: str, window: tuple[int, int], revision: int
    ) -> Applied | Refused:
        """Install state and window, unless the revision is old."""
        if refusal := self._refusal(epoch):
            return refusal
        if revision <= self.state_revision:
            return Applied(version=None)
        self.state, (self.opens_at_ms, self.closes_at_ms) = state, window
        self.state_revision = revision
        return self._change(Kind.STATE, set())

    def _change(self, kind: Kind, touched: set[str]) -> Applied:
        self.version += 1
        self._append(kind, self.version, touched)
        return Applied(version=self.version)

    def _append(self, kind: Kind, first: int, touched: set[str]) -> None:
        if first <= self.version:
            stock = {sku: self.items[sku].available for sku in touched}
            self.history.append(Step(kind=kind, first=first, last=self.version, stock=stock))

    # What is no part of it

    def keep_cart(self, customer: str, lines: dict[str, int], version: int) -> None:
        """Let the cart have these lines; the version is the script's to choose."""
        known = self.carts.pop(customer, None)
        if lines:
            assert known is None or version == known.version + (lines != known.lines)
            self.carts[customer] = KeptCart(version=version, lines=lines)

    # What proves it

    def unprove(self) -> None:
        """The server was restarted or promoted."""
        self.proven = self.fence_is_ours = False

    def lose(self) -> None:
        """Every key is gone."""
        self.proven = self.fence_is_ours = False
        self.lost, self.fence = True, 0
        self.seen.clear()
        self.carts.clear()

    def close(self, epoch: int) -> Fenced | None:
        """The fence; None: it stands."""
        if epoch <= self.fence:
            return Fenced(epoch=self.fence)
        self.fence, self.fence_is_ours, self.proven = epoch, True, False
        return None

    def adopt(self, epoch: int) -> Opened | Fenced | Differs:
        """Prove the record as it stands."""
        if epoch != self.fence or not self.fence_is_ours:
            return Fenced(epoch=None)
        if self.lost:
            return Differs(what="epoch")
        self._prove(epoch)
        return Opened()

    def rebuild(self, epoch: int) -> Opened | Fenced:
        """Install what the ledger knows; it knows everything here."""
        if epoch != self.fence or not self.fence_is_ours:
            return Fenced(epoch=None)
        self.lost = False
        self.history.clear()
        self._prove(epoch)
        return Opened()

    def _prove(self, epoch: int) -> None:
        self.epoch, self.proven, self.committed = epoch, True, self.version
