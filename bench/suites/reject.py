"""Everything is sold, and everybody goes on asking."""

from dataclasses import replace
from functools import partial
from typing import Final

from bench import wrk
from bench.buying import (
    EACH_NEW,
    TWENTY,
    WARM_UP_SECONDS,
    Variant,
    settled,
)
from bench.case import Case, Figures, Plan, Unmeasurable
from bench.cpu import metered
from bench.subject import Running, Shop, Subject
from bench.subjects import doorbuster, peers
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.wrk import Load
from lua.replies import text
from lua.server import Server

UNITS: Final = 100

_MEASURED: Final = (
    (doorbuster.subject(), (EACH_NEW, TWENTY)),
    (peers.FASTIFY_IOREDIS, (EACH_NEW, TWENTY)),
    (peers.FASTAPI_REDIS, (EACH_NEW, TWENTY)),
    (peers.HELLO, (EACH_NEW,)),
)
_QUICK: Final = ((doorbuster.subject(), (TWENTY,)),)


def cases(plan: Plan) -> list[Case]:
    """Every subject, with a new token for each request and with 20 requests a token."""
    tokens = token_store(plan.folder)(EACH_NEW.algorithm)
    return [
        Case(
            subject=f"{subject.name}, {variant.label}",
            says=subject.says,
            measure=partial(_measure, plan, subject, variant, tokens),
        )
        for subject, variants in (_QUICK if plan.quick else _MEASURED)
        for variant in variants
    ]


async def _measure(plan: Plan, subject: Subject, variant: Variant, tokens: Tokens) -> Figures:
    tokens.prepare(variant.tokens_for(WARM_UP_SECONDS + plan.seconds))
    shop = Shop(folder=plan.folder, tokens=tokens, units=UNITS, limit=variant.limit)
    async with subject.start(shop) as running:
        load = Load(
            address=running.address,
            tokens=tokens,
            connections=plan.connections,
            seconds=plan.seconds,
            requests_a_token=variant.requests_a_token,
        )
        # The warm-up buys what there is.
        warm = await wrk.run(replace(load, seconds=WARM_UP_SECONDS, prefix="warm-"))
        used = (warm.requests + load.connections) // load.requests_a_token + 1
        return await _refused(running, replace(load, first=used))


async def _refused(running: Running, load: Load) -> Figures:
    sells = running.taken is not None
    if sells and await settled(running) != UNITS:
        raise Unmeasurable("it is not sold out")
    commands = await _commands(running)
    with metered(running.processes) as meter:
        result = await wrk.run(load)
    if result.refused != (result.requests if sells else 0) or result.broken:
        raise Unmeasurable(f"not everybody was told that it is sold out: {result}")
    figures = {"answered_per_s": result.requests / result.seconds, **meter.each(result.requests)}
    if running.redis_url:
        asked = await _commands(running) - commands
        figures["redis_commands_per_answer"] = asked / result.requests
    if sells and await settled(running) != UNITS:
        raise Unmeasurable("more was sold than there is")
    return figures


async def _commands(running: Running) -> int:
    """How many commands Redis has run, also within scripts."""
    if not running.redis_url:
        return 0
    async with Server(running.redis_url) as server:
        info = text(await server.command("INFO", "stats"))
    return int(info.partition("total_commands_processed:")[2].split()[0])


SUITE: Final = Suite(
    name="reject",
    says="everything is sold, and everybody goes on asking",
    drawn="gateway_cpu_us",
    cases=cases,
)
