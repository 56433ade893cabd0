"""The OpenAPI document names every call that is mounted, and nothing else."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from away import away, calling
from documents import PROJECT
from http_file import Collection
from interface import calls
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.openapi import Call
from gateway.page import CONTENT_SECURITY_POLICY as POLICY

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app() -> AsyncIterator[Starlette]:
    """A gateway whose servers are away: the document does not need them."""
    async with away() as app:
        yield app


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(app: Starlette) -> dict[str, Any]:
    """The document as a client gets it."""
    answer = await get(app, "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


async def get(app: Starlette, path: str, **headers: str) -> httpx.Response:
    async with calling(app) as client:
        return await client.get(path, headers=headers)


async def test_every_route_of_the_interface_says_what_it_takes_and_answers(app: Starlette) -> None:
    silent = [
        route.path
        for route in app.routes
        if isinstance(route, Route) and not isinstance(route, Call)
        if re.match(r"/(v1|demo|livez|readyz)", route.path)
    ]
    assert silent == []


async def test_the_document_has_the_mounted_calls_and_no_others(
    app: Starlette, document: dict[str, Any]
) -> None:
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    mounted = [(each.operation.method, each.path) for each in app.routes if isinstance(each, Call)]
    assert described == set(mounted)
    assert len(described) == len(mounted), "two calls have the same method and path"


async def test_the_collection_of_requests_has_every_call(app: Starlette) -> None:
    collection = Collection.read(PROJECT / "docs/api.http")
    shown = {(each.method, each.path()) for each in collection.requests}
    missing = [
        f"{call.operation.method} {call.path}"
        for call in calls(app.routes)
        if not any(
            method == call.operation.method and call.path_regex.match(path)
            for method, path in shown
        )
    ]
    assert missing == []


async def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))


async def test_the_parameters_of_a_path_are_declared(document: dict[str, Any]) -> None:
    for path, described in document["paths"].items():
        for operation in described.values():
            declared = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path)), path


async def test_the_numbers_of_an_address_have_bounds(document: dict[str, Any]) -> None:
    """Each is parsed with a bound, which a client can only respect if it is told."""
    numbers = [
        schema
        for operation in operations(document)
        for parameter in operation["parameters"]
        for schema in parameter["schema"].get("anyOf", [parameter["schema"]])
        if schema.get("type") == "integer"
    ]
    assert numbers
    assert all({"minimum", "maximum"} <= set(each) for each in numbers), numbers


async def test_links_lead_to_operations(document: dict[str, Any]) -> None:
    known = {operation["operationId"] for operation in operations(document)}
    linked = {
        link["operationId"]
        for operation in operations(document)
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    }
    assert linked
    assert linked <= known


async def test_a_refusal_is_a_problem_with_one_of_the_codes_of_its_status(
    document: dict[str, Any],
) -> None:
    checkout = document["paths"]["/v1/sales/{sale_id}/checkout"]["post"]
    schema = checkout["responses"]["404"]["content"]["application/problem+json"]["schema"]
    assert schema["allOf"][0] == {"$ref": "#/components/schemas/ProblemBody"}
    assert schema["allOf"][1]["properties"]["code"]["enum"] == [
        "not-found",
        "unknown-sale",
        "unknown-sku",
    ]


async def test_the_document_is_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


async def test_the_page_and_all_that_it_needs_come_from_here(app: Starlette) -> None:
    page = await get(app, "/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text)
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    for url in needed:
        if url != "data:,":
            answer = await get(app, url)
            assert (answer.status_code, answer.headers["content-security-policy"]) == (200, POLICY)


async def test_the_page_asks_nothing_of_others(app: Starlette) -> None:
    assert "validatorUrl: null" in (await get(app, "/docs/docs.js")).text
    assert "connect-src 'self'" in POLICY
    assert "unsafe" not in POLICY


async def test_what_the_caller_has_is_not_sent_again(app: Starlette) -> None:
    first = await get(app, "/openapi.json")
    again = await get(app, "/openapi.json", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for path in document["paths"].values() for each in path.values()]
