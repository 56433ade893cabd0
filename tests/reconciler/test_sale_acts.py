"""What an operator is told of an act while the ledger, or the reconciler, is away."""

from asyncio import TaskGroup, gather
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from away import TOKEN
from drafts import LAMP, MUG
from ledger_proxy import ledger_proxy
from till import Till, eventually

from gateway.admin import desk
from gateway.admin.sale_acts import Adjusted, Adjustment, Done, Made, Reused, SaleActs
from gateway.app import gateway
from gateway.config import GatewayConfig
from gateway.identity.api_keys import digest_of, new_key
from sql import sales
from sql.database import Database
from sql.keys import Scope, create_key
from sql.sales import SaleState

# Long enough to take the ledger away meanwhile.
WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Adjusts a sale, by default under one key."""

    sale_id: str
    acts: SaleActs

    async def adjust(self, delta: int, *, sku: str = LAMP, reason: str = "a pallet") -> Adjusted:
        adjustment = Adjustment(
            sale_id=self.sale_id,
            sku=sku,
            delta=delta,
            reason=reason,
            actor="key:ops",
            request="the key",
        )
        return await self.acts.adjust(adjustment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """The address of a ledger that goes away when its stack is closed."""

    url: str
    stack: AsyncExitStack


@pytest_asyncio.fixture
async def leaving(database_url: str, short_folder: Path) -> AsyncIterator[Leaving]:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(ledger_proxy(short_folder, database_url))
        yield Leaving(url=proxy.url, stack=stack)


@pytest_asyncio.fixture
async def opened(till: Till) -> Till:
    """A sale that is in Redis, and that no reconciler keeps any more."""
    async with till.kept():
        await eventually(till.is_settled)
    return till


# The ledger goes away


async def test_units_that_are_out_are_saved_where_the_ledger_goes_away(
    opened: Till, leaving: Leaving
) -> None:
    before = await opened.available()

    async def are_out() -> bool:
        return await opened.available() == before - 5

    async with Database(leaving.url) as ledger, TaskGroup() as tasks:
        acts = SaleActs(ledger, opened.server, wait_seconds=WAIT_SECONDS)
        told = tasks.create_task(Operator(sale_id=opened.sale_id, acts=acts).adjust(-5))
        await eventually(are_out)
        await leaving.stack.aclose()
    assert told.result() is Done.SAVED


async def test_a_sale_that_was_paused_is_shown_so_where_the_ledger_goes_away(
    opened: Till, redis_url: str, leaving: Leaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "WAIT_SECONDS", WAIT_SECONDS)
    key = new_key()
    digest = digest_of(key.encode())
    await create_key(opened.database, digest=digest, name="ops", scope=Scope.ADMIN)

    async def is_paused() -> bool:
        return (await sales.read(opened.database, opened.sale_id)).state is SaleState.PAUSED

    async with gateway(_config(redis_url, leaving.url)) as composed, TaskGroup() as tasks:
        transport = httpx.ASGITransport(composed.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            path = f"/v1/admin/sales/{opened.sale_id}/pause"
            headers = {"authorization": f"Bearer {key}"}
            told = tasks.create_task(client.post(path, headers=headers))
            await eventually(is_paused)
            await leaving.stack.aclose()
            answer = await told
    assert (answer.status_code, answer.json()["state"]) == (202, "paused"), answer.text


def _config(redis_url: str, database_url: str) -> GatewayConfig:
    return GatewayConfig(
        redis_url=redis_url,
        database_url=database_url,
        token=TOKEN,
        durability="memory",
        cors_origins=(),
        max_streams=10,
        request_deadline_seconds=1,
        cart_seconds=60,
        drain_seconds=0,
        demo_sale=None,
    )


# A key is used again before the ledger knows what for


@pytest.fixture
def operator(opened: Till) -> Operator:
    acts = SaleActs(opened.database, opened.server, wait_seconds=0.1)
    return Operator(sale_id=opened.sale_id, acts=acts)


async def test_a_key_is_not_taken_for_other_units_before_the_ledger_has_read_of_it(
    opened: Till, operator: Operator
) -> None:
    before = await opened.available()
    assert await operator.adjust(-5) is Done.SAVED
    reused = Reused(made=Made(sku=LAMP, delta=-5))
    assert await operator.adjust(-50) == reused
    assert await operator.adjust(-5, sku=MUG) == reused
    assert await operator.adjust(5) == reused
    assert await operator.adjust(-5) is Done.SAVED
    assert await opened.available() == before - 5
    async with opened.kept():
        await eventually(opened.is_settled)
    assert await operator.adjust(-5) is Done.UNCHANGED
    recorded = Reused(made=Made(sku=LAMP, delta=-5, reason="a pallet"))
    assert await operator.adjust(-5, reason="another") == recorded


async def test_of_two_grants_at_once_under_one_key_one_is_told_that_it_is_used(
    operator: Operator,
) -> None:
    told = await gather(operator.adjust(5), operator.adjust(50))
    assert Done.SAVED in told
    assert [each.made.delta for each in told if isinstance(each, Reused)] in ([5], [50])
