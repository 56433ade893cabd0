"""A flash sale as most people would write it today: FastAPI, PyJWT, one EVALSHA a request."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from redis.asyncio import BlockingConnectionPool, Redis

KEY = os.environ["TOKEN_KEY"]
ALGORITHM = os.environ["TOKEN_ALGORITHM"]
LIMIT = os.environ["LIMIT"]
REMEMBERED_SECONDS = 24 * 60 * 60
# As many as there may be requests in flight would only queue up inside Redis.
CONNECTIONS = 64


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    pool = BlockingConnectionPool.from_url(
        os.environ["REDIS_URL"], max_connections=CONNECTIONS, protocol=2
    )
    async with Redis(connection_pool=pool) as redis:
        app.state.admit = redis.register_script(Path("admit.lua").read_text())
        yield


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


class Line(BaseModel):
    sku: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    quantity: int = Field(ge=1, le=10_000)


class Checkout(BaseModel):
    lines: list[Line] = Field(min_length=1, max_length=1)


class Reservation(BaseModel):
    id: str
    sale_id: str
    state: str
    lines: list[Line]


async def customer(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> str:
    try:
        claims = jwt.decode(
            credentials.credentials,
            KEY,
            algorithms=[ALGORITHM],
            audience="doorbuster",
            issuer="doorbuster",
            options={"require": ["exp", "sub", "iss", "aud"]},
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "invalid token") from error
    return claims["sub"]


@app.post("/v1/sales/{sale_id}/checkout", status_code=201)
async def checkout(
    sale_id: str,
    body: Checkout,
    request: Request,
    buyer: Annotated[str, Depends(customer)],
    idempotency_key: Annotated[str, Header()],
) -> Reservation:
    line = body.lines[0]
    sale = f"{{{sale_id}}}"
    outcome, *told = await request.app.state.admit(
        keys=[
            f"{sale}:stock",
            f"{sale}:key:{buyer}:{idempotency_key}",
            f"{sale}:held:{buyer}:{line.sku}",
            f"{sale}:orders",
        ],
        args=[line.sku, line.quantity, LIMIT, str(uuid4()), buyer, REMEMBERED_SECONDS],
    )
    if outcome == 3:
        raise HTTPException(409, "purchase limit exceeded")
    if outcome == 4:
        raise HTTPException(409, f"{told[0]} left")
    reservation = Reservation(id=told[0].decode(), sale_id=sale_id, state="held", lines=body.lines)
    if outcome == 2:
        return JSONResponse(reservation.model_dump(), 200, {"Idempotency-Replayed": "true"})
    return reservation
