"""What somebody may do to a sale's books by hand, in either store."""

from collections.abc import Awaitable, Callable

from drafts import LAMP
from till import Till

from lua import keys
from reconciler.drift import DriftKind

Tampering = Callable[[Till], Awaitable[None]]


async def _ledger(till: Till, statement: str) -> None:
    await till.database.execute(f"{statement} where sale_id = $1", till.sale_id)


async def _redis(till: Till, *words: str | int) -> None:
    await till.server.command(*words)


def _record(till: Till) -> str:
    return keys.record(till.sale_id)


def _one(till: Till) -> str:
    return next(iter(till.told)).hex


async def taken_is_off(till: Till) -> None:
    await _ledger(till, "update item set taken = taken + 1")


async def lowered_is_off(till: Till) -> None:
    await _ledger(till, "update item set lowered = lowered + 1, granted = granted - 1")


async def stock_is_off(till: Till) -> None:
    await _redis(till, "HINCRBY", _record(till), f"available:{LAMP}", 1)


async def mirror_is_off(till: Till) -> None:
    await _ledger(till, "update item set mirror = mirror + 1")


async def redis_lost_an_order(till: Till) -> None:
    of = keys.of_epoch(till.sale_id, till.epoch)
    await _redis(till, "HDEL", of.reservations, next(iter(till.told)).hex)


async def the_ledger_lost_an_order(till: Till) -> None:
    await till.database.execute("delete from reservation where id = $1", next(iter(till.told)))


async def an_order_has_other_lines(till: Till) -> None:
    one = next(iter(till.told))
    await till.database.execute(
        "update reservation set lines = $2 where id = $1", one, f"{LAMP}:2:500"
    )


async def the_count_is_off(till: Till) -> None:
    await _redis(till, "HINCRBY", _record(till), "reservations", 1)


async def both_are_off(till: Till) -> None:
    """Redis and the mirror agree with each other: no entry will ever tell of it."""
    await stock_is_off(till)
    await till.database.execute(
        "update item set mirror = mirror + 1 where sale_id = $1 and sku = $2", till.sale_id, LAMP
    )


async def redis_was_granted_less(till: Till) -> None:
    """Fewer than are held, and no more are left."""
    await _redis(till, "HSET", _record(till), f"raised:{LAMP}", 5, f"available:{LAMP}", 0)


async def an_act_is_missing(till: Till) -> None:
    await till.database.execute(
        "delete from adjustment where sale_id = $1 and delta < 0", till.sale_id
    )


async def the_limit_is_exceeded(till: Till) -> None:
    await _ledger(till, "update reservation set customer = 'one'")
    await _ledger(till, "update item set limit_per_customer = 2")


async def holdings_are_off(till: Till) -> None:
    of = keys.of_epoch(till.sale_id, till.epoch)
    await _redis(till, "HSET", of.customers, "nobody", f"1;{LAMP}=1")


async def only_the_ledger_released(till: Till) -> None:
    one = next(iter(till.told))
    await till.database.execute(
        "update reservation set state = 'released', settled_at = now() where id = $1", one
    )


async def redis_was_granted_more(till: Till) -> None:
    await _redis(till, "HINCRBY", _record(till), f"raised:{LAMP}", 1)


async def only_redis_took_it_back(till: Till) -> None:
    stored = await till.store.find(till.epoch, _one(till))
    assert stored is not None
    of = keys.of_epoch(till.sale_id, till.epoch)
    await _redis(till, "HSET", of.reservations, _one(till), f"x{stored[1:]}")


async def it_ended_in_two_ways(till: Till) -> None:
    await only_redis_took_it_back(till)
    await only_the_ledger_released(till)


async def the_streams_end_is_gone(till: Till) -> None:
    stream = keys.of_epoch(till.sale_id, till.epoch).stream
    newest = await till.store.newest(till.epoch)
    assert newest is not None
    await _redis(till, "XDEL", stream, f"{newest.last}-0")


async def sold_too_much(till: Till) -> None:
    """As much as the constraint lets by: the counter stays behind."""
    one = next(iter(till.told))
    await till.database.execute(
        "update reservation set lines = $2 where id = $1", one, f"{LAMP}:20000:500"
    )


TAMPERINGS: dict[DriftKind, list[Tampering]] = {
    DriftKind.TAKEN: [taken_is_off],
    DriftKind.OVERSOLD: [sold_too_much],
    DriftKind.LOWERED: [lowered_is_off],
    DriftKind.STOCK: [stock_is_off, both_are_off],
    DriftKind.NOT_IN_REDIS: [redis_lost_an_order],
    DriftKind.NOT_IN_LEDGER: [the_ledger_lost_an_order],
    DriftKind.DIFFERENT: [an_order_has_other_lines],
    DriftKind.COUNT: [the_count_is_off],
    DriftKind.OVER_LIMIT: [the_limit_is_exceeded],
    DriftKind.HOLDINGS: [holdings_are_off],
    DriftKind.GRANTED: [redis_was_granted_more],
    DriftKind.MIRROR: [mirror_is_off, stock_is_off],
    DriftKind.STUCK_RETURN: [only_the_ledger_released],
    DriftKind.RETURNED: [only_redis_took_it_back],
    DriftKind.OTHER_END: [it_ended_in_two_ways],
    DriftKind.STREAM: [the_streams_end_is_gone],
}
