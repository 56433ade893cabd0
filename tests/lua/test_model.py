"""Whatever happens in whatever order: the scripts do what the model does, and the books balance.

`LUA_MODEL_EXAMPLES` and `LUA_MODEL_STEPS` make it run longer (`make model`), and then its counts go
into docs/evidence.md. `LUA_MODEL_SEED` repeats a run, and takes its time (minutes) to find the
shortest story that fails.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from typing import ClassVar, TypeVar

import hypothesis
import ledger
import pytest
from books import check
from chances import (
    AGAIN,
    BATCHES,
    CART_CHECKOUTS,
    CUSTOMERS,
    EPOCHS,
    REVISIONS,
    SETTLED,
    SKUS,
    STATES,
    WHICH,
    WINDOWS,
    WISHES,
    WITNESSES,
)
from evidence_page import write_section
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from model import KeptCart, Model, Settled, Step, Stock, Wish
from own_server import PATIENCE_SECONDS, OwnServer
from selling import LAMP, MUG, Offer, Sale, digest, reservation

from lua.admission import Decided
from lua.carts import Cart, NoRecord
from lua.entry import Entry
from lua.lines import Line
from lua.record import Proof
from lua.server import Server
from lua.store import Closed, Followed, Opened, UnknownItem
from lua.terms import FromCart

pytestmark = pytest.mark.every_redis

EXAMPLES = int(os.environ.get("LUA_MODEL_EXAMPLES", "25"))
IS_EVIDENCE = "LUA_MODEL_EXAMPLES" in os.environ
STEPS = int(os.environ.get("LUA_MODEL_STEPS", "30"))
PHASES = [Phase.generate, *([Phase.shrink] if "LUA_MODEL_SEED" in os.environ else [])]
SEED = int(os.environ.get("LUA_MODEL_SEED", random.randrange(2**32)))

Answer = TypeVar("Answer")

OFFERS = {LAMP: Offer(units=0), MUG: Offer(units=0, limit=2, price=90)}
LETTERS: dict[Settled, str] = {"expired": "x", "released": "r"}
MOST_RESERVATIONS = 3
BACKLOG_LIMIT = 15


class Selling(RuleBasedStateMachine):
    """One sale on a server, and its model beside it."""

    url = ""
    sales = 0
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        Selling.sales += 1
        self.loop = asyncio.new_event_loop()
        self.server = Server(self.url, timeout_seconds=PATIENCE_SECONDS)
        self.sale_id = f"sale-{Selling.sales}"
        self.sale = Sale(self.server, self.sale_id)
        self.store = self.sale.store
        self.model = Model(
            items={sku: Stock(offer=offer) for sku, offer in OFFERS.items()},
            most_reservations=MOST_RESERVATIONS,
            backlog_limit=BACKLOG_LIMIT,
        )
        self.history: list[Entry] = []
        self.sent: list[Wish] = []
        self.run(
            self.sale.open(
                OFFERS, reservations_per_customer=MOST_RESERVATIONS, backlog_limit=BACKLOG_LIMIT
            )
        )

    def run(self, answer: Coroutine[object, object, Answer]) -> Answer:
        """Wait for an answer of the server."""
        return self.loop.run_until_complete(answer)

    def teardown(self) -> None:
        self.run(self.server.aclose())
        self.loop.close()

    # What happens

    @initialize(lamps=st.sampled_from([12, 5, 2, 0]), mugs=st.sampled_from([6, 3, 0]))
    def deliver(self, lamps: int, mugs: int) -> None:
        self.grant(LAMP, lamps, newer=1, ahead=0)
        self.grant(MUG, mugs, newer=1, ahead=0)

    @rule(wishes=BATCHES, ahead=EPOCHS, witness=WITNESSES)
    def admit(self, wishes: list[Wish], ahead: int, witness: int) -> None:
        self.sent += wishes
        epoch, witness = self.model.epoch + ahead, max(0, self.model.version + witness)
        texts = [each.encode() for each in wishes]
        terms = {place: each.terms for place, each in enumerate(wishes) if each.terms}
        reply = self.run(self.store.admit(epoch, witness, texts, terms=terms))
        now_ms = reply.now_ms if isinstance(reply, Decided) else 0
        expected = self.model.admit(epoch, witness, wishes, now_ms)
        assert (reply.outcomes if isinstance(reply, Decided) else reply) == expected
        if isinstance(reply, Decided):
            assert reply.version == self.model.version
        decided = reply.outcomes if isinstance(reply, Decided) else [reply] * len(wishes)
        self.seen.update(type(each).__name__ for each in decided)

    @rule(wishes=BATCHES)
    def admit_more(self, wishes: list[Wish]) -> None:
        self.admit(wishes, ahead=0, witness=0)

    @precondition(lambda self: self.sent)
    @rule(which=WHICH)
    def retry(self, which: list[int]) -> None:
        self.admit([self._sent(number) for number in which], ahead=0, witness=0)

    @rule(which=WHICH, state=SETTLED, ahead=EPOCHS)
    def give_back(self, which: list[int], state: Settled, ahead: int) -> None:
        epoch = self.model.epoch + ahead
        numbers = [self._sent(number).number if self.sent else number for number in which]
        returns = [f"{reservation(number)}{LETTERS[state]}" for number in numbers]
        reply = self.run(self.store.return_units(epoch, returns))
        assert reply == self.model.give_back(epoch, numbers, state)

    @rule(checkouts=CART_CHECKOUTS, others=st.lists(WISHES, max_size=2))
    def buy_carts(
        self, checkouts: list[tuple[int, str, str | None, int]], others: list[Wish]
    ) -> None:
        for _, customer, sku, _ in checkouts:
            if sku is not None:
                self.put(customer, sku, quantity=1)
        carts = [
            self._from_cart(number, customer, newer) for number, customer, _, newer in checkouts
        ]
        self.admit([*carts[:1], *others, *carts[1:]], ahead=0, witness=0)

    def _from_cart(self, number: int, customer: str, newer: int) -> Wish:
        cart = self.model.carts.get(customer, KeptCart(version=0, lines={}))
        lines = [
            Line(sku=sku, quantity=units, unit_price=OFFERS[sku].price)
            for sku, units in sorted(cart.lines.items())
        ]
        terms = FromCart(customer=digest(customer), version=max(0, cart.version + newer))
        return Wish(number=number, customer=customer, lines=tuple(lines), terms=terms)

    @rule(customer=st.sampled_from(CUSTOMERS), sku=SKUS, quantity=st.integers(1, 3))
    def put(self, customer: str, sku: str, quantity: int) -> None:
        reply = self.run(
            self.sale.carts.put(self.sale_id, digest(customer), sku=sku, quantity=quantity)
        )
        if self.model.lost:
            assert reply == NoRecord()
        elif sku not in self.model.items:
            assert reply == UnknownItem()
        else:
            assert isinstance(reply, Cart)
            lines = self._lines_of(customer) | {sku: quantity}
            self.model.keep_cart(customer, lines, reply.version)

    @rule(customer=st.sampled_from(CUSTOMERS), sku=st.sampled_from([LAMP, MUG, "GONE", None]))
    def remove(self, customer: str, sku: str | None) -> None:
        reply = self.run(self.sale.carts.remove(self.sale_id, digest(customer), sku))
        if self.model.lost:
            assert reply == NoRecord()
        else:
            assert isinstance(reply, Cart)
            lines = self._lines_of(customer)
            kept = {each: units for each, units in lines.items() if sku not in (each, None)}
            self.model.keep_cart(customer, kept, reply.version)

    def _lines_of(self, customer: str) -> dict[str, int]:
        cart = self.model.carts.get(customer)
        return dict(cart.lines) if cart else {}

    def _sent(self, number: int) -> Wish:
        return self.sent[number % len(self.sent)]

    @rule(sku=SKUS, units=st.integers(0, 6), newer=REVISIONS, ahead=EPOCHS)
    def grant(self, sku: str, units: int, newer: int, ahead: int) -> None:
        epoch = self.model.epoch + ahead
        item = self.model.items.get(sku, Stock(offer=Offer(units=0)))
        revision, raised = item.revision + newer, item.raised + units
        reply = self.run(self.store.grant(epoch, sku=sku, raised=raised, revision=revision))
        assert reply == self.model.grant(epoch, sku, units, revision)

    @rule(request=st.sampled_from("abc"), sku=SKUS, units=st.integers(1, 3), ahead=EPOCHS)
    def lower(self, request: str, sku: str, units: int, ahead: int) -> None:
        epoch = self.model.epoch + ahead
        reply = self.run(
            self.store.lower(epoch, request=request, sku=sku, units=units, context="{}")
        )
        assert reply == self.model.lower(epoch, request, sku, units)

    @rule(
        state=STATES,
        window=WINDOWS,
        newer=REVISIONS,
        ahead=EPOCHS,
    )
    def change_state(self, state: str, window: tuple[int, int], newer: int, ahead: int) -> None:
        epoch, revision = self.model.epoch + ahead, self.model.state_revision + newer
        reply = self.run(
            self.store.change_state(
                epoch, state=state, opens_at_ms=window[0], closes_at_ms=window[1], revision=revision
            )
        )
        assert reply == self.model.change_state(epoch, state, window, revision)

    @rule(behind=st.integers(0, 3), trim=st.booleans())
    def follow(self, behind: int, *, trim: bool) -> None:
        if not self.model.proven:
            return
        model = self.model
        committed = max(0, model.version - behind)
        reply = self.run(
            self.store.follow(
                model.epoch, committed=committed, trim_below=committed if trim else 0, count=1000
            )
        )
        assert isinstance(reply, Followed)
        assert (reply.version, reply.committed) == (model.version, model.committed)
        assert reply.seen == model.seen.get(model.epoch, 0)
        assert reply.entries == [each for each in self.history if each.last > committed]
        model.committed = max(model.committed, committed)

    @rule()
    def forget_scripts(self) -> None:
        self.run(self.server.command("SCRIPT", "FLUSH"))

    @precondition(lambda self: self.model.proven)
    @rule(how=st.sampled_from(["promote", "promote", "lose", "fence"]), again=AGAIN)
    def disturb(self, how: str, again: str) -> None:
        match how:
            case "promote":
                self.run(self.server.command("REPLICAOF", "127.0.0.1", 1))
                self.run(self.server.command("REPLICAOF", "NO", "ONE"))
                self.model.unprove()
            case "lose":
                self.run(self.server.command("FLUSHALL"))
                self.model.lose()
            case _:
                self.fence(ahead=1)
        self.recover(again)

    @precondition(lambda self: not self.model.proven)
    @rule(again=AGAIN)
    def recover(self, again: str) -> None:
        if again != "later":
            self.fence(ahead=1)
        if again == "adopt":
            self.adopt(ahead=0)
        if again != "later" and not self.model.proven:
            self.rebuild(ahead=0)
        assert self.model.proven == (again != "later")

    @rule(ahead=st.sampled_from([0, 1, 2]))
    @precondition(lambda self: not self.model.proven)
    def fence(self, ahead: int) -> None:
        epoch = max(self.model.fence, self.model.epoch) + ahead
        reply = self.run(self.store.fence(epoch))
        seen = dict(self.model.seen)
        expected = self.model.close(epoch)
        if isinstance(reply, Closed):
            assert expected is None
            assert reply.seen == seen
            assert ("epoch" in reply.fields) != self.model.lost
        else:
            assert reply == expected

    @precondition(lambda self: not self.model.proven)
    @rule(ahead=st.sampled_from([0, 0, 0, 1]))
    def adopt(self, ahead: int) -> None:
        model, epoch = self.model, self.model.fence + ahead
        if epoch <= model.epoch:
            return  # its own epoch is what a recovery begins with
        available = {sku: item.available for sku, item in model.items.items()}
        proof = Proof(durability="fsync", replicas=0, backlog_limit=BACKLOG_LIMIT)
        reply = self.run(
            self.store.adopt(
                epoch,
                old_epoch=model.epoch,
                version=model.version,
                proof=proof,
                available=available,
            )
        )
        assert reply == model.adopt(epoch)
        if isinstance(reply, Opened):
            self.sale.epoch = model.epoch

    @precondition(lambda self: not self.model.proven)
    @rule(ahead=st.sampled_from([0, 0, 0, 1]))
    def rebuild(self, ahead: int) -> None:
        epoch = self.model.fence + ahead
        if epoch <= self.model.epoch:
            return
        reply = self.run(ledger.rebuild(self.store, epoch, self.model))
        assert reply == self.model.rebuild(epoch)
        if isinstance(reply, Opened):
            self.history.clear()
            self.run(self.sale.begin(epoch))

    # What must hold after each step

    @invariant()
    def the_books_balance(self) -> None:
        if self.model.lost:
            return
        now = self.run(self.sale.contents())
        self._follow_history(now.entries)
        check(self.sale.opening, replace(now, entries=self.history))

    @invariant()
    def the_record_is_the_models(self) -> None:
        record = self.run(self.store.read())
        if self.model.lost:
            assert record is None
            return
        assert record is not None
        model = self.model
        assert (record.epoch, record.version, record.proven) == (
            model.epoch,
            model.version,
            model.proven,
        )
        assert (record.state, record.state_revision) == (model.state, model.state_revision)
        assert record.committed == model.committed
        for sku, item in model.items.items():
            found = record.items[sku]
            assert (found.available, found.raised, found.lowered, found.raised_revision) == (
                item.available,
                item.raised,
                item.lowered,
                item.revision,
            )

    @invariant()
    def it_is_counted(self) -> None:
        self.seen["steps"] += 1

    @invariant()
    def the_carts_are_the_models(self) -> None:
        for customer in CUSTOMERS:
            cart = self.run(self.sale.carts.read(self.sale_id, digest(customer)))
            if self.model.lost:
                assert cart == NoRecord()
                continue
            assert isinstance(cart, Cart)
            expected = self.model.carts.get(customer, KeptCart(version=0, lines={}))
            assert cart.version == expected.version
            assert [(line.sku, line.quantity) for line in cart.lines] == [*expected.lines.items()]
            for line in cart.lines:
                item = self.model.items[line.sku]
                assert (line.unit_price, line.available) == (item.offer.price, item.available)

    @invariant()
    def the_history_is_the_models(self) -> None:
        assert self.model.history == [
            Step(kind=each.kind, first=each.first, last=each.last, stock=each.stock)
            for each in self.history
        ]

    def _follow_history(self, entries: list[Entry]) -> None:
        """Keep what was read: it may be trimmed, and must not change."""
        last = self.history[-1].last if self.history else 0
        assert [each for each in entries if each.last <= last] == [
            each for each in self.history if entries and each.last >= entries[0].last
        ]
        self.history += [each for each in entries if each.last > last]


@pytest.mark.timeout(max(120, EXAMPLES * STEPS // 10))
def test_the_scripts_do_what_the_model_does(own_server: OwnServer, redis_engine: str) -> None:
    print(f"seed {SEED}: repeat with LUA_MODEL_SEED={SEED}")  # shown where it fails
    seen: Counter[str] = Counter()
    machine = hypothesis.seed(SEED)(
        type("Selling", (Selling,), {"url": own_server.url, "seen": seen})
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=PHASES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if IS_EVIDENCE:
        write_section(f"The scripts against a model, on {redis_engine}", "make model", told(seen))


def told(seen: Counter[str]) -> list[str]:
    """What happened in all the stories, for docs/evidence.md."""
    steps = seen.pop("steps")
    checkouts = f"{seen.total():,} checkouts, decided as the model decides them"
    return [
        f"Seed {SEED}: {EXAMPLES:,} stories, all invariants checked {steps:,} times, {checkouts}.",
        "",
        "| decision | how often |",
        "|---|---:|",
        *(f"| {word} | {count:,} |" for word, count in seen.most_common()),
    ]
