"""A shop with its pages, and browsers to open them with: headless Chromium, by Playwright."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from acceptance.kept_shop import KeptShop, keeping_shop
from browser.browsing import Visitor, visiting
from playwright.async_api import Browser, async_playwright
from shop import settings_for

# Playwright's own browsers are a download of their own; the distribution's does as well.
NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root Chromium runs only without its sandbox; the rest keeps it from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        pytest.skip("Chromium is not on PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    valkey_url: str, shop_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeptShop]:
    """One gateway with the demo's login and till, one reconciler."""
    folder = tmp_path_factory.mktemp("shop")
    settings = settings_for(valkey_url, shop_database_url, folder)
    settings["DOORBUSTER_DEMO"] = "true"
    async with keeping_shop(settings, folder) as running:
        yield running
    assert not running.faults()


@pytest_asyncio.fixture(loop_scope="module")
async def ada(chromium: Browser, shop: KeptShop) -> AsyncIterator[Visitor]:
    async with visiting(chromium, shop) as visitor:
        yield visitor


@pytest_asyncio.fixture(loop_scope="module")
async def bob(chromium: Browser, shop: KeptShop) -> AsyncIterator[Visitor]:
    async with visiting(chromium, shop) as visitor:
        yield visitor
