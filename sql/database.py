"""The pool of connections to the ledger, and the one seam where driver errors are translated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from sql.faults import LedgerUnreachable, translated

Row: TypeAlias = asyncpg.Record
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"

COMMAND_TIMEOUT_SECONDS: Final = 30.0
CONNECT_TIMEOUT_SECONDS: Final = 2.0
# A row lock is held for milliseconds; who waits this long waits for something that is stuck.
LOCK_TIMEOUT: Final = "5s"
# A transaction that its client forgot would hold its locks, and the sale's rows with them.
IDLE_TIMEOUT: Final = "30s"


async def _leave_as_it_is(_: object) -> None:
    """Spare each use of a connection a round trip, and Postgres a statement.

    What asyncpg would reset here, nobody sets: no cursor is held, no advisory lock, no setting but
    for a transaction. It still ends a transaction that was left open.
    """


class Database:
    """Connections to one Postgres database, opened when they are first needed.

    It may be made while Postgres is down: only its use raises `LedgerUnreachable`.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        acquire_seconds: float = 2.0,
        command_seconds: float = COMMAND_TIMEOUT_SECONDS,
    ) -> None:
        self._acquire_seconds = acquire_seconds
        self._pool: asyncpg.Pool[asyncpg.Record] = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=connections,
            command_timeout=command_seconds,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings={
                "application_name": "doorbuster",
                "lock_timeout": LOCK_TIMEOUT,
                "idle_in_transaction_session_timeout": IDLE_TIMEOUT,
                "synchronous_commit": "on",
            },
            reset=_leave_as_it_is,
        )

    async def __aenter__(self) -> "Database":
        await self._pool
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection, outside of any transaction."""
        async with translated():
            try:
                connection = await self._pool.acquire(timeout=self._acquire_seconds)
            except TimeoutError as error:
                raise LedgerUnreachable("no connection in time") from error
            except asyncpg.PostgresError as error:
                # Whatever the reason is, a password that was changed or a database that is kept
                # closed for a while: it is Postgres' to tell, and may be gone the next time.
                raise LedgerUnreachable(f"no connection: {error}") from error
            try:
                yield connection
            finally:
                await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that commits at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def rows(self, statement: str, *arguments: object) -> list[Row]:
        """The rows that a statement returns, in a transaction of its own."""
        async with self.connection() as connection:
            return await connection.fetch(statement, *arguments)

    async def row(self, statement: str, *arguments: object) -> Row | None:
        """The first row that a statement returns, in a transaction of its own."""
        async with self.connection() as connection:
            return await connection.fetchrow(statement, *arguments)

    async def execute(self, statement: str, *arguments: object) -> None:
        """Run a statement in a transaction of its own."""
        async with self.connection() as connection:
            await connection.execute(statement, *arguments)
