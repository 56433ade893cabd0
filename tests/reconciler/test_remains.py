"""What a rebuild leaves in Redis stays there to be looked at, until its alarm is acknowledged."""

import pytest
from till import Till, eventually

from lua import keys
from lua.replies import integer
from reconciler import remains
from reconciler.recovery import Recovery
from sql.alarms import acknowledge, open_alarms


async def _has_keys(till: Till, epoch: int) -> bool:
    of = keys.of_epoch(till.sale_id, epoch)
    return integer(await till.server.command("EXISTS", of.reservations, of.customers)) == 2


async def test_the_old_keys_go_when_somebody_has_acknowledged(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remains, "PAUSE_SECONDS", 0.01)
    async with till.kept():
        await till.buy(3)
        await till.until_settled()
    old = till.epoch
    await Recovery(till.database, till.store).run("asked for by the test", rebuild=True)
    async with till.kept():
        await till.buy(1)
        assert await _has_keys(till, old)
        (alarm,) = await open_alarms(till.database, till.sale_id)
        await acknowledge(till.database, alarm.id, actor="cli:ada")

        async def is_gone() -> bool:
            return not await _has_keys(till, old)

        await eventually(is_gone)
        assert await _has_keys(till, till.epoch)
        await till.check_books()
