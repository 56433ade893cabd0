"""Rows of the ledger, written without any of its checks: what Postgres can do at the most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from bench.filling import CONTEXT, PRICE
from sql.database import Database

# The columns that the ledger's own statement fills, from arrays, and nothing besides.
_INSERT: Final = """
insert into reservation
    (id, sale_id, customer, fingerprint, lines, context, epoch, version, created_at, began_at,
     deadline)
select id, 'bench', customer, fingerprint, lines, context::jsonb, 1, version, now(), now(),
    now() + interval '10 minutes'
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    as new (id, customer, fingerprint, lines, context, version)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Reservations, a column a list."""

    ids: Sequence[UUID]
    customers: Sequence[str]
    fingerprints: Sequence[str]
    lines: Sequence[str]
    contexts: Sequence[str]
    versions: Sequence[int]


def prepared(ids: Sequence[UUID], *, first: int = 1) -> Rows:
    """Held reservations of these ids."""
    count = len(ids)
    return Rows(
        ids=ids,
        customers=[f"{number:022}" for number in range(first, first + count)],
        fingerprints=["f" * 22] * count,
        lines=[f"LAMP-1:1:{PRICE}"] * count,
        contexts=[CONTEXT] * count,
        versions=list(range(first, first + count)),
    )


async def insert(database: Database, rows: Rows) -> None:
    """Insert them in one transaction."""
    columns = (rows.ids, rows.customers, rows.fingerprints, rows.lines, rows.contexts)
    await database.execute(_INSERT, *columns, rows.versions)
