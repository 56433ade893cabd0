"""A payment does not wait until a crowd is served: checkouts take turns with everything else."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from buyer import Line, calling
from kept_shop import KeptShop

pytestmark = pytest.mark.asyncio(loop_scope="module")

CROWD = 2000


async def test_a_payment_overtakes_a_crowd_that_came_before_it(shop: KeptShop) -> None:
    sale_id = await shop.sell(2 * CROWD)
    key = await shop.key("settle")
    first, second = [await shop.buy(sale_id, uuid4().hex) for _ in range(2)]
    answered: list[str] = []

    async def pay(line: Line, location: str) -> None:
        body = {"payment_reference": location}
        answer = await line.send("POST", f"{location}/confirm", token=key, body=body)
        assert answer.status == 200, answer
        answered.append("payment")

    async def check_out(line: Line, token: str) -> None:
        assert (await line.checkout(sale_id, token, {"LAMP-1": 1})).status == 201
        answered.append("checkout")

    async with AsyncExitStack() as stack:
        payer, *crowd = [
            await stack.enter_async_context(calling(shop.address)) for _ in range(1 + CROWD)
        ]
        await asyncio.gather(*(line.send("GET", "/livez") for line in crowd))
        await pay(payer, first.headers["location"])
        tokens = [shop.token(uuid4().hex) for _ in crowd]
        async with asyncio.TaskGroup() as tasks:
            # All of it is there before the gateway sees any of it, and the payment is the last.
            with shop.frozen("gateway-1"):
                for line, token in zip(crowd, tokens, strict=True):
                    tasks.create_task(check_out(line, token))
                tasks.create_task(pay(payer, second.headers["location"]))
                await asyncio.sleep(0)  # each sends, and then waits
    assert len(answered) == 1 + CROWD + 1
    assert answered.index("payment", 1) < CROWD / 2
