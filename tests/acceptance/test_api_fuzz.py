"""Schemathesis sends what the document allows and what it forbids, and follows its links."""

import asyncio
import os
import random
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from kept_shop import KeptShop, keeping_shop
from shop import settings_for

from doorbuster.python_child import inherited

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.proof]

HERE = Path(__file__).parent
# Of each call, valid and invalid ones; besides come the borders of every value that it takes.
EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "2"))
LINKS = re.compile(r"API Links:\s+(\d+) covered / (\d+) selected")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo_shop(
    valkey_url: str, shop_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeptShop]:
    """A shop with the demo's pages, as under `up`."""
    folder = tmp_path_factory.mktemp("shop")
    settings = settings_for(valkey_url, shop_database_url, folder) | {"DOORBUSTER_DEMO": "true"}
    async with keeping_shop(settings, folder) as running:
        yield running
    assert not running.faults()


@pytest.mark.timeout(300 + 60 * EXAMPLES)
async def test_nothing_that_the_document_says_is_untrue(
    demo_shop: KeptShop, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    sale_id, operators = await demo_shop.sell(100_000), await demo_shop.sell(100)
    known = {
        "SALE_ID": sale_id,
        "OPERATORS_SALE_ID": operators,
        "CUSTOMER_TOKEN": demo_shop.token("ada"),
        "SETTLE_KEY": await demo_shop.key(),
        "ADMIN_KEY": await demo_shop.key("admin"),
    }
    status, said = await fuzz(demo_shop, known, seed, tmp_path)
    assert status == 0, said
    covered, links = map(int, LINKS.findall(said)[0])
    assert 0 < covered <= links, said
    await demo_shop.audited(sale_id)


async def fuzz(
    shop: KeptShop, known: dict[str, str], seed: int, folder: Path
) -> tuple[int | None, str]:
    """Run it in a folder where it may leave what it likes."""
    host, port = shop.address
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli",
        "--config-file", str(HERE / "schemathesis.toml"),
        "run", f"http://{host}:{port}/openapi.json",
        # One worker: CPython 3.11 cannot read sources in two threads, as Hypothesis does.
        "--checks", "all", "--workers", "1", "--no-color", "--continue-on-failure",
        "--max-examples", str(EXAMPLES), "--seed", str(seed),
        env={**inherited(), **known, "PYTHONPATH": str(HERE)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()
