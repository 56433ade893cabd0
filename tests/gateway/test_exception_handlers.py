"""What an endpoint raised is answered with a problem, whatever it was."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.exception_handlers import EXCEPTION_HANDLERS
from gateway.problems import SALE_CLOSED, Refusal
from lua.faults import RedisFault
from sql.faults import LedgerFault


async def get(
    app: Starlette, path: str = "/", *, method: str = "GET", raised: bool = True
) -> httpx.Response:
    """Ask the app; what it raises besides answering is what a server would log as an error."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=raised)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.request(method, path)


def raising(error: Exception) -> Starlette:
    async def endpoint(_: Request) -> Response:
        raise error

    return Starlette(
        routes=[Route("/", endpoint, methods=["GET", "POST"])],
        exception_handlers=EXCEPTION_HANDLERS,
    )


async def test_a_refusal_is_answered_with_its_problem() -> None:
    response = await get(raising(Refusal(SALE_CLOSED)))
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "sale-closed"


@pytest.mark.parametrize(
    ("fault", "code"),
    [(LedgerFault("no connection"), "ledger-behind"), (RedisFault("gone"), "stock-unverified")],
)
async def test_a_server_that_is_away_is_no_fault_of_ours(fault: Exception, code: str) -> None:
    response = await get(raising(fault))
    assert (response.status_code, response.json()["code"]) == (503, code)
    assert int(response.headers["retry-after"]) >= 1


async def test_a_path_that_does_not_exist_is_a_problem() -> None:
    response = await get(raising(Refusal(SALE_CLOSED)), "/nowhere")
    assert (response.status_code, response.json()["code"]) == (404, "not-found")


async def test_a_wrong_method_is_told_the_right_ones() -> None:
    response = await get(raising(Refusal(SALE_CLOSED)), method="DELETE")
    assert (response.status_code, response.json()["code"]) == (405, "method-not-allowed")
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_a_wrong_method_is_told_those_of_every_route_at_its_path() -> None:
    app = raising(Refusal(SALE_CLOSED))
    app.routes.append(Route("/", lambda _: Response(), methods=["PUT"]))
    response = await get(app, method="DELETE")
    assert response.headers["allow"] == "GET, HEAD, POST, PUT"


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "malformed"), (413, "body-too-large"), (415, "unsupported-media-type")],
)
async def test_what_starlette_refuses_is_a_problem(status: int, code: str) -> None:
    response = await get(raising(HTTPException(status)))
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_an_unforeseen_fault_tells_nothing_of_the_inside() -> None:
    response = await get(
        raising(RuntimeError("postgresql://doorbuster:secret@ledger/")), raised=False
    )
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text


async def test_an_unforeseen_fault_reaches_the_log_of_the_server() -> None:
    with pytest.raises(RuntimeError, match="defect"):
        await get(raising(RuntimeError("defect")))


async def test_a_client_that_left_is_no_fault_of_ours() -> None:
    response = await get(raising(ClientDisconnect()))
    assert response.status_code == 400
