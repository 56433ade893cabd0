"""The levels of durability, at the same load."""

from functools import partial
from typing import Final

from bench.buying import EACH_NEW, WARM_UP_SECONDS, accepted, latency, warmed_up
from bench.case import Case, Figures, Plan
from bench.subject import Shop
from bench.subjects import doorbuster
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.wrk import Load

# At the level `ledger` each of them waits for a transaction, so that it takes many to keep the
# gateway busy.
CONNECTIONS: Final = 512
QUICK_CONNECTIONS: Final = 64
_SURVIVES: Final = {
    "memory": "a crash of a process: appendfsync everysec",
    "fsync": "a power cut of the host of Redis: appendfsync always",
    "replicated": "usually the loss of that host: a replica has it too",
    "ledger": "any loss of Redis: Postgres has it",
}


def cases(plan: Plan) -> list[Case]:
    """A row a level."""
    tokens = token_store(plan.folder)(EACH_NEW.algorithm)
    return [
        Case(
            subject=level,
            says=f"a 201 survives {survives}",
            measure=partial(_measure, plan, level, tokens),
        )
        for level, survives in _SURVIVES.items()
    ]


async def _measure(plan: Plan, level: str, tokens: Tokens) -> Figures:
    tokens.prepare(EACH_NEW.tokens_for(WARM_UP_SECONDS + plan.seconds))
    shop = Shop(folder=plan.folder, tokens=tokens, limit=EACH_NEW.limit)
    async with doorbuster.subject(level).start(shop) as running:
        load = Load(
            address=running.address,
            tokens=tokens,
            connections=QUICK_CONNECTIONS if plan.quick else CONNECTIONS,
            seconds=plan.seconds,
        )
        load = await warmed_up(running, load)
        return await accepted(running, load) | await latency(plan, running, tokens)


SUITE: Final = Suite(
    name="durability",
    says="what each level costs, at 512 connections",
    drawn="accepted_per_s",
    cases=cases,
)
