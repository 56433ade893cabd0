"""`/v1/admin/audits`: what the audits of the reconcilers found, and an audit now.

The gateway does not audit: a reconciler does, and the gateway waits a little for what it finds.
"""

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import shown
from gateway.admin.operators import Operators
from gateway.admin.sales import refusals, sale_id_of
from gateway.openapi import ADMIN, Call, Operation, Success, Tag
from gateway.openapi.vocabulary import SALE_ID
from gateway.problems import UNKNOWN_SALE, WRONG_STATE, Refusal
from gateway.query import DIGITS, parse_query
from gateway.representation import moment
from sql import sales
from sql.audit_log import (
    KEPT,
    AuditDrift,
    AuditFinding,
    AuditSums,
    KeptAudit,
    ask_for_audit,
    last_audits,
)
from sql.database import Database
from sql.sales import SaleState

# An audit compares about 60,000 reservations a second; what takes longer is asked for later.
WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.1


class AuditBody(BaseModel):
    """An audit: `clean`, `drift`, or `impossible`, where `why` says what kept it from being done.

    `drifts` are some of those that there are.
    """

    sale_id: str
    at: AwareDatetime
    milliseconds: float
    outcome: Annotated[str, Field(examples=["clean", "drift", "impossible"])]
    why: str | None
    epoch: int | None
    version: int | None
    ledger_version: int | None
    reservations: int | None
    sums: AuditSums | None
    findings: list[AuditFinding]
    drifts: list[AuditDrift]


class AuditList(BaseModel):
    """Audits, newest first; there are few, so that they are all on one page."""

    items: list[AuditBody]
    next: None


class AskedBody(BaseModel):
    """It was asked for, and nobody has done it yet."""

    sale_id: str
    asked_at: AwareDatetime


class AuditsQuery(BaseModel):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=KEPT), DIGITS] = KEPT


LIST_AUDITS: Final = Operation(
    method="GET",
    id="listAudits",
    summary="The last audits of a sale, newest first",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID,),
    query=AuditsQuery,
    successes=(Success(status=200, description="All that are kept.", body=AuditList),),
    problems=(UNKNOWN_SALE,),
)

LIST_LAST_AUDITS: Final = Operation(
    method="GET",
    id="listLastAudits",
    summary="The last audit of every sale",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    successes=(Success(status=200, description="One a sale.", body=AuditList),),
)

AUDIT_SALE: Final = Operation(
    method="POST",
    id="auditSale",
    summary="Compare both stores now, while the sale goes on",
    tag=Tag.ADMINISTRATION,
    callers=(ADMIN,),
    parameters=(SALE_ID,),
    successes=(
        Success(status=200, description="What was found.", body=AuditBody),
        Success(
            status=202,
            description="No reconciler has come to it yet; see the list later.",
            body=AskedBody,
        ),
    ),
    problems=(UNKNOWN_SALE, WRONG_STATE),
)


class AuditDesk:
    """The endpoints."""

    def __init__(self, database: Database, operators: Operators) -> None:
        self._database = database
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        of_sale = "/v1/admin/sales/{sale_id}/audits"
        return [
            Call("/v1/admin/audits", self.browse_last, LIST_LAST_AUDITS),
            Call(of_sale, self.browse, LIST_AUDITS),
            Call(of_sale, self.audit, AUDIT_SALE),
        ]

    async def browse_last(self, request: Request) -> Response:
        """The last one of every sale."""
        await self._operators.actor(request)
        return _list(await last_audits(self._database))

    async def browse(self, request: Request) -> Response:
        """Those of one sale."""
        await self._operators.actor(request)
        sale_id, wanted = sale_id_of(request), parse_query(request, AuditsQuery)
        with refusals():
            await sales.read(self._database, sale_id)
        return _list(await last_audits(self._database, sale_id=sale_id, count=wanted.limit))

    async def audit(self, request: Request) -> Response:
        """Ask for one, and wait a little for it."""
        await self._operators.actor(request)
        sale_id = sale_id_of(request)
        with refusals():
            sale = await sales.read(self._database, sale_id)
        if sale.state == SaleState.DRAFT:
            raise Refusal(WRONG_STATE.because("A draft is in the ledger alone."))
        asked_at = await ask_for_audit(self._database, sale_id)
        found = await self._since(sale_id, asked_at)
        if found is None:
            return shown({"sale_id": sale_id, "asked_at": moment(asked_at)}, status=202)
        return shown(audit_document(found))

    async def _since(self, sale_id: str, asked_at: datetime) -> KeptAudit | None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    newest = await last_audits(self._database, sale_id=sale_id)
                    if newest and newest[0].at > asked_at:
                        return newest[0]
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            return None


def _list(found: list[KeptAudit]) -> Response:
    return shown({"items": [audit_document(each) for each in found], "next": None})


def audit_document(kept: KeptAudit) -> dict[str, object]:
    """As the interface tells it."""
    books = kept.books
    return {
        "sale_id": kept.sale_id,
        "at": moment(kept.at),
        "milliseconds": kept.milliseconds,
        "outcome": kept.outcome,
        "why": kept.why,
        "epoch": books.epoch if books else None,
        "version": books.version if books else None,
        "ledger_version": books.ledger_version if books else None,
        "reservations": books.reservations if books else None,
        "sums": asdict(books.sums) if books else None,
        "findings": [asdict(each) for each in books.findings] if books else [],
        "drifts": [asdict(each) for each in books.drifts] if books else [],
    }
