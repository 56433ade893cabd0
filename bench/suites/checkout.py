"""Stock for everybody, and a new idempotency key with each request."""

from functools import partial
from typing import Final

from bench.buying import (
    EACH_NEW,
    ES256,
    TWENTY,
    WARM_UP_SECONDS,
    Variant,
    accepted,
    latency,
    warmed_up,
)
from bench.case import Case, Figures, Plan
from bench.subject import Shop, Subject
from bench.subjects import doorbuster, peers
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.wrk import Load

_MEASURED: Final = (
    (doorbuster.subject(), (EACH_NEW, TWENTY, ES256)),
    (peers.FASTIFY_IOREDIS, (EACH_NEW, TWENTY, ES256)),
    (peers.FASTAPI_REDIS, (EACH_NEW, TWENTY)),
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
    tokens.prepare(variant.tokens_for(WARM_UP_SECONDS + plan.seconds))
    shop = Shop(folder=plan.folder, tokens=tokens, limit=variant.limit)
    async with subject.start(shop) as running:
        load = await warmed_up(
            running,
            Load(
                address=running.address,
                tokens=tokens,
                connections=plan.connections,
                seconds=plan.seconds,
                requests_a_token=variant.requests_a_token,
            ),
        )
        return await accepted(running, load) | await latency(plan, running, tokens)


SUITE: Final = Suite(
    name="checkout",
    says="stock for everybody, and a new idempotency key with each request",
    drawn="accepted_per_s",
    cases=cases,
)
