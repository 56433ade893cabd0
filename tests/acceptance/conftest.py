"""One running shop for each module, with a database of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from kept_shop import KeptShop, keeping_shop
from shop import settings_for


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    valkey_url: str, shop_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeptShop]:
    """One gateway, one reconciler; whatever the tests did to them, they met no fault of ours."""
    folder = tmp_path_factory.mktemp("shop")
    settings = settings_for(valkey_url, shop_database_url, folder)
    async with keeping_shop(settings, folder) as running:
        yield running
    assert not running.faults()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settle_key(shop: KeptShop) -> str:
    return await shop.key("settle")
