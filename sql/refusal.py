"""Sets apart what Postgres refuses, so that one record does not hold up all that come after it.

What the history says of the stock stands in any case: the units have left Redis. Of an admission
that cannot be taken, the order is missing in the ledger, and its units are nowhere; so Redis has to
be rebuilt then. A context is free text, and what it belongs to is taken without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sql.batch import Admissions, Batch
from sql.context import unreadable
from sql.database import Connection
from sql.lines import units_by_sku
from sql.parking import ParkedKind
from sql.statement import load

PARKED_INSERT = load("parked_insert")
RESERVATIONS_KNOWN = load("reservations_known")
ADJUSTMENTS_KNOWN = load("adjustments_known")
NOTHING_KNOWN: Final = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A record that was set apart; `subject` is the reservation, or the request of a lowering."""

    kind: ParkedKind
    subject: str
    record: str
    reason: str


async def set_apart(connection: Connection, batch: Batch, room: Mapping[str, int]) -> list[Refusal]:
    """Take out of the batch what would be refused, park it, and return it.

    `room` are the units of each item that the batch touches which may still be taken.
    """
    refusals = await _admissions(connection, batch, room)
    refusals += await _contexts(connection, batch.admissions)
    refusals += await _lowerings(connection, batch)
    for kind in ParkedKind:
        await _park(connection, batch.sale_id, [each for each in refusals if each.kind is kind])
    return refusals


async def _park(connection: Connection, sale_id: str, refusals: Sequence[Refusal]) -> None:
    if refusals:
        await connection.execute(
            PARKED_INSERT,
            sale_id,
            refusals[0].kind,
            [_storable(each.subject) for each in refusals],
            [each.record.encode() for each in refusals],
            [_storable(each.reason) for each in refusals],
        )


def _storable(text: str) -> str:
    """The only character that no text of Postgres can hold."""
    return text.replace("\0", "\\0")


# Orders


async def _admissions(
    connection: Connection, batch: Batch, room: Mapping[str, int]
) -> list[Refusal]:
    new = batch.admissions
    refused = _malformed(new)
    refused |= await _known(connection, new, refused)
    refused |= _too_many(new, room, refused)
    refusals = [
        Refusal(
            kind=ParkedKind.ADMISSION,
            subject=_as_uuid(new.ids[number]),
            record=new.record(number),
            reason=reason,
        )
        for number, reason in sorted(refused.items())
    ]
    batch.drop(refused)
    return refusals


def _as_uuid(id_: str) -> str:
    """With its hyphens; an id that is no UUID stays as it is."""
    try:
        return str(UUID(hex=id_))
    except ValueError:
        return id_


def _malformed(new: Admissions) -> dict[int, str]:
    """By the number of the admission: why no row can hold it."""
    refused: dict[int, str] = {}
    for number, id_ in enumerate(new.ids):
        if _as_uuid(id_) == id_:
            refused[number] = "the id is no UUID"
        elif "\0" in new.customers[number] + new.fingerprints[number] + new.lines[number]:
            refused[number] = "a NUL in the order"
    return refused


async def _known(
    connection: Connection, new: Admissions, refused: Mapping[int, str]
) -> dict[int, str]:
    """Ids that an order of another version has; its own order stays as it is."""
    ids = [id_ for number, id_ in enumerate(new.ids) if number not in refused]
    taken = {row["id"].hex for row in await connection.fetch(RESERVATIONS_KNOWN, ids)}
    found: dict[int, str] = {}
    for number, id_ in enumerate(new.ids):
        if number not in refused and id_ in taken:
            found[number] = "the id is that of another order"
        taken.add(id_)
    return found


def _too_many(
    new: Admissions, room: Mapping[str, int], refused: Mapping[int, str]
) -> dict[int, str]:
    """In the order of admission: what would be more than was granted."""
    left = dict(room)
    found: dict[int, str] = {}
    for number, lines in enumerate(new.lines):
        if number in refused:
            continue
        units = units_by_sku([lines])
        if any(count > left.get(sku, 0) for sku, count in units.items()):
            found[number] = "more would be sold than was granted"
            continue
        for sku, count in units.items():
            left[sku] -= count
    return found


# Contexts


async def _contexts(connection: Connection, new: Admissions) -> list[Refusal]:
    refused = await unreadable(connection, new.contexts, range(len(new.contexts)))
    refusals = [
        Refusal(
            kind=ParkedKind.CONTEXT,
            subject=_as_uuid(new.ids[number]),
            record=new.contexts[number],
            reason=reason,
        )
        for number, reason in refused.items()
    ]
    for number in refused:
        new.contexts[number] = NOTHING_KNOWN
    return refusals


# Lowerings


async def _lowerings(connection: Connection, batch: Batch) -> list[Refusal]:
    """The act itself is kept in any case: under another id where its own is taken."""
    made = batch.lowerings
    refused = await unreadable(connection, made.contexts, range(len(made.contexts)))
    asked = [request for request in made.requests if "\0" not in request]
    taken = {row["id"] for row in await connection.fetch(ADJUSTMENTS_KNOWN, asked)}
    refusals = []
    for number, request in enumerate(made.requests):
        reason = refused.get(number)
        if request in taken or "\0" in request:
            reason = "the id is that of another act" if request in taken else "a NUL in the id"
            made.requests[number] = f"{batch.sale_id}:{made.versions[number]}"
        taken.add(request)
        if reason is not None:
            refusals.append(
                Refusal(
                    kind=ParkedKind.LOWERING,
                    subject=request,
                    record=made.contexts[number],
                    reason=reason,
                )
            )
    for number in refused:
        made.contexts[number] = NOTHING_KNOWN
    return refusals
