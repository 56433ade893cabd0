"""What can go wrong between us and Postgres.

LedgerFault
├── LedgerUnreachable   no connection, or it or the server broke: it may be committed or not
├── LedgerUnready       the database is not migrated
└── LedgerBusy          Postgres gave up on a lock, a deadlock or a shutdown: nothing was committed

Each may be answered by doing the same again, because every transaction here compares before it
writes. Other errors of the driver are defects and pass through as they are.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


class LedgerFault(Exception):
    """Postgres did not do what we asked."""


class LedgerUnreachable(LedgerFault):
    """There is no connection, or it broke."""


class LedgerUnready(LedgerFault):
    """Whoever installs this has not come so far yet."""


class LedgerBusy(LedgerFault):
    """Postgres gave the transaction up."""


# https://www.postgresql.org/docs/current/errcodes-appendix.html: classes 40 (rolled back),
# 53 (resources), 55P03 (lock timeout), 57 (operator intervention), 25006 (read only).
_BUSY = (
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.LockNotAvailableError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
)
_UNREACHABLE = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.InterfaceError,
    asyncpg.exceptions.InternalClientError,
    # Classes 58 and XX: its disk, its files, itself. Who is that ill may have done anything.
    asyncpg.exceptions.PostgresSystemError,
    asyncpg.exceptions.InternalServerError,
)
# What a constraint, a type or a limit of Postgres refuses today, it refuses for ever. Of what is
# written that is a finding, and no fault: whoever writes it catches these.
REFUSED = (
    asyncpg.exceptions.IntegrityConstraintViolationError,
    asyncpg.exceptions.DataError,
    asyncpg.exceptions.ProgramLimitExceededError,
)
# A gateway or a reconciler may start before the database is migrated.
_UNREADY = (
    asyncpg.exceptions.UndefinedTableError,
    asyncpg.exceptions.UndefinedColumnError,
)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except _BUSY as error:
        raise LedgerBusy(str(error)) from error
    except _UNREADY as error:
        raise LedgerUnready(str(error)) from error
    except _UNREACHABLE as error:
        raise LedgerUnreachable(str(error) or type(error).__name__) from error
