"""Payments over HTTP: who tells them, and of which reservations."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

from bench.case import Unmeasurable
from gateway.identity.api_keys import digest_of, new_key
from sql import keys
from sql.database import Database


async def settle_key(database: Database) -> str:
    """Make the API key of a payment service."""
    key = new_key()
    await keys.create_key(
        database, digest=digest_of(key.encode()), name="bench", scope=keys.Scope.SETTLE
    )
    return key


async def held(database: Database, count: int) -> list[UUID]:
    """So many reservations that nobody has paid yet. Raises Unmeasurable where there are less."""
    rows = await database.rows("select id from reservation where state = 'held' limit $1", count)
    if len(rows) < count:
        raise Unmeasurable(f"{len(rows)} reservations are held, where {count} are to be paid")
    return [row["id"] for row in rows]


async def count_paid(database: Database) -> int:
    """How many the ledger has as paid."""
    row = await database.row("select count(*) as paid from reservation where state = 'paid'")
    return 0 if row is None else row["paid"]


def write(file: Path, ids: Sequence[UUID]) -> None:
    """Write them as `confirm.lua` reads them."""
    file.write_text("".join(f"{each}\n" for each in ids))


def confirms(ids: Sequence[UUID], key: str) -> Iterator[bytes]:
    """A payment of each, as it goes over the wire."""
    for each in ids:
        body = b'{"payment_reference":"payment-%b"}' % str(each).encode()
        yield (
            b"POST /v1/reservations/%b/confirm HTTP/1.1\r\nHost: bench\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\n"
            b"Content-Length: %d\r\n\r\n%b"
        ) % (str(each).encode(), key.encode(), len(body), body)
