"""The page at `/docs`: it shows the interface, and asks nothing of anybody else."""

import pytest
from browser.browsing import Visitor
from playwright.async_api import Request, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
# Swagger UI has a megabyte and a half to read before it shows anything.
PATIENCE_MS = 120_000


async def test_the_interface_is_shown_and_nobody_else_is_asked(ada: Visitor) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    ada.page.on("request", note)
    await ada.page.goto(f"{ada.url}/docs", wait_until="commit")
    call = ada.page.locator("#operations-reservations-checkOut")
    await expect(call).to_contain_text("/v1/sales/{sale_id}/checkout", timeout=PATIENCE_MS)
    assert [url for url in asked if not url.startswith((ada.url, "data:"))] == []
    assert await ada.violations() == []
    assert ada.complaints == []
