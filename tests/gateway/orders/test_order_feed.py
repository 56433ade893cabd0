"""What makes the feed look at the ledger, how often, and what that costs."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import ExitStack, asynccontextmanager
from uuid import UUID

import pytest_asyncio
from holds import holds
from pipe import Pipe
from waiting import until

from gateway.finder import Found, all_in_ledger
from gateway.orders.feed import OrderFeed
from gateway.orders.sight import Sight
from gateway.streams.writer import Writer
from lua import keys
from lua.hints import hint
from lua.server import Server
from sql.database import Database
from sql.faults import LedgerUnreachable
from sql.settlement import Payment, pay, release

# Longer than any test: what is seen sooner was hinted at.
NEVER_SECONDS = 1000.0
COUNT = 200


class CountedLedger:
    """The ledger, which counts the rows of each query, and can be cut off."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[int] = []
        self.answered = 0
        self.is_cut_off = False
        self.is_defective = False

    async def read(self, reservations: Collection[UUID]) -> Mapping[UUID, Found]:
        self.asked.append(len(reservations))
        try:
            if self.is_cut_off:
                raise LedgerUnreachable("cut off")
            if self.is_defective:
                raise RuntimeError("nobody has foreseen this")
            return await all_in_ledger(self.database, reservations)
        finally:
            self.answered += 1


@pytest_asyncio.fixture
async def ledger(database_url: str) -> AsyncIterator[CountedLedger]:
    async with Database(database_url) as database:
        yield CountedLedger(database)


@pytest_asyncio.fixture
async def server(redis_url: str) -> AsyncIterator[Server]:
    async with Server(redis_url) as server:
        yield server


@asynccontextmanager
async def watching(
    ledger: CountedLedger, server: Server, reservations: Collection[UUID], *, reread_seconds: float
) -> AsyncIterator[tuple[OrderFeed, list[Pipe]]]:
    """Watch them all, each by one who has seen that it is committed."""
    feed = OrderFeed(ledger.read, server.url, Writer(), reread_seconds=reread_seconds)
    found = await all_in_ledger(ledger.database, reservations)
    pipes = [Pipe() for _ in reservations]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(feed.run())
        with ExitStack() as stack:
            for each, pipe in zip(reservations, pipes, strict=True):
                sight = Sight(found=found[each])
                stream = pipe.stream(sight.mark)
                stack.enter_context(feed.seat(found[each].reservation, sight, stream))
            yield feed, pipes
        running.cancel()


async def subscribed(server: Server, *sale_ids: str) -> None:
    """Wait until somebody hears what is hinted of each of the sales."""

    async def hears() -> bool:
        reply = await server.command("PUBSUB", "NUMSUB", *map(keys.orders, sale_ids))
        return isinstance(reply, list) and reply[1::2] == [1] * len(sale_ids)

    while not await hears():
        await asyncio.sleep(0.01)


async def settled(feed: OrderFeed, ledger: CountedLedger) -> None:
    """Wait until nothing is read, nor waits to be read, of what was begun."""
    asked = -1
    while feed._due or ledger.answered < len(ledger.asked) or asked != len(ledger.asked):
        asked = len(ledger.asked)
        await asyncio.sleep(0.5)


def events(pipe: Pipe) -> list[str]:
    """The names of the events that came over it."""
    return [
        line.removeprefix("event: ")
        for body in pipe.received
        for line in body.decode().splitlines()
        if line.startswith("event: ")
    ]


async def test_a_hint_makes_all_of_the_sale_be_read_in_one_query(
    ledger: CountedLedger, server: Server, sale_id: str
) -> None:
    paid = await holds(ledger.database, sale_id, COUNT)
    others = await holds(ledger.database, f"{sale_id}-2", COUNT)
    async with watching(ledger, server, [*paid, *others], reread_seconds=NEVER_SECONDS) as watched:
        feed, pipes = watched
        await subscribed(server, sale_id, f"{sale_id}-2")
        await settled(feed, ledger)
        await pay(ledger.database, [Payment(reservation=each, reference="p") for each in paid])
        before = len(ledger.asked)
        await hint(server, sale_id)
        await until(lambda: all(events(pipe) == ["paid"] for pipe in pipes[:COUNT]))
        assert ledger.asked[before:] == [COUNT]
        assert not any(pipe.received for pipe in pipes[COUNT:])


