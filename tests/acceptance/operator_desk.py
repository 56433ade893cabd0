"""An operator who administers a running shop over HTTP."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from buyer import Answer
from kept_shop import KeptShop


@dataclass(kw_only=True)
class OperatorDesk:
    """Calls what is under /v1/admin with a key of scope `admin`."""

    shop: KeptShop
    key: str

    async def get(self, path: str) -> Answer:
        return await self.send("GET", path)

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One call; names of headers with underscores."""
        return await self.shop.send(
            method,
            f"/v1/admin{path}",
            token=self.key,
            body=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    async def change(self, path: str, body: object, method: str = "PATCH") -> Answer:
        """Change what is there now."""
        etag = (await self.get(path)).headers["etag"]
        return await self.send(method, path, body, if_match=etag)

    async def draft(self, **fields: Any) -> str:
        """Create a sale of ten lamps, or of what the fields say; returns its id."""
        sale = {"id": f"sale-{uuid4().hex[:12]}", "items": [lamps(10)], **fields}
        answer = await self.send("POST", "/sales", sale)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    async def open(self, **fields: Any) -> str:
        """Create a sale and open it."""
        sale_id = await self.draft(**fields)
        assert (await self.send("POST", f"/sales/{sale_id}/open")).status == 200
        return sale_id

    async def grant(
        self, sale_id: str, delta: int, key: str, sku: str = "LAMP-1", reason: str = "a pallet"
    ) -> Answer:
        """Grant units, or take them out."""
        path = f"/sales/{sale_id}/items/{sku}/grants"
        body = {"delta": delta, "reason": reason}
        return await self.send("POST", path, body, idempotency_key=key)

    async def acts(self, subject: str) -> list[tuple[str, str]]:
        """Who did what to it, oldest first."""
        answer = await self.get(f"/acts?subject={subject}")
        return [(each["actor"], each["what"]) for each in reversed(answer.body["items"])]


def lamps(units: int, **fields: Any) -> dict[str, Any]:
    """An item of a sale."""
    return {"sku": "LAMP-1", "price": 1999, "units": units, **fields}
