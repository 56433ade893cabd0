"""The stock, streamed to everybody who listens."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from bench import open_loop
from bench.buying import EACH_NEW
from bench.case import Case, Figures, Plan, Unmeasurable
from bench.cpu import cpu_seconds, metered, resident_bytes, tree
from bench.listeners import listening
from bench.subject import Shop
from bench.subjects import doorbuster
from bench.subjects.streams import DOORBUSTER, NCHAN_STREAMER, PATH, SSE_STARLETTE, Streamer
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from lua.subscription import Announced, Subscription, subscribe

STREAMS: Final = 5_000
QUICK_STREAMS: Final = 50
# So seldom that each change is an event of its own for every stream, whoever sends it.
CHANGES_PER_S: Final = 1
# What was sent has arrived by then.
SETTLING_SECONDS: Final = 1.5
# While it sells out: most of the time there is stock, and then there is none.
CHECKOUTS_PER_S: Final = 400
QUICK_CHECKOUTS_PER_S: Final = 50
SHARE_IN_STOCK: Final = 0.7
MICROSECONDS: Final = 1_000_000


def cases(plan: Plan) -> list[Case]:
    """Each streamer, and the stream of a sale that sells out."""
    streamers = (DOORBUSTER,) if plan.quick else (DOORBUSTER, SSE_STARLETTE, NCHAN_STREAMER)
    tokens = token_store(plan.folder)
    return [
        *(
            Case(subject=streamer.name, says=streamer.says, measure=partial(spread, plan, streamer))
            for streamer in streamers
        ),
        Case(
            subject="doorbuster, selling out",
            says="from a change in Redis to the last of all streams, while the same gateway sells",
            measure=partial(sell_out, plan, tokens(EACH_NEW.algorithm)),
        ),
    ]


async def spread(plan: Plan, streamer: Streamer) -> Figures:
    """Memory and CPU of so many streams, and CPU of each event that one of them received."""
    count = _streams(plan)
    async with streamer.start(plan.folder) as streaming:
        await streaming.change()
        memory, used = _memory(streaming.pid), cpu_seconds(streaming.pid)
        async with listening(streaming.address, PATH, count) as crowd:
            figures = {
                "streams": count,
                "bytes_per_stream": (_memory(streaming.pid) - memory) / count,
                "connect_cpu_us": (cpu_seconds(streaming.pid) - used) * MICROSECONDS / count,
            }
            await crowd.begin()
            with metered({"event": streaming.pid}) as meter:
                for _ in range(CHANGES_PER_S * plan.seconds):
                    await streaming.change()
                    await asyncio.sleep(1 / CHANGES_PER_S)
                await asyncio.sleep(SETTLING_SECONDS)
            events, _ = await crowd.end()
    _check_count(events, count * CHANGES_PER_S * plan.seconds)
    return {**figures, "events": events, "cpu_us_per_event": meter.used_us["event"] / events}


async def sell_out(plan: Plan, tokens: Tokens) -> Figures:
    """How late the last stream is, over every change until nothing is left."""
    rate = QUICK_CHECKOUTS_PER_S if plan.quick else CHECKOUTS_PER_S
    buyers = tokens.first(rate * plan.seconds)
    shop = Shop(folder=plan.folder, tokens=tokens, units=int(len(buyers) * SHARE_IN_STOCK))
    count = _streams(plan)
    async with (
        doorbuster.subject().start(shop) as running,
        listening(running.address, PATH, count) as crowd,
    ):
        async with _noting_changes(running.redis_url) as changed:
            await crowd.begin()
            requests = open_loop.checkouts(buyers, "stream-")
            answers = await open_loop.send(
                running.address, requests, per_second=rate, seconds=plan.seconds
            )
            await asyncio.sleep(SETTLING_SECONDS)
        _, reached = await crowd.end()
    if not 0 < answers.statuses[409] < len(buyers):
        raise Unmeasurable(f"it did not sell out: {answers.statuses}")
    return {"streams": count, "checkouts_per_s": rate, **_lateness(changed, reached)}


@asynccontextmanager
async def _noting_changes(redis_url: str) -> AsyncIterator[dict[int, float]]:
    """When Redis announced each version, on the clock that the listeners use."""
    changed: dict[int, float] = {}
    async with subscribe(redis_url) as subscription, asyncio.TaskGroup() as tasks:
        await subscription.add([doorbuster.SALE])
        noting = tasks.create_task(_note_changes(subscription, changed))
        yield changed
        noting.cancel()


async def _note_changes(subscription: Subscription, changed: dict[int, float]) -> None:
    while True:
        heard = await subscription.hear()
        if isinstance(heard, Announced) and heard.announcement:
            changed[heard.announcement.last] = time.monotonic()


def _lateness(changed: dict[int, float], reached: dict[int, float]) -> dict[str, float]:
    if not changed or max(changed) > max(reached, default=0):
        raise Unmeasurable(f"the last change reached nobody: {changed} {reached}")
    later = sorted(reached)
    late = sorted(
        next(reached[number] for number in later if number >= version) - at
        for version, at in changed.items()
    )
    return {
        "last_stream_p50_ms": 1000 * late[len(late) // 2],
        "last_stream_p99_ms": 1000 * late[min(len(late) - 1, int(0.99 * len(late)))],
    }


def _check_count(events: int, most: int) -> None:
    """A streamer may show two changes as one, but none twice, and not many as one."""
    if not most / 2 <= events <= most:
        raise Unmeasurable(f"{events} events were received where {most} were due")


def _streams(plan: Plan) -> int:
    return QUICK_STREAMS if plan.quick else STREAMS


def _memory(pid: int) -> int:
    return sum(resident_bytes(each) for each in tree(pid))


SUITE: Final = Suite(
    name="stream",
    says="the stock as server-sent events to everybody who listens",
    drawn="cpu_us_per_event",
    cases=cases,
)
