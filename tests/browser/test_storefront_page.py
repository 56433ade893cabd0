"""The storefront, as buyers see it: two browsers, real servers."""

import asyncio

import pytest
from acceptance.kept_shop import KeptShop
from axe_playwright_python.async_playwright import Axe
from browser.browsing import DESKTOP, PHONE, Visitor, visiting
from playwright.async_api import Browser, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def open_both(ada: Visitor, bob: Visitor, sale_id: str, units: int) -> None:
    for visitor in (ada, bob):
        await visitor.open(f"/?sale={sale_id}")
        await visitor.sees_left(units)


async def test_of_two_who_want_the_last_unit_one_is_told_the_truth(
    shop: KeptShop, ada: Visitor, bob: Visitor
) -> None:
    sale_id = await shop.sell(1)
    await open_both(ada, bob, sale_id, 1)
    await asyncio.gather(*(each.reserve().evaluate("it => it.click()") for each in (ada, bob)))
    for visitor in (ada, bob):
        await visitor.sees_left(0)
        await expect(visitor.reserve()).to_be_disabled()
    orders = [await each.page.locator("[data-order]").count() for each in (ada, bob)]
    assert sorted(orders) == [0, 1]
    winner, loser = (ada, bob) if orders[0] else (bob, ada)
    await winner.is_told("Reserved")
    # Where the news came before the click, the grey button has told it already.
    answer = loser.page.locator("#answer")
    assert await answer.inner_text() in {"", "Sold out: somebody was faster. Nothing was reserved."}
    assert await shop.stock(sale_id) == {"LAMP-1": 0}


async def test_the_stock_falls_on_both_screens_without_a_reload(
    shop: KeptShop, ada: Visitor, bob: Visitor
) -> None:
    sale_id = await shop.sell(5)
    await open_both(ada, bob, sale_id, 5)
    await ada.reserve().click()
    for visitor in (ada, bob):
        await visitor.sees_left(4)
    await shop.buy(sale_id, "somebody else", 4)
    for visitor in (ada, bob):
        await visitor.sees_left(0)
        await expect(visitor.reserve()).to_be_disabled()


async def test_tabs_of_one_browser_share_a_stream_and_outlive_the_one_that_has_it(
    shop: KeptShop, ada: Visitor
) -> None:
    sale_id = await shop.sell(5)
    streams: list[str] = []
    ada.page.context.on(
        "request",
        lambda request: streams.append(request.url) if request.url.endswith("/events") else None,
    )
    await ada.open(f"/?sale={sale_id}")
    await ada.sees_left(5)
    others = [Visitor(page=await ada.page.context.new_page(), url=ada.url) for _ in range(2)]
    for other in others:
        await other.open(f"/?sale={sale_id}")
        await other.sees_left(5)
    await shop.buy(sale_id, "somebody else", 1)
    for each in (ada, *others):
        await each.sees_left(4)
    assert len(streams) == 1, "one for the whole browser"
    await ada.page.close()
    await shop.buy(sale_id, "one more", 1)
    for other in others:
        await other.sees_left(3)
    assert len(streams) == 2, "the next tab in line took over"


async def test_a_hold_expires_and_its_unit_comes_back_on_both_screens(
    shop: KeptShop, ada: Visitor, bob: Visitor
) -> None:
    sale_id = await shop.sell(1, hold_seconds=3)
    await open_both(ada, bob, sale_id, 1)
    await ada.reserve().click()
    await expect(ada.order()).to_contain_text("left to pay")
    await bob.sees_left(0)
    for visitor in (ada, bob):
        await visitor.sees_left(1)
        await expect(visitor.reserve()).to_be_enabled()
    await expect(ada.order()).to_contain_text("expired")
    await expect(ada.order().get_by_role("button", name="Pay")).to_be_hidden()


async def test_a_hold_is_paid(shop: KeptShop, ada: Visitor) -> None:
    sale_id = await shop.sell(2)
    await ada.open(f"/?sale={sale_id}")
    await ada.reserve().click()
    await ada.page.get_by_role("button", name="Pay").click()
    await ada.is_told("Paid")
    await expect(ada.page.get_by_role("button", name="Pay")).to_be_hidden()
    assert await shop.stock(sale_id) == {"LAMP-1": 1}


