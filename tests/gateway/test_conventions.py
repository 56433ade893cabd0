"""What holds for every call, whoever wrote its endpoint."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from away import away, calling
from interface import calls
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from gateway.asgi import Refusing
from gateway.openapi import Call

SHOP = "https://shop.example"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
VALUES = {"sale_id": "friday", "sku": "LAMP-1", "id": "2a97516c-472a-8b3d-8b6b-dd67fd29f792"}


@pytest_asyncio.fixture
async def app() -> AsyncIterator[Starlette]:
    async with away(cors_origins=(SHOP,)) as app:
        yield app


@pytest_asyncio.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app) as client:
        yield client


def path_of(call: Call) -> str:
    return call.path_format.format(
        **{name: VALUES.get(name, "1") for name in call.param_convertors}
    )


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.request.method == "HEAD" or answer.json()["code"] == code


async def test_a_method_that_a_path_has_not_is_told_those_that_it_has(
    app: Starlette, client: httpx.AsyncClient
) -> None:
    for path in {path_of(call) for call in calls(app.routes)}:
        at_path = [call for call in calls(app.routes) if call.path_regex.match(path)]
        allowed = {method for call in at_path for method in call.methods or ()}
        for method in METHODS - allowed:
            answer = await client.request(method, path)
            assert is_problem(answer, 405, "method-not-allowed"), f"{method} {path}"
            assert set(answer.headers["allow"].split(", ")) == allowed, f"{method} {path}"


async def test_a_slash_too_many_is_not_found(app: Starlette, client: httpx.AsyncClient) -> None:
    for call in calls(app.routes):
        answer = await client.request(call.operation.method, f"{path_of(call)}/")
        assert is_problem(answer, 404, "not-found"), call.path


async def test_a_defect_tells_nothing_of_the_inside(
    app: Starlette, client: httpx.AsyncClient
) -> None:
    async def defect(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("postgresql://doorbuster:secret@ledger/")

    for call in calls(app.routes):
        call.app = Refusing(defect) if isinstance(call.app, Refusing) else defect
        answer = await client.request(call.operation.method, path_of(call))
        assert is_problem(answer, 500, "internal"), call.path
        assert answer.headers["cache-control"] == "no-store"
        assert "secret" not in answer.text


async def test_a_page_of_the_shop_may_make_every_call(
    app: Starlette, client: httpx.AsyncClient
) -> None:
    for call in calls(app.routes):
        asked = {"origin": SHOP, "access-control-request-method": call.operation.method}
        answer = await client.options(path_of(call), headers=asked)
        assert answer.status_code == 204, call.path
        assert call.operation.method in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert needed(call) <= set(allowed), call.path


def needed(call: Call) -> set[str]:
    """The headers that a page sends itself; a browser's cache and EventSource send theirs."""
    named = {each.name.lower() for each in call.operation.parameters if each.where == "header"}
    return {"authorization", "content-type"} | (named - {"if-none-match", "last-event-id"})


async def test_a_page_of_the_shop_reads_what_it_needs(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"origin": SHOP})
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"Location", "Retry-After", "ETag", "Idempotency-Replayed"} <= set(exposed)
