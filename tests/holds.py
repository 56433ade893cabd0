"""Reservations that are held in the ledger, for tests that need no admission."""

from uuid import UUID, uuid4

from drafts import draft, open_sale

from sql.database import Database

INSERT = """
insert into reservation
    (id, sale_id, customer, fingerprint, lines, context, epoch, version, created_at, deadline)
select id, $2, 'ada', 'f', 'LAMP-1:1:500', '{}', 1, row_number() over (), now(), now()
from unnest($1::uuid[]) as new (id)
"""
TAKE = "update item set taken = granted where sale_id = $1"


async def holds(database: Database, sale_id: str, count: int) -> list[UUID]:
    """Open a sale with so many holds of one lamp each, and no other units."""
    await open_sale(database, draft(sale_id, {"LAMP-1": count}))
    ids = [uuid4() for _ in range(count)]
    await database.execute(INSERT, ids, sale_id)
    await database.execute(TAKE, sale_id)
    return ids
