"""More than can be done: what gets through, and how long it takes."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from bench import open_loop, paying, wrk
from bench.buying import TWENTY, WARM_UP_SECONDS, settled, warmed_up
from bench.case import Case, Figures, Plan, Unmeasurable
from bench.open_loop import Answers
from bench.quota import quota
from bench.subject import Running, Shop
from bench.subjects import doorbuster
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.waiting import until
from bench.wrk import Load
from sql.database import Database

# Of one processor: so little that the load generator can offer four times of what that does.
SHARE: Final = 0.15
TIMES: Final = (1, 2, 4)
# Who waits for one of the connections. A load balancer turns more than so many away by itself, as a
# circuit breaker or by the length of its queue.
LONGEST_LINE: Final = 64
# A buyer who waits longer has gone away: what is admitted later is no success.
USEFUL_SECONDS: Final = 2.0
# Of those who bought before. It is little, so that it takes nothing from what the checkouts get.
PAYMENTS_PER_S: Final = 10
PAYERS: Final = 16
# For all rates together, so that each lasts this long: queues have time to grow.
LEAST_SECONDS: Final = 5
CATCHING_UP_SECONDS: Final = 60
CONNECTING_SECONDS: Final = 2


def cases(plan: Plan) -> list[Case]:
    """One measurement, of all rates on the same gateway: they are compared with each other."""
    tokens = token_store(plan.folder)(TWENTY.algorithm)
    says = (
        f"the gateway has {SHARE:.0%} of a processor; its capacity is measured in a closed loop "
        f"over {open_loop.CONNECTIONS} connections, and offered once, twice and four times in an "
        f"open one, over as many and the line of {LONGEST_LINE} that a load balancer has; goodput "
        f"counts what is admitted within {USEFUL_SECONDS:g} seconds, until the last answer; "
        f"{PAYMENTS_PER_S} payments a second are told beside it"
    )
    return [Case(subject="doorbuster", says=says, measure=partial(_measure, plan, tokens))]


async def _measure(plan: Plan, tokens: Tokens) -> Figures:
    seconds = plan.seconds if plan.quick else max(plan.seconds, LEAST_SECONDS)
    tokens.prepare(TWENTY.tokens_for(WARM_UP_SECONDS + seconds))
    # The open loops use each token once more for each rate.
    shop = Shop(folder=plan.folder, tokens=tokens, limit=100)
    async with (
        doorbuster.subject().start(shop) as running,
        Database(running.database_url) as database,
    ):
        load = Load(
            address=running.address,
            tokens=tokens,
            connections=plan.connections,
            seconds=seconds,
            requests_a_token=TWENTY.requests_a_token,
        )
        load = await warmed_up(running, load)
        payments = await _payments(running, database, PAYMENTS_PER_S * seconds * len(TIMES))
        with quota(running.processes["gateway"], SHARE):
            figures = {"capacity_per_s": await _capacity(running, load)}
            for times in TIMES:
                await settled(running)
                rate = figures["capacity_per_s"] * times
                async with asyncio.TaskGroup() as tasks:
                    paid = tasks.create_task(_pay(running, payments, seconds))
                    answers = await _offer(running, tokens, rate, f"{times}-times-", seconds)
                figures |= _figures(f"{times}x", answers, paid.result())
    figures["goodput_peak_per_s"] = max(figures[f"goodput_{times}x_per_s"] for times in TIMES)
    return figures


async def _capacity(running: Running, load: Load) -> float:
    """Over as many connections as are used later: the more wait, the more share a script call.

    It is counted once they are made: with so little of a processor that takes seconds.
    """
    if running.taken is None:
        raise Unmeasurable("it sells nothing")
    long = load.seconds + 2 * CONNECTING_SECONDS
    load = replace(load, prefix="capacity-", connections=open_loop.CONNECTIONS, seconds=long)
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(wrk.run(load))
        await asyncio.sleep(CONNECTING_SECONDS)
        began, before = time.monotonic(), await running.taken()
        await asyncio.sleep(load.seconds - 2 * CONNECTING_SECONDS)
        capacity = (await running.taken() - before) / (time.monotonic() - began)
    result = sending.result()
    if result.refused or result.broken:
        raise Unmeasurable(f"not everything was accepted: {result}")
    return capacity


async def _payments(running: Running, database: Database, count: int) -> Iterator[bytes]:
    """Payments of reservations that were bought while nothing lacked."""

    async def has_all() -> bool:
        return running.committed is not None and await running.committed() >= count

    await until(has_all, seconds=CATCHING_UP_SECONDS)
    key = await paying.settle_key(database)
    return paying.confirms(await paying.held(database, count), key)


async def _pay(running: Running, payments: Iterator[bytes], seconds: int) -> Answers:
    return await open_loop.send(
        running.address,
        payments,
        per_second=PAYMENTS_PER_S,
        seconds=seconds,
        connections=PAYERS,
    )


async def _offer(
    running: Running, tokens: Tokens, rate: float, prefix: str, seconds: int
) -> Answers:
    buyers = tokens.first(int(rate * seconds / TWENTY.requests_a_token) + 1)
    each_often = [token for token in buyers for _ in range(TWENTY.requests_a_token)]
    return await open_loop.send(
        running.address,
        open_loop.checkouts(each_often, prefix),
        per_second=rate,
        seconds=seconds,
        longest_line=LONGEST_LINE,
    )


def _figures(times: str, answers: Answers, paid: Answers) -> dict[str, float]:
    if paid.unanswered or set(paid.statuses) != {200}:
        raise Unmeasurable(f"payments: {paid.statuses}, {paid.unanswered} unanswered")
    return {
        f"offered_{times}_per_s": answers.sent / answers.seconds,
        f"goodput_{times}_per_s": _useful(answers) / answers.lasted_seconds,
        f"refused_{times}_per_s": answers.statuses[503] / answers.seconds,
        f"turned_away_{times}_per_s": answers.turned_away / answers.seconds,
        f"admitted_p50_{times}_ms": 1000 * _percentile(answers.of_status(201), 0.5),
        f"admitted_p99_{times}_ms": 1000 * _percentile(answers.of_status(201), 0.99),
        f"paid_p50_{times}_ms": 1000 * _percentile(paid.of_status(200), 0.5),
        f"paid_p99_{times}_ms": 1000 * _percentile(paid.of_status(200), 0.99),
    }


def _useful(answers: Answers) -> int:
    return sum(seconds <= USEFUL_SECONDS for seconds in answers.of_status(201))


def _percentile(seconds: list[float], share: float) -> float:
    if not seconds:
        raise Unmeasurable("nothing was done")
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


SUITE: Final = Suite(
    name="overload",
    says="more than the gateway can do",
    drawn="goodput_4x_per_s",
    cases=cases,
)
