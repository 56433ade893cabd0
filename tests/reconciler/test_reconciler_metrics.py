"""What a reconciler counts, read as Prometheus reads it."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from private_redis import PrivateRedis
from scraping import Scrape, scrape
from till import Till, eventually

from doorbuster.faults import CannotServe
from doorbuster.reconciler_composition import reconciler_socket
from doorbuster.settings import Settings
from gateway.listener import listen
from lua.server import Server
from reconciler import ledger_watch, self_audit
from reconciler.service import ReconcilerConfig, run
from sql.alarms import AlarmKind, raise_alarm
from sql.database import Database


@pytest_asyncio.fixture
async def address(
    private_redis: PrivateRedis, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[str, int]]:
    """Where a running reconciler shows its metrics."""
    monkeypatch.setattr(ledger_watch, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(self_audit, "SHARE", 1.0)
    stop = asyncio.Event()
    with listen("127.0.0.1", 0) as listening:
        config = ReconcilerConfig(
            redis_url=private_redis.url,
            database_url=database_url,
            audit_seconds=0.1,
            listening=listening,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run(config, stop))
            yield listening.getsockname()
            stop.set()


async def until_scraped(address: tuple[str, int], condition: Callable[[Scrape], bool]) -> None:
    async def fulfilled() -> bool:
        return condition(await scrape(address))

    await eventually(fulfilled)


def open_alarms(seen: Scrape) -> float:
    return seen.value("doorbuster_alarms_open", kind="parked")


async def test_what_becomes_of_orders_is_counted(
    database: Database, private_redis: PrivateRedis, sale_id: str, address: tuple[str, int]
) -> None:
    async with Server(private_redis.url) as server:
        till = Till(database, server, sale_id)
        await till.open(hold_seconds=1)
        await till.until_open()
        await till.buy(30)
        await until_scraped(
            address,
            lambda seen: (
                seen.value("doorbuster_orders_committed_total") == 30
                and seen.value("doorbuster_holds_expired_total") == 30
                and seen.value("doorbuster_returns_applied_total") == 30
            ),
        )
    seen = await scrape(address)
    assert seen.value("doorbuster_commit_seconds_count") > 0
    assert seen.outcomes("doorbuster_recoveries_total") == {"rebuilt": 1}
    assert seen.value("doorbuster_sales_kept") == 1
    assert seen.value("doorbuster_ledger_lag_versions", sale=sale_id) == 0


async def test_its_audits_are_shown(
    database: Database, private_redis: PrivateRedis, sale_id: str, address: tuple[str, int]
) -> None:
    def drifts(seen: Scrape) -> tuple[float, float]:
        return (
            seen.value("doorbuster_audit_drifts", sale=sale_id),
            seen.value("doorbuster_audit_drift_units", sale=sale_id),
        )

    async with Server(private_redis.url) as server:
        till = Till(database, server, sale_id)
        await till.open()
        await till.until_open()
        await till.buy(3)
        await until_scraped(
            address, lambda seen: seen.outcomes("doorbuster_audits_total").get("clean", 0) > 0
        )
    seen = await scrape(address)
    assert seen.value("doorbuster_audit_clean_timestamp_seconds", sale=sale_id) > 0
    assert seen.value("doorbuster_audit_seconds_count") > 0
    assert seen.value("doorbuster_mirror_checks_total") > 0
    assert drifts(seen) == (0, 0)
    await database.execute("update item set taken = taken + 2")
    await until_scraped(address, lambda seen: drifts(seen) == (2, 4))
    assert (await scrape(address)).outcomes("doorbuster_audits_total")["drift"] > 0


async def test_what_waits_for_somebody_is_shown(
    database: Database, till: Till, address: tuple[str, int]
) -> None:
    await raise_alarm(database, till.sale_id, AlarmKind.PARKED, "a test")
    await until_scraped(address, lambda seen: open_alarms(seen) == 1)
    seen = await scrape(address)
    assert seen.value("doorbuster_alarms_open", kind="lost") == 0
    assert seen.value("doorbuster_parked_records") == 0


async def test_what_waits_is_not_called_nothing_while_the_ledger_is_away(
    database: Database, address: tuple[str, int]
) -> None:
    await until_scraped(address, lambda seen: "doorbuster_alarms_open{" in seen.text)
    await database.execute("alter table alarm rename to hidden")
    await until_scraped(address, lambda seen: math.isnan(open_alarms(seen)))


async def test_the_lag_grows_while_nobody_can_look(
    private_redis: PrivateRedis, database: Database, sale_id: str, address: tuple[str, int]
) -> None:
    def lag(seen: Scrape) -> float:
        return seen.value("doorbuster_ledger_lag_seconds", sale=sale_id)

    async with Server(private_redis.url) as server:
        till = Till(database, server, sale_id)
        await till.open()
        await till.until_open()
        await private_redis.kill()
        await until_scraped(address, lambda seen: lag(seen) > 0.5)
        await private_redis.start()
        await until_scraped(address, lambda seen: lag(seen) < 0.5)


def test_two_on_one_port_are_told_which_setting_to_change() -> None:
    with listen("127.0.0.1", 0) as taken:
        settings = Settings(reconciler_port=taken.getsockname()[1])
        with (
            pytest.raises(CannotServe, match=r"another process.*DOORBUSTER_RECONCILER_PORT"),
            reconciler_socket(settings),
        ):
            pass
