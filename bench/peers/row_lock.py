"""A sale without Redis: each order is one transaction that locks the item's row in Postgres."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import jwt
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

KEY = os.environ["TOKEN_KEY"]
ALGORITHM = os.environ["TOKEN_ALGORITHM"]
LIMIT = int(os.environ["LIMIT"])
# All of them wait for the same row, so more would only wait elsewhere.
CONNECTIONS = 32


class Line(BaseModel):
    sku: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    quantity: int = Field(ge=1, le=10_000)


class Checkout(BaseModel):
    lines: list[Line] = Field(min_length=1, max_length=1)


BODY = TypeAdapter(Checkout)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS
    ) as pool:
        app.state.pool = pool
        yield


def customer(request: Request) -> str:
    claims = jwt.decode(
        request.headers["authorization"].removeprefix("Bearer "),
        KEY,
        algorithms=[ALGORITHM],
        audience="doorbuster",
        issuer="doorbuster",
        options={"require": ["exp", "sub", "iss", "aud"]},
    )
    return claims["sub"]


async def checkout(request: Request) -> JSONResponse:
    try:
        buyer = customer(request)
        line = BODY.validate_json(await request.body()).lines[0]
        key = request.headers["idempotency-key"]
    except jwt.InvalidTokenError:
        return JSONResponse({"code": "unauthenticated"}, 401)
    except (ValidationError, KeyError):
        return JSONResponse({"code": "invalid"}, 422)
    # One statement, one transaction, one round trip: schema.sql has the function.
    order, outcome = await request.app.state.pool.fetchrow(
        "select * from place_order($1, $2, $3, $4, $5, $6)",
        uuid4(), buyer, key, line.sku, line.quantity, LIMIT,
    )  # fmt: skip
    if outcome in {"short", "limit"}:
        return JSONResponse({"code": outcome}, 409)
    return JSONResponse(
        {
            "id": str(order),
            "sale_id": request.path_params["sale_id"],
            "state": "held",
            "lines": [line.model_dump()],
        },
        201 if outcome == "admitted" else 200,
    )


app = Starlette(
    routes=[Route("/v1/sales/{sale_id}/checkout", checkout, methods=["POST"])], lifespan=lifespan
)
