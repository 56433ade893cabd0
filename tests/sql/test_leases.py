"""Reconcilers share the sales by leases, and take over from one that died."""

from uuid import UUID, uuid4

import pytest
from drafts import draft, open_sale

from sql import sales
from sql.database import Database
from sql.leases import leave, renew

SECONDS = 3.0


@pytest.fixture
async def ledger(database: Database) -> Database:
    """Six open sales, and a draft, which nobody has to lead."""
    for number in range(6):
        await open_sale(database, draft(f"sale-{number}"))
    await sales.create(database, draft("draft"))
    return database


async def settled(database: Database, *reconcilers: UUID) -> list[set[str]]:
    """What each leads, once all of them have renewed often enough to know of each other."""
    for _ in range(3):
        led = [await renew(database, each, seconds=SECONDS) for each in reconcilers]
    return led


async def pass_seconds(database: Database, seconds: float, *, but: UUID | None = None) -> None:
    """Let time pass for everybody but one, who would have renewed meanwhile."""
    for table, moment, name in (("lease", "until", "reconciler"), ("reconciler", "seen_at", "id")):
        earlier = f"{moment} = {moment} - make_interval(secs => $1)"
        statement = f"update {table} set {earlier} where {name} is distinct from $2"  # noqa: S608
        await database.execute(statement, seconds, but)


async def test_one_leads_every_sale_but_the_drafts(ledger: Database) -> None:
    assert await renew(ledger, uuid4(), seconds=SECONDS) == {f"sale-{n}" for n in range(6)}


@pytest.mark.parametrize("count", [2, 3, 4])
async def test_several_share_the_sales_and_lead_each_once(ledger: Database, count: int) -> None:
    led = await settled(ledger, *(uuid4() for _ in range(count)))
    assert set.union(*led) == {f"sale-{n}" for n in range(6)}
    assert sum(map(len, led)) == 6
    assert max(map(len, led)) == -(-6 // count)


async def test_more_reconcilers_than_sales_do_not_quarrel(ledger: Database) -> None:
    everyone = [uuid4() for _ in range(8)]
    first = await settled(ledger, *everyone)
    assert sorted(map(len, first)) == [0, 0, 1, 1, 1, 1, 1, 1]
    assert await settled(ledger, *everyone) == first


async def test_leases_stay_where_they_are_while_everybody_lives(ledger: Database) -> None:
    one, two = uuid4(), uuid4()
    first = await settled(ledger, one, two)
    for _ in range(3):
        await pass_seconds(ledger, 1.0)
        assert await settled(ledger, one, two) == first


async def test_the_sales_of_a_dead_one_are_taken_after_its_leases_and_not_before(
    ledger: Database,
) -> None:
    alive, dead = uuid4(), uuid4()
    await settled(ledger, alive, dead)
    await pass_seconds(ledger, SECONDS - 0.5, but=alive)
    assert len(await renew(ledger, alive, seconds=SECONDS)) == 3
    await pass_seconds(ledger, 0.6, but=alive)
    assert len(await renew(ledger, alive, seconds=SECONDS)) == 6


async def test_a_clock_that_was_set_back_keeps_no_sale_from_being_led(ledger: Database) -> None:
    """As after a failover to a Postgres whose clock is behind: no lease lasts an hour."""
    alive, dead = uuid4(), uuid4()
    await settled(ledger, alive, dead)
    await pass_seconds(ledger, -3600, but=alive)
    assert len(await renew(ledger, alive, seconds=SECONDS)) == 6


async def test_those_who_live_share_again_after_a_clock_was_set_back(ledger: Database) -> None:
    one, two = uuid4(), uuid4()
    await settled(ledger, one, two)
    await pass_seconds(ledger, -3600)
    assert [len(each) for each in await settled(ledger, one, two)] == [3, 3]


async def test_one_that_was_away_too_long_leads_nothing_by_itself(ledger: Database) -> None:
    paused, awake = uuid4(), uuid4()
    await settled(ledger, paused, awake)
    await pass_seconds(ledger, SECONDS + 1, but=awake)
    assert len(await renew(ledger, awake, seconds=SECONDS)) == 6
    # Back again, it gets its share only when the other one, who sees it now, gives it up.
    assert await renew(ledger, paused, seconds=SECONDS) == set()
    assert [len(each) for each in await settled(ledger, awake, paused)] == [3, 3]


async def test_who_leaves_frees_its_sales_at_once(ledger: Database) -> None:
    leaving, staying = uuid4(), uuid4()
    await settled(ledger, leaving, staying)
    await leave(ledger, leaving)
    assert len(await renew(ledger, staying, seconds=SECONDS)) == 6


async def test_a_new_sale_is_led_when_it_is_opened(ledger: Database) -> None:
    only = uuid4()
    await settled(ledger, only)
    await sales.change_state(ledger, "draft", "open")
    assert "draft" in await renew(ledger, only, seconds=SECONDS)
