"""The page at `/console`, as it is served; `tests/browser` shows what it does."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from serving import serving
from starlette.applications import Starlette

from gateway import console, storefront

SHARED = {"/pages/clock.js"}


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the gateway."""
    async with (
        serving(Starlette(routes=[*storefront.routes(), *console.routes()])) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}") as client,
    ):
        yield client


async def test_the_console_and_all_that_it_needs_are_there(client: httpx.AsyncClient) -> None:
    page = await client.get("/console")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    needed = set(re.findall(r'(?:src|href)="(/pages/[^"]+)"', page.text))
    seen: set[str] = set()
    while needed - seen:
        url = (needed - seen).pop()
        seen.add(url)
        answer = await client.get(url)
        assert answer.status_code == 200, url
        needed |= set(re.findall(r'from "([^"]+)"', answer.text))
    scripts = {f"/pages/{name}.js" for name in console.SCRIPTS}
    assert seen == scripts | SHARED | {"/pages/console.css"}


PATHS = ["/console", "/pages/console.css", *(f"/pages/{name}.js" for name in console.SCRIPTS)]


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_of_the_console_comes_from_elsewhere(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    urls = re.findall(r"\w+://[^\s\"'`)]+", answer.text)
    # The name of SVG's elements is written as an address, and is none.
    hosts = {urlsplit(url).netloc for url in urls} - {"www.w3.org"}
    assert hosts == set()
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_console_keeps_to_its_own_policy(client: httpx.AsyncClient) -> None:
    page = (await client.get("/console")).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page)
