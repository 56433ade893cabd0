"""A ticket opens one stream for a minute, at every gateway, and can be made by none but them."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from gateway.orders.ticket import TICKET_SECONDS, Tickets
from gateway.problems import Refusal
from lua.server import Server
from lua.ticket_key import ticket_key

RESERVATION = uuid4()
NOW = 1_800_000_000.0


async def key() -> bytes:
    return b"a key that only gateways have"


@pytest_asyncio.fixture
async def server(redis_url: str) -> AsyncIterator[Server]:
    async with Server(redis_url) as server:
        yield server


async def refused(tickets: Tickets, text: str) -> bool:
    with pytest.raises(Refusal) as refusal:
        await tickets.check(text, RESERVATION)
    return refusal.value.problem.status == 401


@pytest.mark.every_redis
async def test_every_gateway_accepts_what_another_has_issued(server: Server) -> None:
    """Also those that ask for the key at the same moment, and none of them has one."""
    await server.command("DEL", "doorbuster:ticket-key")
    gateways = [Tickets(partial(ticket_key, server)) for _ in range(8)]
    issued = await asyncio.gather(*(each.issue(RESERVATION) for each in gateways))
    for ticket in issued:
        for gateway in gateways:
            await gateway.check(ticket.text, RESERVATION)


@pytest.mark.every_redis
async def test_with_another_key_none_is_good_any_more(server: Server) -> None:
    tickets = Tickets(partial(ticket_key, server))
    ticket = await tickets.issue(RESERVATION)
    await server.command("SET", "doorbuster:ticket-key", "another")
    assert await refused(tickets, ticket.text)


async def test_it_is_good_for_a_minute() -> None:
    now = NOW
    tickets = Tickets(key, clock=lambda: now)
    ticket = await tickets.issue(RESERVATION)
    assert ticket.expires_at_ms == (NOW + TICKET_SECONDS) * 1000
    now = NOW + TICKET_SECONDS - 0.001
    await tickets.check(ticket.text, RESERVATION)
    now = NOW + TICKET_SECONDS + 0.001
    assert await refused(tickets, ticket.text)


async def test_it_is_for_one_reservation() -> None:
    tickets = Tickets(key, clock=lambda: NOW)
    assert await refused(tickets, (await tickets.issue(uuid4())).text)


async def test_nothing_of_it_can_be_changed() -> None:
    tickets = Tickets(key, clock=lambda: NOW)
    text = (await tickets.issue(RESERVATION)).text
    for place in range(len("dbt_"), len(text)):
        other = "A" if text[place] != "A" else "B"
        changed = text[:place] + other + text[place + 1 :]
        # The last character has two bits that say nothing.
        if place < len(text) - 1:
            assert await refused(tickets, changed), place
        assert await refused(tickets, text[:place])


@given(st.text(max_size=60))
def test_whatever_else_is_sent_is_refused(text: str) -> None:
    assert asyncio.run(refused(Tickets(key), text))


async def test_without_redis_it_is_put_off(short_folder: Path) -> None:
    async with Server(f"unix://{short_folder}/nothing.sock") as server:
        tickets = Tickets(partial(ticket_key, server))
        with pytest.raises(Refusal) as refusal:
            await tickets.issue(RESERVATION)
    assert refusal.value.problem.status == 503