async def test_many_hints_at_once_are_no_more_queries_than_the_spacing_allows(
    ledger: CountedLedger, server: Server, sale_id: str
) -> None:
    (one,) = await holds(ledger.database, sale_id, 1)
    async with watching(ledger, server, [one], reread_seconds=NEVER_SECONDS) as watched:
        feed, (pipe,) = watched
        await subscribed(server, sale_id)
        await settled(feed, ledger)
        before = len(ledger.asked)
        for _ in range(200):
            await hint(server, sale_id)
        await release(ledger.database, one)
        await hint(server, sale_id)
        await until(lambda: events(pipe) == ["released"])
        # 200 hints take well below a second, and a second has ten turns.
        assert len(ledger.asked) - before < 50


async def test_without_any_hint_all_are_read_in_one_query_now_and_then(
    ledger: CountedLedger, server: Server, sale_id: str
) -> None:
    reservations = await holds(ledger.database, sale_id, COUNT)
    async with watching(ledger, server, reservations, reread_seconds=0.2) as (_, pipes):
        await release(ledger.database, reservations[7])
        await until(lambda: events(pipes[7]) == ["released"])
        assert set(ledger.asked) == {COUNT}
        assert not any(pipe.received for pipe in pipes[:7])


async def test_a_lost_subscription_is_taken_up_again_and_everything_read(
    ledger: CountedLedger, server: Server, sale_id: str
) -> None:
    (one,) = await holds(ledger.database, sale_id, 1)
    async with watching(ledger, server, [one], reread_seconds=NEVER_SECONDS) as watched:
        feed, (pipe,) = watched
        await subscribed(server, sale_id)
        await settled(feed, ledger)
        await server.command("CLIENT", "KILL", "TYPE", "pubsub")
        await release(ledger.database, one)
        await until(lambda: events(pipe) == ["released"])


async def test_while_the_ledger_is_away_what_was_shown_stands(
    ledger: CountedLedger, server: Server, sale_id: str
) -> None:
    (one,) = await holds(ledger.database, sale_id, 1)
    async with watching(ledger, server, [one], reread_seconds=0.1) as (_, (pipe,)):
        ledger.is_cut_off = True
        await until(lambda: len(ledger.asked) > 1)
        await release(ledger.database, one)
        before = len(ledger.asked)
        await until(lambda: len(ledger.asked) > before + 2)
        assert pipe.received == []
        ledger.is_cut_off = False
        await until(lambda: events(pipe) == ["released"])


async def test_a_defect_of_a_reading_ends_nothing(
    ledger: CountedLedger, server: Server, sale_id: str
) -> None:
    (one,) = await holds(ledger.database, sale_id, 1)
    ledger.is_defective = True
    async with watching(ledger, server, [one], reread_seconds=0.05) as (_, (pipe,)):
        await until(lambda: len(ledger.asked) > 1)
        await release(ledger.database, one)
        ledger.is_defective = False
        await until(lambda: events(pipe) == ["released"])


async def test_who_comes_to_what_was_seen_in_between_is_told_at_once(
    ledger: CountedLedger, server: Server, sale_id: str
) -> None:
    (one,) = await holds(ledger.database, sale_id, 1)
    (found,) = (await all_in_ledger(ledger.database, [one])).values()
    feed = OrderFeed(ledger.read, server.url, Writer(), reread_seconds=NEVER_SECONDS)
    sight, early, late = Sight(found=found), Pipe(), Pipe()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(feed.run())
        with feed.seat(found.reservation, sight, early.stream(sight.mark)):
            await release(ledger.database, one)
            await hint(server, sale_id)
            await until(lambda: events(early) == ["released"])
            with feed.seat(found.reservation, sight, late.stream(sight.mark)):
                assert events(late) == ["released"]
        assert (feed._watches, feed._of_sale, feed._due) == ({}, {}, set())
        running.cancel()
