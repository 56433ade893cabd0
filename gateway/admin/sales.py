"""`/v1/admin/sales`: define sales, and open, pause, resume, close them."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import page, versioned
from gateway.admin.operators import MAX_SALE_BYTES, Operators, body_of
from gateway.admin.preconditions import check
from gateway.admin.sale_acts import Done, SaleActs
from gateway.admin.sale_operations import (
    CHANGE_SALE,
    CREATE_SALE,
    LIST_DEFINED_SALES,
    READ_DEFINED_SALE,
    STEERING,
    DefinedSalesQuery,
    SaleAct,
)
from gateway.conditional import etag_of
from gateway.definitions.sale import SaleChange, SaleDocument, terms_of
from gateway.json_body import refusal_of
from gateway.openapi import Call
from gateway.problems import (
    NOT_CHANGEABLE,
    SALE_EXISTS,
    UNKNOWN_SALE,
    UNKNOWN_SKU,
    WRONG_STATE,
    Refusal,
)
from gateway.query import parse_query
from gateway.sales import is_sale_id
from sql import sale_changes, sales
from sql.database import Database
from sql.faults import LedgerFault
from sql.sale_changes import DefinedSale, NotChangeable
from sql.sales import NoSuchItem, NoSuchSale, NotAllowed, Sale, SaleDefinition, state_after

SALES: Final = "/v1/admin/sales"
_DOCUMENT: Final = TypeAdapter(SaleDocument)
_CHANGE: Final = TypeAdapter(SaleChange)


class SaleDesk:
    """The endpoints."""

    def __init__(self, database: Database, acts: SaleActs, operators: Operators) -> None:
        self._database = database
        self._acts = acts
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        one = f"{SALES}/{{sale_id}}"
        steering = [
            Call(f"{one}/{act}", self._steer(act), operation) for act, operation in STEERING.items()
        ]
        return [
            Call(SALES, self.create, CREATE_SALE),
            Call(SALES, self.browse, LIST_DEFINED_SALES),
            Call(one, self.read, READ_DEFINED_SALE),
            Call(one, self.change, CHANGE_SALE),
            *steering,
        ]

    async def create(self, request: Request) -> Response:
        """Create a draft. The same document twice is one sale."""
        actor = await self._operators.actor(request)
        document = await body_of(request, _DOCUMENT, most=MAX_SALE_BYTES)
        definition = document.to_definition()
        try:
            created = await sales.create(self._database, definition, actor=actor)
        except sales.SaleExists as error:
            raise Refusal(SALE_EXISTS) from error
        sale = await sale_changes.read(self._database, definition.id)
        if not created:
            return versioned(_document(sale))
        return versioned(_document(sale), status=201, location=f"{SALES}/{definition.id}")

    async def browse(self, request: Request) -> Response:
        """A page of sales, newest first."""
        await self._operators.actor(request)
        wanted = parse_query(request, DefinedSalesQuery)
        found = await sales.page_of_all(
            self._database, after=wanted.after, state=wanted.state, count=wanted.limit + 1
        )
        return page(
            found,
            limit=wanted.limit,
            document=_summary,
            path=SALES,
            last=lambda each: each.id,
            state=wanted.state,
        )

    async def read(self, request: Request) -> Response:
        """One sale."""
        await self._operators.actor(request)
        with refusals():
            sale = await sale_changes.read(self._database, sale_id_of(request))
        return versioned(_document(sale))

    async def change(self, request: Request) -> Response:
        """Change what may be changed."""
        actor, sale_id = await self._operators.actor(request), sale_id_of(request)
        wanted = await body_of(request, _CHANGE, most=MAX_SALE_BYTES)

        def decide(before: DefinedSale) -> SaleDefinition:
            check(request, etag_of(to_json(_document(before))))
            return _changed(before, wanted)

        with refusals():
            after = await sale_changes.change(self._database, sale_id, decide, actor=actor)
            done = await self._acts.carried_through(sale_id, changed=True)
        return _done(after, done)

    def _steer(self, act: SaleAct) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            actor, sale_id = await self._operators.actor(request), sale_id_of(request)
            with refusals():
                before = await sale_changes.read(self._database, sale_id)
                done = await self._acts.change_state(sale_id, act, actor=actor)
            return await self._steered(before, act, done)

        return endpoint

    async def _steered(self, before: DefinedSale, act: SaleAct, done: Done) -> Response:
        """It is done, so a ledger that goes away now makes no problem of it."""
        try:
            after = await sale_changes.read(self._database, before.sale.id)
        except LedgerFault:
            after = replace(before, sale=replace(before.sale, state=state_after(act)))
        return _done(after, done)


@contextmanager
def refusals() -> Iterator[None]:
    """What the ledger says of a sale, as problems."""
    try:
        yield
    except NoSuchSale as error:
        raise Refusal(UNKNOWN_SALE) from error
    except NoSuchItem as error:
        raise Refusal(UNKNOWN_SKU.because("The sale has no such item.")) from error
    except NotChangeable as error:
        raise Refusal(NOT_CHANGEABLE.because(_told(error), fields=list(error.fields))) from error
    except NotAllowed as error:
        raise Refusal(WRONG_STATE.because(_told(error))) from error


def sale_id_of(request: Request) -> str:
    """The sale that the path names. Raises a Refusal."""
    sale_id: str = request.path_params["sale_id"]
    if not is_sale_id(sale_id):
        raise Refusal(UNKNOWN_SALE)
    return sale_id


def _told(error: Exception) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


def _changed(before: DefinedSale, wanted: SaleChange) -> SaleDefinition:
    try:
        return wanted.applied_to(before)
    except ValidationError as error:
        raise refusal_of(error) from error


def _done(after: DefinedSale, done: Done) -> Response:
    return versioned(_document(after), status=202 if done is Done.SAVED else 200)


def _document(defined: DefinedSale) -> dict[str, object]:
    """In the terms of a sale's file, and its state."""
    items = [asdict(item) for item in defined.definition().items]
    return _summary(defined.sale) | {"items": items}


def _summary(sale: Sale) -> dict[str, object]:
    return terms_of(sale) | {"state": sale.state}
