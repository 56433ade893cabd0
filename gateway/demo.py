"""Stand-ins for a shop's login and payment page. They exist under `doorbuster up` alone."""

import secrets
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.asgi import read_body
from gateway.config import TokenConfig
from gateway.identity.development import issue
from gateway.json_body import parse_json
from gateway.openapi import Call, Operation, Success, Tag
from gateway.representation import ReservationBody
from gateway.reservation_call import answer
from gateway.reservation_operations import CONFIRM_RESERVATION
from gateway.settlement import Settlement


class DemoPayment(BaseModel):
    """The body of a demo payment."""

    model_config = ConfigDict(extra="forbid")

    reservation_id: Annotated[UUID, Field(description="the reservation to pay")]


_PAYMENT: Final = TypeAdapter(DemoPayment)


class DemoToken(BaseModel):
    """A token, whose it is, and where to use it."""

    token: str
    customer: str
    sale_id: str


TAKE_TOKEN: Final = Operation(
    method="GET",
    id="takeDemoToken",
    summary="Log in as a customer whom nobody has met yet",
    tag=Tag.DEMO,
    successes=(Success(status=200, description="A token.", body=DemoToken),),
)
PAY: Final = Operation(
    method="POST",
    id="payDemo",
    summary="Pay with a card that always works",
    tag=Tag.DEMO,
    body=DemoPayment,
    successes=(Success(status=200, description="It is paid.", body=ReservationBody),),
    problems=CONFIRM_RESERVATION.problems,
)


class Demo:
    """The demo's endpoints."""

    def __init__(self, sale_id: str, token: TokenConfig, settlement: Settlement) -> None:
        self._sale_id = sale_id
        self._token = token
        self._settlement = settlement

    def routes(self) -> list[Call]:
        """Where they are mounted."""
        return [
            Call("/demo/token", self.token, TAKE_TOKEN),
            Call("/demo/pay", self.pay, PAY),
        ]

    async def token(self, _: Request) -> Response:
        """Log in as a customer whom nobody has met yet."""
        customer = f"visitor-{secrets.token_hex(4)}"
        token = issue(
            customer,
            secret=self._token.key or "",
            algorithm=self._token.algorithm,
            issuer=self._token.issuer,
            audience=self._token.audience,
        )
        body = {"token": token, "customer": customer, "sale_id": self._sale_id}
        return JSONResponse(body, headers={"cache-control": "no-store"})

    async def pay(self, request: Request) -> Response:
        """Pay with a card that always works."""
        payment = parse_json(request.scope, await read_body(request.receive), _PAYMENT)
        reference = f"demo-{payment.reservation_id}"
        return answer(await self._settlement.pay(payment.reservation_id, reference))
