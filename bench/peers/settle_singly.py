"""Payments without groups: each is a statement of its own, in a transaction of its own."""

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import asyncpg
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

DIGEST = sha256(os.environ["API_KEY"].encode()).digest()
CONNECTIONS = 32
PAY = """
update reservation set state = 'paid', settled_at = now(), payment_reference = $2
where id = $1 and (state = 'held' or state = 'paid' and payment_reference = $2)
returning id, sale_id, lines, version, created_at, deadline
"""


class Payment(BaseModel):
    payment_reference: str = Field(pattern=r"^[\x21-\x7e]{1,255}$")


BODY = TypeAdapter(Payment)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS
    ) as pool:
        app.state.pool = pool
        yield


async def confirm(request: Request) -> JSONResponse:
    key = request.headers["authorization"].removeprefix("Bearer ")
    if not hmac.compare_digest(sha256(key.encode()).digest(), DIGEST):
        return JSONResponse({"code": "unauthenticated"}, 401)
    try:
        reference = BODY.validate_json(await request.body()).payment_reference
    except ValidationError:
        return JSONResponse({"code": "invalid"}, 422)
    row = await request.app.state.pool.fetchrow(PAY, request.path_params["id"], reference)
    if row is None:
        return JSONResponse({"code": "not-held"}, 409)
    return JSONResponse(
        {
            "id": str(row["id"]),
            "sale_id": row["sale_id"],
            "state": "paid",
            "lines": row["lines"],
            "version": row["version"],
            "created_at": row["created_at"].isoformat(),
            "expires_at": row["deadline"].isoformat(),
        }
    )


app = Starlette(
    routes=[Route("/v1/reservations/{id:uuid}/confirm", confirm, methods=["POST"])],
    lifespan=lifespan,
)
