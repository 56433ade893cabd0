"""What one customer and the payment service do with one reservation."""

from typing import Any
from uuid import uuid4

from buyer import Answer
from kept_shop import KeptShop


class Till:
    """What one customer and the payment service do with one reservation."""

    def __init__(self, shop: KeptShop, settle_key: str, bought: Answer, customer: str) -> None:
        assert bought.status == 201, bought
        self.shop = shop
        self.settle_key = settle_key
        self.customer = customer
        self.bought = bought.body
        self.path = bought.headers["location"]

    async def read(self, token: str | None = None) -> Answer:
        return await self.shop.send("GET", self.path, token=token or self.token)

    async def confirm(self, reference: str = "p-1", token: str | None = None) -> Answer:
        body = {"payment_reference": reference}
        path = f"{self.path}/confirm"
        return await self.shop.send("POST", path, token=token or self.settle_key, body=body)

    async def release(self, token: str | None = None) -> Answer:
        return await self.shop.send("POST", f"{self.path}/release", token=token or self.token)

    async def extend(self, until: str, token: str | None = None) -> Answer:
        path = f"{self.path}/extend"
        return await self.shop.send(
            "POST", path, token=token or self.settle_key, body={"until": until}
        )

    async def is_in_the_ledger(self) -> bool:
        """Whether the ledger has it, asked as only a test may."""
        found = await self.shop.servers.database.row(
            "select 1 from reservation where id = $1", self.bought["id"]
        )
        return found is not None

    @property
    def token(self) -> str:
        return self.shop.token(self.customer)


async def bought(shop: KeptShop, settle_key: str, sale_id: str, units: int = 1) -> Till:
    customer = f"customer-{uuid4().hex}"
    return Till(shop, settle_key, await shop.buy(sale_id, customer, units), customer)


def as_bought(answer: Answer, bought: dict[str, Any], state: str) -> bool:
    """Assert that the answer shows what was bought, in that state."""
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    differ = {"server_time": answer.body["server_time"], "state": state}
    # The ledger counts the hold from its commit, and never gives less.
    assert answer.body["expires_at"] >= bought["expires_at"]
    assert answer.body == bought | differ | {"expires_at": answer.body["expires_at"]}
    return True
