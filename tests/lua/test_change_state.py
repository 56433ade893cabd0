"""The change_state script installs state and window by revision."""

import pytest
from selling import HOUR_MS, LAMP, Sale, wish

from lua.admission import Admitted, NotOpen
from lua.entry import Kind
from lua.store import Applied

pytestmark = pytest.mark.every_redis


async def change(
    sale: Sale, state: str, *, revision: int, opens_at_ms: int = 0, closes_at_ms: int = 0
) -> object:
    return await sale.store.change_state(
        1, state=state, opens_at_ms=opens_at_ms, closes_at_ms=closes_at_ms, revision=revision
    )


async def test_state_and_window_are_installed(sale: Sale) -> None:
    assert await change(sale, "paused", revision=5, opens_at_ms=7, closes_at_ms=9) == Applied(
        version=1
    )
    record = await sale.record()
    assert (record.state, record.state_revision) == ("paused", 5)
    assert (record.opens_at_ms, record.closes_at_ms) == (7, 9)


async def test_the_entry_touches_no_stock(sale: Sale) -> None:
    await change(sale, "paused", revision=5)
    (entry,) = await sale.entries()
    assert (entry.kind, entry.first, entry.last) == (Kind.STATE, 1, 1)
    assert (entry.body, entry.stock) == ("paused|5", {})


@pytest.mark.parametrize("revision", [1, 4, 5])
async def test_a_repeated_or_older_revision_changes_nothing(sale: Sale, revision: int) -> None:
    await change(sale, "closed", revision=5)
    before = await sale.everything()
    assert await change(sale, "open", revision=revision) == Applied(version=None)
    assert await sale.everything() == before


async def test_a_resumed_sale_sells_again(sale: Sale) -> None:
    await change(sale, "paused", revision=2)
    assert await sale.admit(wish(1)) == [NotOpen(state="paused")]
    await change(sale, "open", revision=3)
    assert await sale.admit(wish(1)) == [Admitted(version=3)]


async def test_the_reported_state_follows_the_window(sale: Sale) -> None:
    now_ms = (await sale.record()).now_ms
    await change(sale, "open", revision=2, opens_at_ms=now_ms + HOUR_MS)
    assert (await sale.record()).reported_state == "scheduled"
    await change(sale, "open", revision=3, opens_at_ms=1, closes_at_ms=2)
    assert (await sale.record()).reported_state == "closed"
    await change(sale, "open", revision=4, opens_at_ms=1, closes_at_ms=now_ms + HOUR_MS)
    assert (await sale.record()).reported_state == "open"
    assert (await sale.record()).items[LAMP].available == 10
