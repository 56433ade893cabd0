"""`make screenshots`: the pages as they look while a sale goes on, for the README."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

from acceptance.kept_shop import KeptShop, keeping_shop
from browser.browsing import DESKTOP, PHONE, Visitor, visiting
from browser.conftest import ARGUMENTS, NAMES
from playwright.async_api import Browser, async_playwright
from shop import settings_for

from doorbuster.child import running
from doorbuster.embedded.postgres import EmbeddedPostgres
from doorbuster.embedded.valkey import EmbeddedValkey
from sql.migrate import migrate

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SALE = {
    "name": "Friday rush",
    "hold_seconds": 600,
    "items": [
        {"sku": "LAMP-1", "name": "Desk lamp", "price": 1999, "units": 500},
        {"sku": "KETTLE", "name": "Kettle", "price": 3450, "units": 120},
        {"sku": "MUG", "name": "Mug", "price": 790, "units": 2000},
        {"sku": "CHAIR", "name": "Office chair", "price": 18900, "units": 12},
    ],
}
TALL = 1150  # pixels, so that charts and sales are both on the picture
SOLD = {"LAMP-1": 341, "KETTLE": 111, "MUG": 620, "CHAIR": 12}


@asynccontextmanager
async def shop_of_its_own() -> AsyncIterator[KeptShop]:
    """A whole shop with its demo."""
    with tempfile.TemporaryDirectory(prefix="db-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # noqa: ASYNC240 (Postgres, as another user, walks through)
        valkey = EmbeddedValkey(directory=folder / "valkey")
        postgres = EmbeddedPostgres(directory=folder / "postgres")
        async with running(valkey) as redis, running(postgres) as database:
            await migrate(database.url)
            settings = settings_for(redis.url, database.url, folder)
            settings["DOORBUSTER_DEMO"] = "true"
            async with keeping_shop(settings, folder) as shop:
                yield shop


async def open_sale(shop: KeptShop, sale_id: str) -> None:
    closes_at = datetime.now(UTC) + timedelta(hours=2, minutes=13)
    await shop.open_sale(shop.folder, {**SALE, "id": sale_id, "closes_at": closes_at.isoformat()})


async def storefront(shop: KeptShop, visitor: Visitor, sale_id: str) -> None:
    """A page that has seen most of it go, and got some of it."""
    await open_sale(shop, sale_id)
    await visitor.open(f"/?sale={sale_id}")
    await visitor.sees_left(500)
    for number, (sku, units) in enumerate(SOLD.items()):
        answer = await shop.buy(sale_id, f"buyer-{number}", {sku: units})
        assert answer.status == 201, answer
    await visitor.reserve("LAMP-1").click()
    await visitor.is_told("Reserved")
    await visitor.sees_left(0, "CHAIR")


async def console(shop: KeptShop, visitor: Visitor, sale_id: str) -> None:
    """A rush as an operator sees it, a little after its first wave."""
    await open_sale(shop, sale_id)
    await visitor.open("/console")
    await visitor.page.get_by_label("Key").fill(await shop.key("admin"))
    await visitor.page.keyboard.press("Enter")
    await visitor.page.locator(f'[data-sale="{sale_id}"]').wait_for()
    await rush(shop, visitor, sale_id)
    await visitor.page.locator(f'[data-sale="{sale_id}"]').get_by_text("Audit now").click()
    await visitor.is_told("the books agree")
    width = await visitor.page.evaluate("innerWidth")
    await visitor.page.set_viewport_size({"width": width, "height": TALL})
    await visitor.page.evaluate("scrollTo(0, 0)")


async def rush(shop: KeptShop, visitor: Visitor, sale_id: str) -> None:
    """A crowd that finds less than it wants."""
    key = shop.folder / "settle.key"
    key.write_text(await shop.key())
    crowd = ["--customers", "1500", "--seconds", "20", "--seed", "1"]
    where = ["--url", visitor.url, "--settle-key-file", str(key)]
    await shop.command("rush", "--sale", sale_id, *crowd, *where)


SCENES: Final = {"storefront": storefront, "console": console}
SCREENS: Final = {"phone": PHONE, "desktop": DESKTOP}


async def shoot(chromium: Browser, shop: KeptShop, pages: Iterable[str]) -> None:
    for page, (screen, viewport), scheme in product(pages, SCREENS.items(), ("light", "dark")):
        async with visiting(chromium, shop, viewport=viewport, color_scheme=scheme) as visitor:
            await SCENES[page](shop, visitor, f"friday-{page}-{screen}-{scheme}")
            file = FOLDER / f"{page}-{screen}-{scheme}.png"
            await visitor.page.screenshot(path=file)
            print(file.relative_to(FOLDER.parents[1]))


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    binary = next(filter(None, map(shutil.which, NAMES)))
    async with async_playwright() as playwright, shop_of_its_own() as shop:
        chromium = await playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        await shoot(chromium, shop, sys.argv[1:] or SCENES)
        await chromium.close()


if __name__ == "__main__":
    asyncio.run(main())
