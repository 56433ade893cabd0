"""Stock for everybody, and a new idempotency key with each request."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from bench import open_loop, wrk
from bench.case import Case, Figures, Plan, Unmeasurable
from bench.cpu import metered
from bench.subject import Running, Shop, Subject
from bench.subjects import doorbuster, peers
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.wrk import Load

# More than any subject takes in a second on the machines that we know.
CEILING_PER_S: Final = {"HS256": 40_000, "ES256": 15_000}
WARM_UP_SECONDS: Final = 1
# For the latency: a rate that every subject keeps up with, so that it is not that of a queue.
LATENCY_PER_S: Final = 500
QUICK_LATENCY_PER_S: Final = 100
# wrk leaves in the middle of its last requests; nothing was taken for so long: they are done.
SETTLING_SECONDS: Final = 0.3


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


EACH_NEW: Final = Variant(label="each token new", algorithm="HS256", requests_a_token=1)
TWENTY: Final = Variant(label="20 requests a token", algorithm="HS256", requests_a_token=20)
ES256: Final = Variant(label="ES256, each token new", algorithm="ES256", requests_a_token=1)

_MEASURED: Final = (
    (doorbuster.subject(), (EACH_NEW, TWENTY, ES256)),
    (peers.FASTIFY_IOREDIS, (EACH_NEW, TWENTY, ES256)),
    (peers.FASTAPI_REDIS, (EACH_NEW, TWENTY, ES256)),
    (peers.ROW_LOCK, (EACH_NEW,)),
    (peers.HELLO, (EACH_NEW,)),
)
_QUICK: Final = ((doorbuster.subject(), (TWENTY,)), (peers.HELLO, (EACH_NEW,)))


def cases(plan: Plan) -> list[Case]:
    """Every subject with every kind of token."""
    tokens = token_store(plan.folder)
    return [
        Case(
            subject=f"{subject.name}, {variant.label}",
            says=subject.says,
            measure=partial(measure, plan, subject, variant, tokens(variant.algorithm)),
        )
        for subject, variants in (_QUICK if plan.quick else _MEASURED)
        for variant in variants
    ]


async def measure(plan: Plan, subject: Subject, variant: Variant, tokens: Tokens) -> Figures:
    """Throughput and CPU in a closed loop, and then latency in an open one."""
    seconds = WARM_UP_SECONDS + plan.seconds
    tokens.prepare(CEILING_PER_S[variant.algorithm] * seconds // variant.requests_a_token)
    shop = Shop(folder=plan.folder, tokens=tokens, limit=variant.limit)
    async with subject.start(shop) as running:
        load = Load(
            address=running.address,
            tokens=tokens,
            connections=plan.connections,
            seconds=WARM_UP_SECONDS,
            requests_a_token=variant.requests_a_token,
            prefix="warm-",
        )
        warm = await wrk.run(load)
        used = (warm.requests + plan.connections) // variant.requests_a_token + 1
        load = replace(load, seconds=plan.seconds, prefix="key-", first=used)
        return await closed(running, load) | await opened(plan, running, tokens)


async def closed(running: Running, load: Load) -> dict[str, float]:
    """Throughput and CPU of a load whose checkouts are all to be accepted."""
    before = await settled(running)
    with metered(running.processes) as meter:
        result = await wrk.run(load)
        taken = await settled(running) - before
    if result.refused or result.broken or not result.accepted:
        raise Unmeasurable(f"not everything was accepted: {result}")
    if running.taken:
        check_sum(result.accepted, taken, load.connections)
    # What wrk no longer waited for was work as well.
    return {
        "accepted_per_s": result.accepted / result.seconds,
        **meter.each(taken or result.accepted),
    }


async def settled(running: Running) -> int:
    """How many units it has taken, once it has worked off what wrk left behind."""
    if running.taken is None:
        return 0
    before, taken = -1, await running.taken()
    while before != taken:
        await asyncio.sleep(SETTLING_SECONDS)
        before, taken = taken, await running.taken()
    return taken


def check_sum(told: int, taken: int, in_flight: int) -> None:
    """What callers were told must be what was taken, but for answers that wrk no longer heard."""
    if not told <= taken <= told + in_flight:
        raise Unmeasurable(f"{told} were told that they have it, and {taken} were taken")


async def opened(plan: Plan, running: Running, tokens: Tokens) -> dict[str, float]:
    """Latency at a rate that leaves room."""
    rate = QUICK_LATENCY_PER_S if plan.quick else LATENCY_PER_S
    requests = open_loop.checkouts(tokens.first(rate * plan.seconds), "open-")
    answers = await open_loop.send(running.address, requests, per_second=rate, seconds=plan.seconds)
    if answers.unanswered or set(answers.statuses) != {201}:
        raise Unmeasurable(f"answered {answers.statuses}, {answers.unanswered} unanswered")
    return {
        "open_per_s": rate,
        "p50_ms": answers.percentile_ms(0.5),
        "p99_ms": answers.percentile_ms(0.99),
    }


SUITE: Final = Suite(
    name="checkout",
    says="stock for everybody, and a new idempotency key with each request",
    drawn="accepted_per_s",
    cases=cases,
)
