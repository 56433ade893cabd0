"""The page at `/`."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from serving import serving
from starlette.applications import Starlette

from gateway import storefront


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the gateway."""
    async with (
        serving(Starlette(routes=storefront.routes())) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}") as client,
    ):
        yield client


async def test_the_page_and_all_that_it_needs_are_there(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    needed = re.findall(r'(?:src|href)="(/pages/[^"]+)"', page.text)
    kinds = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
    seen = set()
    while needed:
        url = needed.pop()
        if url not in seen:
            answer = await client.get(url)
            assert answer.status_code == 200, url
            assert answer.headers["content-type"] == kinds[url.rpartition(".")[2]]
            needed += re.findall(r'from "([^"]+)"', answer.text)
        seen.add(url)
    assert seen == {f"/pages/{name}.js" for name in storefront.SCRIPTS} | {"/pages/shop.css"}


PATHS = ["/", "/pages/shop.css", *(f"/pages/{name}.js" for name in storefront.SCRIPTS)]


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_comes_from_elsewhere(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert [
        url for url in re.findall(r"\w+://[^\s\"'`)]+", answer.text) if urlsplit(url).netloc
    ] == []
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_page_keeps_to_its_own_policy(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page)


async def test_what_the_browser_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/pages/shop.js")
    again = await client.get("/pages/shop.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get("/pages/shop.css", headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200
