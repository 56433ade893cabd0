"""Corrections of a drift: each stays on record, with who made it and why, before and after."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

import asyncpg

from sql.acts import What, record
from sql.database import Connection, Database
from sql.ledger import ITEMS_LOCK
from sql.outbox import ask_correction, ask_return_again
from sql.sales import ADJUSTMENT_INSERT
from sql.statement import load

CHECKPOINT_LOCK = load("checkpoint_lock")
CORRECTION_INSERT = load("correction_insert")
CORRECTIONS_LIST = load("corrections_list")
CORRECT_TAKEN = load("item_correct_taken")
CORRECT_LOWERED = load("item_correct_lowered")
MOST_CORRECTIONS: Final = 100


class CorrectionKind(StrEnum):
    """What is corrected.

    TAKEN and LOWERED are counters of the ledger, ACT is a lowering that is not on record. STOCK is
    what is left in Redis, and the mirror; RETURN asks Redis once more for the units of an order
    that is over.
    """

    TAKEN = "taken"
    LOWERED = "lowered"
    ACT = "act"
    STOCK = "stock"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A correction to be made.

    `subject` is a sku, or a reservation (32 hexadecimal digits). `number` counts those of this kind
    of the subject, so that two who found the same drift mend it once. What is to be moved moves by
    `units`, from `before` to `after` as the audit saw it, and the mirror by `mirrored`. `found` is
    what the audit said.
    """

    kind: CorrectionKind
    subject: str
    number: int
    units: int
    mirrored: int = 0
    before: int
    after: int
    found: str

    @property
    def outbox_row(self) -> tuple[str, str] | None:
        """Kind and key of what Redis is asked for, where it has a part in it."""
        match self.kind:
            case CorrectionKind.STOCK:
                return "correction", f"{self.subject}:{self.number}"
            case CorrectionKind.RETURN:
                return "return", self.subject
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCorrection:
    """A correction on record; `version` is the entry that made it, where Redis has a part in it."""

    id: int
    sale_id: str
    kind: CorrectionKind
    subject: str
    number: int
    units: int
    mirrored: int
    units_before: int
    units_after: int
    found: str
    actor: str
    reason: str
    created_at: datetime
    version: int | None


class Overtaken(Exception):
    """It was corrected by somebody else, or by a recovery, since it was looked at: look again."""


class CannotCorrect(Exception):
    """The ledger does not let it be so; the message says why."""


async def correct(
    database: Database,
    sale_id: str,
    corrections: Sequence[Correction],
    *,
    epoch: int,
    actor: str,
    reason: str,
) -> None:
    """Correct the ledger's own books, and ask Redis for the rest: all of it, or nothing.

    `epoch` is that of the audit that found it. Raises Overtaken, CannotCorrect.
    """
    try:
        async with database.transaction() as connection:
            # As everywhere: the checkpoint, then items in the order of their skus.
            await _check_epoch(connection, sale_id, epoch)
            await connection.fetch(ITEMS_LOCK, sale_id, sorted({c.subject for c in corrections}))
            for each in corrections:
                await _note(connection, sale_id, each, actor, reason)
                await _make(connection, sale_id, each, actor, reason)
            found = [each.found for each in corrections]
            await record(connection, actor, What.SALE_MEND, sale_id, reason=reason, found=found)
    except asyncpg.CheckViolationError as error:
        raise CannotCorrect(str(error)) from error


async def corrections_made(database: Database, sale_id: str) -> list[MadeCorrection]:
    """The newest corrections of a sale."""
    rows = await database.rows(CORRECTIONS_LIST, sale_id, MOST_CORRECTIONS)
    return [MadeCorrection(**{**dict(row), "kind": CorrectionKind(row["kind"])}) for row in rows]


async def _check_epoch(connection: Connection, sale_id: str, epoch: int) -> None:
    """A rebuild mends the stock and counts no correction: only the epoch tells of it."""
    if await connection.fetchval(CHECKPOINT_LOCK, sale_id) != epoch:
        raise Overtaken(f"{sale_id} was recovered since it was audited: look again")


async def _note(
    connection: Connection, sale_id: str, made: Correction, actor: str, reason: str
) -> None:
    noted = await connection.fetchval(
        CORRECTION_INSERT,
        sale_id,
        made.kind,
        made.subject,
        made.number,
        made.units,
        made.mirrored,
        made.before,
        made.after,
        made.found,
        actor,
        reason,
    )
    if noted is None:
        raise Overtaken(f"{made.subject} was corrected by somebody else: look again")


async def _make(
    connection: Connection, sale_id: str, made: Correction, actor: str, reason: str
) -> None:
    match made.kind:
        case CorrectionKind.TAKEN:
            await connection.fetchval(CORRECT_TAKEN, sale_id, made.subject, made.units)
        case CorrectionKind.LOWERED:
            await connection.fetchval(CORRECT_LOWERED, sale_id, made.subject, made.units)
        case CorrectionKind.ACT:
            await _add_act(connection, sale_id, made, actor, reason)
        case CorrectionKind.STOCK:
            await ask_correction(
                connection,
                sale_id,
                sku=made.subject,
                units=made.units,
                mirrored=made.mirrored,
                number=made.number,
            )
        case CorrectionKind.RETURN:
            if not await ask_return_again(connection, sale_id, made.subject):
                raise Overtaken(f"{made.subject} is not over in the ledger: look again")
        case _ as never:
            assert_never(never)


async def _add_act(
    connection: Connection, sale_id: str, made: Correction, actor: str, reason: str
) -> None:
    """Put the lowering on record that Redis and the counter know of, as far as it is missing."""
    context = json.dumps({"actor": actor, "reason": reason, "correction": made.number})
    id_ = f"correction:{sale_id}:{made.subject}:{made.number}"
    await connection.execute(ADJUSTMENT_INSERT, id_, sale_id, made.subject, made.units, context)
