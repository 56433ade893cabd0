"""What the scripts announce is complete, in order, and readable."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from own_server import OwnServer
from selling import FSYNC, LAMP, MUG, Offer, Sale, record_fields, reservation, wish

from lua.admission import Admitted
from lua.announcement import RESET, Announcement, parse_announcement
from lua.server import Server
from lua.store import Opened
from lua.subscription import Announced, Confirmed, Subscription, subscribe

pytestmark = pytest.mark.every_redis

HEARD_SECONDS = 5.0


class Listener:
    """Hears one sale."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def hear(self) -> Announcement:
        """The next announcement."""
        async with asyncio.timeout(HEARD_SECONDS):
            heard = await self._subscription.hear()
        assert isinstance(heard, Announced)
        assert heard.announcement is not None
        return heard.announcement


@pytest_asyncio.fixture
async def listener(redis_url: str, sale: Sale) -> AsyncIterator[Listener]:
    async with subscribe(redis_url) as subscription:
        await subscription.add([sale.store.sale_id])
        assert await subscription.hear() == Confirmed(sale_id=sale.store.sale_id)
        yield Listener(subscription)


def happened(
    first: int, last: int, stock: dict[str, int], *, state: str | None = None, epoch: int = 1
) -> Announcement:
    return Announcement(epoch=epoch, first=first, last=last, state=state, stock=stock)


async def test_every_change_is_announced_once_and_in_order(sale: Sale, listener: Listener) -> None:
    await sale.admit(wish(1), wish(1), wish(2, f"{LAMP}:2:500;{MUG}:1:90"))
    await sale.store.return_units(1, [f"{reservation(1)}x", f"{reservation(9)}x"])
    await sale.store.grant(1, sku=LAMP, raised=20, revision=2)
    await sale.store.lower(1, request="r", sku=MUG, units=4, context="{}")
    await sale.store.change_state(1, state="paused", opens_at_ms=0, closes_at_ms=0, revision=2)
    assert [await listener.hear() for _ in range(5)] == [
        happened(1, 2, {LAMP: 7, MUG: 4}),
        happened(3, 3, {LAMP: 8}),
        happened(4, 4, {LAMP: 18}),
        happened(5, 5, {MUG: 0}),
        happened(6, 6, {}, state="paused"),
    ]


async def test_what_changes_nothing_is_not_announced(sale: Sale, listener: Listener) -> None:
    await sale.admit(wish(1, f"{LAMP}:11:500"))
    await sale.store.return_units(1, [f"{reservation(9)}x"])
    await sale.store.grant(1, sku=LAMP, raised=20, revision=1)
    await sale.store.lower(1, request="r", sku=MUG, units=6, context="{}")
    await sale.store.change_state(1, state="paused", opens_at_ms=0, closes_at_ms=0, revision=1)
    await sale.store.follow(1, committed=0, trim_below=0, count=1)
    await sale.admit(wish(1))
    assert await listener.hear() == happened(1, 1, {LAMP: 9})


async def test_a_new_epoch_is_announced_as_a_reset(sale: Sale, listener: Listener) -> None:
    await sale.admit(wish(1))
    assert (await listener.hear()).last == 1
    await sale.store.fence(2)
    opened = await sale.store.adopt(
        2, old_epoch=1, version=1, proof=FSYNC, available={LAMP: 9, MUG: 5}
    )
    assert opened == Opened()
    assert await listener.hear() == happened(0, 1, {}, state=RESET, epoch=2)
    await sale.store.fence(3)
    fields = record_fields({LAMP: Offer(units=10)})
    await sale.store.open(3, version=5, reservations=0, customers=0, fields=fields)
    assert await listener.hear() == happened(0, 5, {}, state=RESET, epoch=3)
    await sale.begin(3)


async def test_a_forbidden_channel_does_not_spoil_an_admission(own_server: OwnServer) -> None:
    """An announcement comes after the writes: a user without the channel must not fail there."""
    async with own_server.door() as server:
        sale = Sale(server, "friday")
        await sale.open({LAMP: Offer(units=10)})
        user = ("ACL", "SETUSER", "gateway", "on", ">secret", "~*", "+@all", "resetchannels")
        await server.command(*user)
        url = own_server.url.replace("unix://", "unix://gateway:secret@")
        async with Server(url) as restricted:
            outcomes = await Sale(restricted, "friday").store.admit(1, 0, [wish(1)])
        assert getattr(outcomes, "outcomes", outcomes) == [Admitted(version=1)]


def test_the_state_and_the_stock_may_be_absent() -> None:
    assert parse_announcement(b"3 17 19 - LAMP-1=4;MUG=0") == happened(
        17, 19, {"LAMP-1": 4, "MUG": 0}, epoch=3
    )
    assert parse_announcement(b"3 20 20 paused -") == happened(20, 20, {}, state="paused", epoch=3)


@pytest.mark.parametrize("message", [b"", b"3 17 19 -", b"3 17 x - -", b"3 17 19 - A", b"\xff"])
def test_what_is_no_announcement_is_a_value_error(message: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (its messages are Python's own)
        parse_announcement(message)
