"""`POST /v1/admin/sales/{sale_id}/items/{sku}/grants`: units by a difference, never by a sum."""

from typing import Final, assert_never

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.answers import shown
from gateway.admin.operators import Operators, body_of
from gateway.admin.sale_acts import (
    Adjusted,
    Adjustment,
    Done,
    Reused,
    SaleActs,
    Unknown,
    Unverified,
)
from gateway.admin.sale_operations import GRANT_UNITS, Grant
from gateway.admin.sales import refusals, sale_id_of
from gateway.admission.request import idempotency_key
from gateway.asgi import header
from gateway.json_body import invalid
from gateway.openapi import Call
from gateway.problems import (
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_STOCK,
    MALFORMED,
    STOCK_UNVERIFIED,
    UNKNOWN_SKU,
    Refusal,
)
from gateway.sales import is_sku
from lua.store import TooFew

_GRANT: Final = TypeAdapter(Grant)


class GrantDesk:
    """The endpoint."""

    def __init__(self, acts: SaleActs, operators: Operators) -> None:
        self._acts = acts
        self._operators = operators

    def routes(self) -> list[Call]:
        """Where it is mounted."""
        path = "/v1/admin/sales/{sale_id}/items/{sku}/grants"
        return [Call(path, self.adjust, GRANT_UNITS)]

    async def adjust(self, request: Request) -> Response:
        """Grant units, or take out what is not sold; once for a key."""
        actor = await self._operators.actor(request)
        adjustment = _adjustment(request, await body_of(request, _GRANT), actor)
        with refusals():
            adjusted = await self._acts.adjust(adjustment)
        return _answer(adjustment, adjusted)


def _adjustment(request: Request, grant: Grant, actor: str) -> Adjustment:
    key = idempotency_key(header(request.scope, b"idempotency-key"))
    if key is None:
        raise Refusal(MALFORMED.because("A grant needs an Idempotency-Key, to happen once."))
    if grant.delta == 0:
        raise invalid("/delta", "A grant of 0 units changes nothing")
    if not is_sku(request.path_params["sku"]):
        raise Refusal(UNKNOWN_SKU)
    return Adjustment(
        sale_id=sale_id_of(request),
        sku=request.path_params["sku"],
        delta=grant.delta,
        reason=grant.reason,
        actor=actor,
        request=key,
    )


def _answer(adjustment: Adjustment, adjusted: Adjusted) -> Response:
    match adjusted:
        case Done.CHANGED:
            return shown(_document(adjustment, "done"), status=201)
        case Done.UNCHANGED:
            return shown(_document(adjustment, "done"), idempotency_replayed="true")
        case Done.SAVED:
            return shown(_document(adjustment, "saved"), status=202)
        case Unknown():
            return shown(_document(adjustment, "unknown"), status=202)
        case TooFew(available=available):
            lines = [{"sku": adjustment.sku, "available": available}]
            raise Refusal(INSUFFICIENT_STOCK.because("Nothing was taken out.", lines=lines))
        case Unverified():
            raise Refusal(STOCK_UNVERIFIED)
        case Reused(made=made):
            told = f"The key was used for {made.delta:+d} of {made.sku}."
            raise Refusal(IDEMPOTENCY_KEY_REUSED.because(told))
    assert_never(adjusted)


def _document(adjustment: Adjustment, state: str) -> dict[str, object]:
    return {
        "state": state,
        "sale_id": adjustment.sale_id,
        "sku": adjustment.sku,
        "delta": adjustment.delta,
        "reason": adjustment.reason,
        "actor": adjustment.actor,
    }
