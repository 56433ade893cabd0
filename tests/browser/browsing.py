"""Somebody in front of a browser of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from acceptance.kept_shop import KeptShop
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, expect

# A browser of its own on a busy machine is slow to start and to draw.
PATIENCE_MS = 15_000
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}

WATCH_THE_POLICY = """
  window.violations = [];
  addEventListener("securitypolicyviolation", (event) =>
    violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass(kw_only=True)
class Visitor:
    """Who sees a page; `complaints` is what the browser said of it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    def item(self, sku: str = "LAMP-1") -> Locator:
        return self.page.locator(f'[data-sku="{sku}"]')

    def reserve(self, sku: str = "LAMP-1") -> Locator:
        return self.item(sku).get_by_role("button", name="Reserve")

    def order(self) -> Locator:
        """The newest of the reservations."""
        return self.page.locator("[data-order]").first

    async def sees_left(self, units: int, sku: str = "LAMP-1") -> None:
        words = f"{units} left" if units else "sold out"
        await expect(self.item(sku)).to_contain_text(words, ignore_case=True)

    async def is_told(self, words: str) -> None:
        await expect(self.page.locator("#answer")).to_contain_text(words, ignore_case=True)

    async def violations(self) -> list[str]:
        found: list[str] = await self.page.evaluate("window.violations")
        return found


@asynccontextmanager
async def visiting(chromium: Browser, shop: KeptShop, **context: Any) -> AsyncIterator[Visitor]:
    """Open a browser that nobody has used, for the length of the block."""
    host, port = shop.address
    opened = await chromium.new_context(**{"viewport": DESKTOP, **context})
    opened.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    await opened.add_init_script(WATCH_THE_POLICY)
    page = await opened.new_page()
    visitor = Visitor(page=page, url=f"http://{host}:{port}")

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            visitor.complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    try:
        yield visitor
    finally:
        await opened.close()
