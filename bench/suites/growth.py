"""What a checkout costs as a sale grows: in reservations, items, connections and workers."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.buying import TWENTY, WARM_UP_SECONDS, accepted, warmed_up
from bench.case import Case, Figures, Plan
from bench.filling import Books, books
from bench.subject import Running, Shop
from bench.subjects import doorbuster
from bench.suite import Suite
from bench.tokens import Tokens, token_store
from bench.waiting import until
from bench.wrk import Load

CATCHING_UP_SECONDS: Final = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the sale is when its checkouts are measured."""

    label: str
    reservations: int = 0
    skus: int = 1
    connections: int | None = None
    workers: int = 1


_SIZES: Final = (
    Size(label="1,000 reservations", reservations=1_000),
    Size(label="1,000,000 reservations", reservations=1_000_000),
    Size(label="200 skus", skus=200),
    Size(label="16 connections", connections=16),
    Size(label="2,000 connections", connections=2_000),
    Size(label="2 workers", workers=2),
)
_QUICK: Final = (
    Size(label="1,000 reservations", reservations=1_000, skus=3),
    Size(label="2 workers", workers=2),
)


def cases(plan: Plan) -> list[Case]:
    """A row a size."""
    tokens = token_store(plan.folder)(TWENTY.algorithm)
    says = "Doorbuster at the level fsync, 20 requests a token"
    return [
        Case(subject=size.label, says=says, measure=partial(_measure, plan, size, tokens))
        for size in (_QUICK if plan.quick else _SIZES)
    ]


async def _measure(plan: Plan, size: Size, tokens: Tokens) -> Figures:
    tokens.prepare(TWENTY.tokens_for(WARM_UP_SECONDS + plan.seconds))
    skus = tuple(f"SKU-{number:03}" for number in range(size.skus))
    shop = Shop(folder=plan.folder, tokens=tokens, limit=TWENTY.limit, skus=skus)
    async with doorbuster.subject(workers=size.workers).start(shop) as running:
        await _fill(running, size, skus)
        load = Load(
            address=running.address,
            tokens=tokens,
            connections=size.connections or plan.connections,
            seconds=plan.seconds,
            requests_a_token=TWENTY.requests_a_token,
            skus=skus,
        )
        return await accepted(running, await warmed_up(running, load))


async def _fill(running: Running, size: Size, skus: tuple[str, ...]) -> None:
    async with books(running.redis_url, running.database_url, doorbuster.SALE) as sale:
        await sale.fill(size.reservations, skus=skus)
        await until(partial(_is_level, sale), seconds=CATCHING_UP_SECONDS)


async def _is_level(sale: Books) -> bool:
    return await sale.committed() == await sale.version()


SUITE: Final = Suite(
    name="growth",
    says="what a checkout costs as the sale grows",
    drawn="gateway_cpu_us",
    cases=cases,
)
