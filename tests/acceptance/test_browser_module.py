"""`doorbuster.js` keeps the promises of a client, in Node and at a real gateway."""

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest
from chaos.link import Link, listening_on_a_port
from documents import PROJECT
from kept_shop import KeptShop

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not shutil.which("node"), reason="there is no Node to run the module in"),
]


async def test_the_browsers_module_buys_nothing_twice(shop: KeptShop) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    sale_id = await shop.sell(1)
    host, port = shop.address
    link = Link(lambda: asyncio.open_connection(host, port), random.Random(seed))
    link.loss = 0.5
    async with listening_on_a_port(link) as near:
        status, said = await in_node(
            GATEWAY=f"http://{host}:{port}",
            LINK=f"http://127.0.0.1:{near}",
            TOKEN=shop.token("ada"),
            SALE=sale_id,
            MODULE=str(PROJECT / "gateway/pages/doorbuster.js"),
        )
    assert status == 0, said
    await shop.audited(sale_id)


async def in_node(**environment: str) -> tuple[int | None, str]:
    """Run the module's tests; those who read this see Node's own account where one fails."""
    node = await asyncio.create_subprocess_exec(
        "node", "--test", str(Path(__file__).parent / "doorbuster.test.mjs"),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await node.communicate()
    return node.returncode, said.decode()
