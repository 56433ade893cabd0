"""The console, as operators see it: a browser, real servers, and nothing reloaded."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from acceptance.kept_shop import KeptShop
from axe_playwright_python.async_playwright import Axe
from browser.browsing import DESKTOP, PHONE, Visitor, visiting
from playwright.async_api import Browser, Locator, expect

from lua import keys
from sql.alarms import AlarmKind, raise_alarm

# A line that has left the ground: some point of it is not at the bottom, which is 100.
RISEN = re.compile(r",(?!100\.0)\d")

PARK = """insert into parked (sale_id, kind, subject, record, reason)
    values ($1, 'context', $2, $3, $4)"""

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def key(shop: KeptShop) -> str:
    return await shop.key("admin")


@pytest_asyncio.fixture(loop_scope="module")
async def operator(ada: Visitor, key: str) -> AsyncIterator[Visitor]:
    """Somebody who is logged in."""
    await log_in(ada, key)
    yield ada
    assert await ada.violations() == []
    assert ada.complaints == []


async def log_in(visitor: Visitor, key: str) -> None:
    await visitor.open("/console")
    await visitor.page.get_by_label("Key").fill(key)
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.page.locator("#line")).to_have_text("live")


def sale(visitor: Visitor, sale_id: str) -> Locator:
    return visitor.page.locator(f'[data-sale="{sale_id}"]')


async def units(visitor: Visitor, sale_id: str, **expected: int) -> None:
    """Await that so many LAMP-1 are in each place."""
    lamps = sale(visitor, sale_id).locator('[data-sku="LAMP-1"]')
    for place, count in expected.items():
        await expect(lamps.locator(f".units .{place} dd")).to_have_text(str(count))


async def act(visitor: Visitor, where: Locator, name: str, **fields: str) -> None:
    """Press a button, fill the dialog in, and confirm."""
    await where.get_by_role("button", name=name).click()
    dialog = visitor.page.get_by_role("dialog")
    for label, text in fields.items():
        await dialog.get_by_label(label).fill(text)
    await dialog.locator("#ask-yes").click()


async def test_a_wrong_key_is_told_and_not_kept(shop: KeptShop, ada: Visitor) -> None:
    await ada.open("/console")
    for wrong in ("wrong", await shop.key("settle")):
        await ada.page.get_by_label("Key").fill(wrong)
        await ada.page.keyboard.press("Enter")
        await ada.is_told("not one of an operator")
    assert await ada.page.evaluate("sessionStorage.length") == 0
    await expect(ada.page.locator("#board")).to_be_hidden()


async def test_the_key_is_kept_for_the_tab_until_the_operator_logs_out(operator: Visitor) -> None:
    await operator.page.reload()
    await expect(operator.page.locator("#line")).to_have_text("live")
    assert operator.page.url.endswith("/console")
    await operator.page.get_by_role("button", name="Log out").click()
    await operator.page.reload()
    await expect(operator.page.get_by_label("Key")).to_be_visible()
    assert await operator.page.evaluate("sessionStorage.length") == 0


async def test_a_grant_shows_on_the_console_and_in_the_shop_without_a_reload(
    shop: KeptShop, operator: Visitor, bob: Visitor
) -> None:
    sale_id = await shop.sell(5)
    await bob.open(f"/?sale={sale_id}")
    await bob.sees_left(5)
    await units(operator, sale_id, granted=5, available=5)
    lamps = sale(operator, sale_id)
    await act(operator, lamps, "Grant LAMP-1", Units="7", Reason="second pallet")
    await operator.is_told("done")
    await units(operator, sale_id, granted=12, available=12)
    await bob.sees_left(12)
    await act(operator, lamps, "Grant LAMP-1", Units="-2", Reason="damaged")
    await units(operator, sale_id, granted=10, available=10)
    await bob.sees_left(10)


async def test_a_rebuild_is_explained_before_it_is_done(shop: KeptShop, operator: Visitor) -> None:
    sale_id = await shop.sell(5)
    await units(operator, sale_id, granted=5, available=5)
    name = keys.record(sale_id)
    await shop.servers.redis.command("HSET", name, "available:LAMP-1", 7)  # two out of nowhere
    where, dialog = sale(operator, sale_id), operator.page.get_by_role("dialog")
    await where.get_by_role("button", name="Rebuild").click()
    await expect(dialog).to_contain_text("LAMP-1: 5 granted - 0 held and paid = 5 available, now 7")
    await dialog.locator("#ask-no").click()
    assert await shop.stock(sale_id) == {"LAMP-1": 7}
    await act(operator, where, "Rebuild")
    await operator.is_told("done")
    assert await shop.stock(sale_id) == {"LAMP-1": 5}
    await shop.audited(sale_id)


async def test_a_refusal_is_told_in_its_words(shop: KeptShop, operator: Visitor) -> None:
    sale_id = await shop.sell(1)
    await act(operator, sale(operator, sale_id), "Grant LAMP-1", Units="-2", Reason="too many")
    await operator.is_told("nothing was taken out")
    # Of which the browser complains as well.
    operator.complaints.clear()
    await units(operator, sale_id, granted=1)


async def test_what_is_not_confirmed_is_not_done(shop: KeptShop, operator: Visitor) -> None:
    sale_id = await shop.sell(1)
    await sale(operator, sale_id).get_by_role("button", name="Close").click()
    await operator.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(operator.page.get_by_role("dialog")).to_be_hidden()
    assert (await shop.report(sale_id)).state == "open"


async def test_a_pause_from_the_console_greys_the_button_in_the_shop(
    shop: KeptShop, operator: Visitor, bob: Visitor
) -> None:
    sale_id = await shop.sell(3)
    await bob.open(f"/?sale={sale_id}")
    await expect(bob.reserve()).to_be_enabled()
    await act(operator, sale(operator, sale_id), "Pause")
    await expect(sale(operator, sale_id).locator(".badge")).to_have_text("Paused")
    await expect(bob.reserve()).to_be_disabled()
    await act(operator, sale(operator, sale_id), "Resume")
    await expect(sale(operator, sale_id).locator(".badge")).to_have_text("Open")
    await expect(bob.reserve()).to_be_enabled()


async def test_a_draft_is_opened_and_a_sale_is_closed(shop: KeptShop, operator: Visitor) -> None:
    sale_id = await shop.draft(3)
    await act(operator, sale(operator, sale_id), "Open")
    await expect(sale(operator, sale_id).locator(".badge")).to_have_text("Open")
    await act(operator, sale(operator, sale_id), "Close")
    await expect(sale(operator, sale_id).locator(".badge")).to_have_text("Closed")


async def test_a_checkout_shows_in_the_units_and_in_the_charts(
    shop: KeptShop, operator: Visitor
) -> None:
    sale_id = await shop.sell(3)
    await units(operator, sale_id, available=3, held=0)
    chart = operator.page.locator("figure", has_text="Checkouts admitted")
    assert (await shop.buy(sale_id, "somebody", 2)).status == 201
    # The scale is that of the highest rate that was seen.
    await expect(chart.locator("polyline")).to_have_attribute("points", RISEN)
    await units(operator, sale_id, available=1, held=2)
    assert (await shop.buy(sale_id, "somebody else", 2)).status == 409
    refused = operator.page.locator("figure", has_text="Checkouts refused")
    await expect(refused.locator(".legend")).to_contain_text("insufficient-stock")


async def test_an_audit_is_made_now_and_shows_what_it_compared(
    shop: KeptShop, operator: Visitor
) -> None:
    sale_id = await shop.sell(3)
    assert (await shop.buy(sale_id, "somebody", 2)).status == 201
    await units(operator, sale_id, held=2)
    await sale(operator, sale_id).get_by_role("button", name="Audit now").click()
    await operator.is_told("the books agree: 1 reservations")
    audit = sale(operator, sale_id).locator(".audit")
    await expect(audit).to_contain_text("the books agree: 1 reservations compared")
    await audit.locator("summary").click()
    await expect(audit.locator(".sums")).to_contain_text("granted3")
    await expect(audit.locator(".sums")).to_contain_text("held in Redis2")


async def test_an_alarm_shows_and_goes_once_it_is_acknowledged(
    shop: KeptShop, operator: Visitor
) -> None:
    sale_id = await shop.sell(1)
    await raise_alarm(shop.servers.database, sale_id, AlarmKind.DRIFT, "a made-up drift")
    alarm = operator.page.locator("#alarms li", has_text=sale_id)
    await expect(alarm).to_contain_text("a made-up drift")
    await act(operator, alarm, "Acknowledge")
    await expect(alarm).to_have_count(0)


async def test_a_parked_record_is_inspected_and_discarded_with_a_reason(
    shop: KeptShop, operator: Visitor
) -> None:
    sale_id = await shop.sell(1)
    await shop.servers.database.execute(PARK, sale_id, str(uuid4()), b"{made up", "no JSON")
    parked = operator.page.locator("#parked li", has_text=sale_id)
    await expect(parked).to_contain_text("no JSON")
    await parked.get_by_role("button", name="Inspect").click()
    dialog = operator.page.get_by_role("dialog")
    await expect(dialog.locator("#ask-shown")).to_have_text("{made up")
    await dialog.locator("#ask-yes").click()
    await act(operator, parked, "Retry")
    await operator.is_told(f"Retry {await parked.get_attribute('data-key')}:")
    await expect(parked).to_have_count(1)
    await act(operator, parked, "Discard", Reason="a made-up client")
    await expect(parked).to_have_count(0)
    # Of the refusal to retry it the browser complains as well.
    operator.complaints.clear()


async def test_the_servers_and_the_reconciler_are_well(operator: Visitor) -> None:
    health = operator.page.locator("#health")
    for words in ("Redis answers", "Postgres answers", "leads"):
        await expect(health).to_contain_text(words)
    await expect(health.locator('[data-ok="false"]')).to_have_count(0)


async def test_a_gateway_that_restarts_is_reconnected_to(
    shop: KeptShop, ada: Visitor, key: str
) -> None:
    await log_in(ada, key)
    await shop.stop("gateway-1")
    await expect(ada.page.locator("#line")).to_contain_text("reconnecting; as of")
    await shop.start("gateway-1")
    await expect(ada.page.locator("#line")).to_have_text("live")


SCREENS = [
    pytest.param(PHONE, "light", id="phone-light"),
    pytest.param(DESKTOP, "dark", id="desktop-dark"),
]


@pytest.mark.parametrize(("viewport", "scheme"), SCREENS)
async def test_axe_finds_no_serious_fault_in_the_console_and_its_policy_is_kept(
    shop: KeptShop, chromium: Browser, key: str, viewport: dict[str, int], scheme: str
) -> None:
    sale_id = await shop.sell({"LAMP-1": 5, "MUG": 0})
    await raise_alarm(shop.servers.database, sale_id, AlarmKind.LOST, "a made-up loss")
    async with visiting(chromium, shop, viewport=viewport, color_scheme=scheme) as visitor:
        await visitor.open("/console")
        faults = await serious_faults(visitor)
        await log_in(visitor, key)
        await units(visitor, sale_id, granted=5)
        await sale(visitor, sale_id).get_by_role("button", name="Audit now").click()
        await sale(visitor, sale_id).locator("summary").click()
        faults += await serious_faults(visitor)
        await sale(visitor, sale_id).get_by_role("button", name="Grant LAMP-1").click()
        faults += await serious_faults(visitor)
        assert faults == []
        assert await visitor.violations() == []
        assert visitor.complaints == []
        width = await visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"]


async def serious_faults(visitor: Visitor) -> list[str]:
    found = await Axe().run(visitor.page)
    return [
        f"{each['id']}: {[node['html'] for node in each['nodes']]}"
        for each in found.response["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
