"""More than can be done: what gets through, and how long it takes."""

from dataclasses import replace
from functools import partial
from typing import Final

from bench import open_loop, wrk
from bench.buying import TWENTY, WARM_UP_SECONDS, settled, warmed_up
from bench.case import Case, Figures, Plan, Unmeasurable
from bench.open_loop import Answers
from bench.quota import quota
from bench.subject import Running, Shop
from bench.subjects import doorbuster
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.wrk import Load

# Of one processor: so little that the load generator can offer four times of what that does.
SHARE: Final = 0.15
TIMES: Final = (1, 2, 4)
# Who waits for one of the connections. A load balancer turns more than so many away by itself, as a
# circuit breaker or by the length of its queue.
LONGEST_LINE: Final = 64
# A buyer who waits longer has gone away: what is admitted later is no success.
USEFUL_SECONDS: Final = 2.0
# For all rates together, so that each lasts this long: queues have time to grow.
LEAST_SECONDS: Final = 5


def cases(plan: Plan) -> list[Case]:
    """One measurement, of all rates on the same gateway: they are compared with each other."""
    tokens = token_store(plan.folder)(TWENTY.algorithm)
    says = (
        f"the gateway has {SHARE:.0%} of a processor; its capacity is measured in a closed loop "
        f"over {open_loop.CONNECTIONS} connections, and offered once, twice and four times in an "
        f"open one, over as many and the line of {LONGEST_LINE} that a load balancer has; goodput "
        f"counts what is admitted within {USEFUL_SECONDS:g} seconds"
    )
    return [Case(subject="doorbuster", says=says, measure=partial(_measure, plan, tokens))]


async def _measure(plan: Plan, tokens: Tokens) -> Figures:
    seconds = plan.seconds if plan.quick else max(plan.seconds, LEAST_SECONDS)
    tokens.prepare(TWENTY.tokens_for(WARM_UP_SECONDS + seconds))
    # The open loops use each token once more for each rate.
    shop = Shop(folder=plan.folder, tokens=tokens, limit=100)
    async with doorbuster.subject().start(shop) as running:
        load = Load(
            address=running.address,
            tokens=tokens,
            connections=plan.connections,
            seconds=seconds,
            requests_a_token=TWENTY.requests_a_token,
        )
        load = await warmed_up(running, load)
        with quota(running.processes["gateway"], SHARE):
            figures = {"capacity_per_s": await _capacity(load)}
            for times in TIMES:
                await settled(running)
                figures |= await _offer(running, tokens, figures["capacity_per_s"], times, seconds)
    figures["goodput_peak_per_s"] = max(figures[f"goodput_{times}x_per_s"] for times in TIMES)
    return figures


async def _capacity(load: Load) -> float:
    """Over as many connections as are used later: the more wait, the more share a script call."""
    load = replace(load, prefix="capacity-", connections=open_loop.CONNECTIONS)
    result = await wrk.run(load)
    if result.refused or result.broken:
        raise Unmeasurable(f"not everything was accepted: {result}")
    return result.accepted / result.seconds


async def _offer(
    running: Running, tokens: Tokens, capacity: float, times: int, seconds: int
) -> dict[str, float]:
    rate = capacity * times
    buyers = tokens.first(int(rate * seconds / TWENTY.requests_a_token) + 1)
    each_often = [token for token in buyers for _ in range(TWENTY.requests_a_token)]
    requests = open_loop.checkouts(each_often, f"{times}-times-")
    answers = await open_loop.send(
        running.address,
        requests,
        per_second=rate,
        seconds=seconds,
        longest_line=LONGEST_LINE,
    )
    return {
        f"offered_{times}x_per_s": answers.sent / answers.seconds,
        f"goodput_{times}x_per_s": _useful(answers) / answers.seconds,
        f"refused_{times}x_per_s": answers.statuses[503] / answers.seconds,
        f"turned_away_{times}x_per_s": answers.turned_away / answers.seconds,
        f"admitted_p99_{times}x_ms": 1000 * _percentile(answers.of_status(201), 0.99),
    }


def _useful(answers: Answers) -> int:
    return sum(seconds <= USEFUL_SECONDS for seconds in answers.of_status(201))


def _percentile(seconds: list[float], share: float) -> float:
    if not seconds:
        raise Unmeasurable("nothing was admitted")
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


SUITE: Final = Suite(
    name="overload",
    says="more than the gateway can do",
    drawn="goodput_4x_per_s",
    cases=cases,
)
