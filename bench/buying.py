"""Loads of checkouts, and what they cost: shared by the suites that buy."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from bench import open_loop, wrk
from bench.case import Plan, Unmeasurable
from bench.cpu import metered
from bench.subject import Running
from bench.tokens import Tokens
from bench.wrk import Load

# More than any subject takes in a second on the machines that we know.
CEILING_PER_S: Final = {"HS256": 40_000, "ES256": 15_000}
WARM_UP_SECONDS: Final = 1
# For the latency: a rate that every subject keeps up with, so that it is not that of a queue.
LATENCY_PER_S: Final = 500
QUICK_LATENCY_PER_S: Final = 100
# wrk leaves in the middle of its last requests; where nothing was taken for so many looks, they are
# done.
SETTLED_LOOKS: Final = 4
LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How tokens are used: of which algorithm, and for how many requests each."""

    label: str
    algorithm: str
    requests_a_token: int

    @property
    def limit(self) -> int:
        """Nobody runs into it, but it is checked each time."""
        return 4 * self.requests_a_token

    def tokens_for(self, seconds: int) -> int:
        """How many tokens suffice for so long a load."""
        return CEILING_PER_S[self.algorithm] * seconds // self.requests_a_token


EACH_NEW: Final = Variant(label="each token new", algorithm="HS256", requests_a_token=1)
TWENTY: Final = Variant(label="20 requests a token", algorithm="HS256", requests_a_token=20)
ES256: Final = Variant(label="ES256, each token new", algorithm="ES256", requests_a_token=1)


async def warmed_up(running: Running, load: Load) -> Load:
    """Send some of the load, so that programs are compiled and connections made; returns the rest.

    Its tokens are those that the warm-up has left.
    """
    warm = await wrk.run(replace(load, seconds=WARM_UP_SECONDS, prefix="warm-"))
    await settled(running)
    used = (warm.requests + load.connections) // load.requests_a_token + 1
    return replace(load, first=load.first + used)


async def accepted(running: Running, load: Load) -> dict[str, float]:
    """Throughput and CPU of a load whose checkouts are all to be accepted."""
    before = await settled(running)
    with metered(running.processes) as meter:
        result = await wrk.run(load)
        taken = await settled(running) - before
    if result.refused or result.broken or not result.accepted:
        raise Unmeasurable(f"not everything was accepted: {result}")
    if running.taken:
        _check_sum(result.accepted, taken, load.connections)
    # What wrk no longer waited for was work as well.
    return {
        "accepted_per_s": result.accepted / result.seconds,
        **meter.each(taken or result.accepted),
    }


async def settled(running: Running) -> int:
    """How many units it has taken, once it has worked off what wrk left behind."""
    if running.taken is None:
        return 0
    seen = [await running.taken()]
    while len(seen) < SETTLED_LOOKS or len(set(seen[-SETTLED_LOOKS:])) > 1:
        await asyncio.sleep(LOOK_SECONDS)
        seen.append(await running.taken())
    return seen[-1]


def _check_sum(told: int, taken: int, in_flight: int) -> None:
    """What callers were told must be what was taken, but for answers that wrk no longer heard."""
    if not told <= taken <= told + in_flight:
        raise Unmeasurable(f"{told} were told that they have it, and {taken} were taken")


async def latency(
    plan: Plan, running: Running, tokens: Tokens, *, status: int = 201
) -> dict[str, float]:
    """Percentiles at a rate that leaves room; all answers have to be of that status."""
    rate = QUICK_LATENCY_PER_S if plan.quick else LATENCY_PER_S
    requests = open_loop.checkouts(tokens.first(rate * plan.seconds), "open-")
    answers = await open_loop.send(running.address, requests, per_second=rate, seconds=plan.seconds)
    if answers.unanswered or set(answers.statuses) != {status}:
        raise Unmeasurable(f"answered {answers.statuses}, {answers.unanswered} unanswered")
    return {
        "open_per_s": rate,
        "p50_ms": answers.percentile_ms(0.5),
        "p99_ms": answers.percentile_ms(0.99),
    }