async def test_a_hold_is_released(shop: KeptShop, ada: Visitor) -> None:
    sale_id = await shop.sell(2)
    await ada.open(f"/?sale={sale_id}")
    await ada.reserve().click()
    await ada.sees_left(1)
    await ada.page.get_by_role("button", name="Release").click()
    await ada.is_told("Released")
    await ada.sees_left(2)


async def test_the_keyboard_is_enough(shop: KeptShop, ada: Visitor) -> None:
    sale_id = await shop.sell(2)
    await ada.open(f"/?sale={sale_id}")
    await ada.sees_left(2)
    await ada.reserve().focus()
    await ada.page.keyboard.press("Enter")
    await ada.is_told("Reserved")


async def test_a_click_that_nobody_answered_is_one_reservation_over_a_reload(
    shop: KeptShop, ada: Visitor
) -> None:
    sale_id = await shop.sell(5)
    await ada.open(f"/?sale={sale_id}")
    await ada.sees_left(5)
    lost = asyncio.Event()

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort()
        lost.set()

    await ada.page.route("**/checkout", lose_the_answer)
    await ada.reserve().click()
    await lost.wait()
    await ada.page.unroute_all(behavior="ignoreErrors")
    await ada.page.reload()
    await ada.reserve().click()
    await ada.is_told("Reserved")
    await ada.sees_left(4)
    assert await shop.stock(sale_id) == {"LAMP-1": 4}


async def test_a_limit_is_said(shop: KeptShop, ada: Visitor) -> None:
    sale_id = await shop.sell(5, limit=1)
    await ada.open(f"/?sale={sale_id}")
    await ada.reserve().click()
    await ada.is_told("Reserved")
    await ada.reserve().click()
    await ada.is_told("limit")


async def test_an_operator_pauses_and_the_button_goes_grey_everywhere(
    shop: KeptShop, ada: Visitor, bob: Visitor
) -> None:
    sale_id = await shop.sell(3)
    await open_both(ada, bob, sale_id, 3)
    await shop.act(sale_id, "pause")
    for visitor in (ada, bob):
        await expect(visitor.reserve()).to_be_disabled()
        await expect(visitor.page.locator("#state")).to_contain_text("paused", ignore_case=True)
    await shop.act(sale_id, "resume")
    for visitor in (ada, bob):
        await expect(visitor.reserve()).to_be_enabled()


async def test_the_gateway_is_restarted_and_both_recover_by_themselves(
    shop: KeptShop, ada: Visitor, bob: Visitor
) -> None:
    sale_id = await shop.sell(3)
    await open_both(ada, bob, sale_id, 3)
    await shop.stop("gateway-1")
    for visitor in (ada, bob):
        await expect(visitor.page.locator("#line")).to_contain_text("reconnecting")
    await shop.start("gateway-1")
    await shop.buy(sale_id, "somebody else", 1)
    for visitor in (ada, bob):
        await visitor.sees_left(2)
        await expect(visitor.page.locator("#line")).to_contain_text("live")


SCREENS = [
    pytest.param(PHONE, "light", id="phone-light"),
    pytest.param(DESKTOP, "dark", id="desktop-dark"),
]


@pytest.mark.parametrize(("viewport", "scheme"), SCREENS)
async def test_axe_finds_no_serious_fault_and_the_policy_is_kept(
    shop: KeptShop, chromium: Browser, viewport: dict[str, int], scheme: str
) -> None:
    sale_id = await shop.sell({"LAMP-1": 5, "MUG": 0, "CHAIR": 1})
    async with visiting(chromium, shop, viewport=viewport, color_scheme=scheme) as visitor:
        await visitor.open(f"/?sale={sale_id}")
        await visitor.reserve().click()
        await visitor.is_told("Reserved")
        found = await Axe().run(visitor.page)
        faults = [
            f"{each['id']}: {[node['html'] for node in each['nodes']]}"
            for each in found.response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        assert faults == []
        assert await visitor.violations() == []
        assert visitor.complaints == []
        width = await visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"]
