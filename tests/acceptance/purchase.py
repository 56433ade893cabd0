"""What one customer and the payment service do with one reservation."""

from typing import Any
from uuid import UUID, uuid4

from buyer import Answer
from kept_shop import KeptShop, until_true


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

    async def ticket(self, token: str | None = None) -> Answer:
        return await self.shop.send("POST", f"{self.path}/ticket", token=token or self.token)

    async def expire(self) -> None:
        """Let its time be up now, and wait until the sweeper has found it."""
        await until_true(self.is_in_the_ledger)
        await self.shop.servers.database.execute(
            "update reservation set deadline = now() - interval '1 day' where id = $1",
            self.bought["id"],
        )
        await until_true(self.is_expired)

    async def is_expired(self) -> bool:
        return bool((await self.read(self.settle_key)).body["state"] == "expired")

    async def is_given_back(self) -> bool:
        """Whether its units are back in Redis, asked as only a test may."""
        found = await self.shop.servers.database.row(
            "select 1 from outbox where kind = 'return' and key = $1 and done",
            UUID(self.bought["id"]).hex,
        )
        return found is not None

    def another(self, reservation: str) -> "Till":
        """Another reservation of the same customer."""
        path = f"/v1/reservations/{reservation}"
        answer = Answer(status=201, headers={"location": path}, body={"id": reservation})
        return Till(self.shop, self.settle_key, answer, self.customer)

    async def is_in_the_ledger(self) -> bool:
        """Whether the ledger has it, asked as only a test may."""
        found = await self.shop.servers.database.row(
            "select 1 from reservation where id = $1", self.bought["id"]
        )
        return found is not None

    @property
    def token(self) -> str:
        return self.shop.token(self.customer)


async def bought(
    shop: KeptShop, settle_key: str, sale_id: str, units: int = 1, customer: str | None = None
) -> Till:
    customer = customer or f"customer-{uuid4().hex}"
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
