"""What the reconcilers' own audits found: the last ones of each sale."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from sql.alarms import AlarmKind, raise_alarm
from sql.database import Database, Row
from sql.statement import load

AUDIT_INSERT = load("audit_insert")
AUDITS_LAST = load("audits_last")
AUDIT_ASK = load("audit_ask")
AUDIT_TAKE = load("audit_take")

# An hour of them, if they come once a minute: enough to see when something began.
KEPT: Final = 60


class AuditOutcome(StrEnum):
    """How an audit ended; `impossible` says nothing about the books."""

    CLEAN = "clean"
    DRIFT = "drift"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSums:
    """Units over all items: of the ledger, and `available` and `held` in Redis."""

    items: int
    granted: int
    taken: int
    rows: int
    mirror: int
    available: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """An invariant: how many things were compared, and how many differ."""

    invariant: str
    statement: str
    compared: int
    differ: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDrift:
    """One thing that disagrees; what its `kind` means is the reconciler's to say."""

    kind: str
    subject: str
    says: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditBooks:
    """What was compared, at `version` of Redis' `epoch` and the ledger's `ledger_version`.

    `drifts` are some of those that there are; `keys` name all of them, by kind and item.
    """

    epoch: int
    version: int
    ledger_version: int
    reservations: int
    sums: AuditSums
    findings: tuple[AuditFinding, ...]
    drifts: tuple[AuditDrift, ...]
    keys: tuple[str, ...]

    @property
    def outcome(self) -> AuditOutcome:
        """Whether everything agrees."""
        return AuditOutcome.DRIFT if self.keys else AuditOutcome.CLEAN


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAudit:
    """An audit that a reconciler made; `books` is None where it could not, and `why` says why."""

    sale_id: str
    at: datetime
    milliseconds: float
    outcome: AuditOutcome
    why: str | None
    books: AuditBooks | None


async def keep_audit(
    database: Database, sale_id: str, books: AuditBooks, *, milliseconds: float, alarm: str
) -> bool:
    """Keep what was found, and raise an alarm if something disagrees that had agreed before.

    What disagreed the last time too is no news: there is one alarm for a drift, however long it
    lasts, and whether or not somebody has acknowledged it.
    """
    async with database.transaction() as connection:
        news: list[str] = await connection.fetchval(
            AUDIT_INSERT,
            sale_id,
            milliseconds,
            books.outcome,
            None,
            books.epoch,
            books.version,
            books.ledger_version,
            books.reservations,
            json.dumps(asdict(books.sums)),
            json.dumps([asdict(each) for each in books.findings]),
            json.dumps([asdict(each) for each in books.drifts]),
            list(books.keys),
            KEPT,
        )
        if news:
            await raise_alarm(connection, sale_id, AlarmKind.DRIFT, alarm, key=_digest(news))
    return bool(news)


def _digest(news: Sequence[str]) -> str:
    """Two reconcilers that find the same raise one alarm; an index holds no long texts."""
    return sha256(" ".join(sorted(news)).encode()).hexdigest()


async def keep_failure(database: Database, sale_id: str, why: str, *, milliseconds: float) -> None:
    """Keep that an audit could not be made; that is no alarm."""
    nothing: Sequence[None] = (None,) * 7
    await database.execute(
        AUDIT_INSERT, sale_id, milliseconds, AuditOutcome.IMPOSSIBLE, why, *nothing, [], KEPT
    )


async def last_audits(
    database: Database, *, sale_id: str | None = None, count: int = 1
) -> list[KeptAudit]:
    """The last `count` audits of a sale, or of every sale, newest first."""
    return [_parse(row) for row in await database.rows(AUDITS_LAST, sale_id, count)]


async def ask_for_audit(database: Database, sale_id: str) -> datetime:
    """Have the sale audited as soon as a reconciler is free; returns when it was asked for."""
    async with database.connection() as connection:
        asked_at: datetime = await connection.fetchval(AUDIT_ASK, sale_id)
        return asked_at


async def take_request(database: Database) -> str | None:
    """The sale that has waited for longest to be audited, if there is one."""
    row = await database.row(AUDIT_TAKE)
    return None if row is None else str(row["sale_id"])


def _parse(row: Row) -> KeptAudit:
    outcome = AuditOutcome(row["outcome"])
    return KeptAudit(
        sale_id=row["sale_id"],
        at=row["at"],
        milliseconds=row["milliseconds"],
        outcome=outcome,
        why=row["why"],
        books=None if outcome is AuditOutcome.IMPOSSIBLE else _parse_books(row),
    )


def _parse_books(row: Row) -> AuditBooks:
    return AuditBooks(
        epoch=row["epoch"],
        version=row["version"],
        ledger_version=row["ledger_version"],
        reservations=row["reservations"],
        sums=AuditSums(**json.loads(row["sums"])),
        findings=tuple(AuditFinding(**each) for each in json.loads(row["findings"])),
        drifts=tuple(AuditDrift(**each) for each in json.loads(row["drifts"])),
        keys=tuple(row["keys"]),
    )
