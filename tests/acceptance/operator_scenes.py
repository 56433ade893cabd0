"""What an operator is told besides that it is done: nothing new, not so, not yet."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from kept_shop import KeptShop

ITEM = {"sku": "LAMP-1", "price": 1999, "units": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorScenes:
    """`key` is of scope `admin`; each scene has sales of its own."""

    shop: KeptShop
    client: httpx.AsyncClient
    key: str

    async def say_it_twice(self) -> None:
        sale = {"id": f"sale-{uuid4().hex}", "items": [ITEM]}
        await self._send("POST", "/sales", 201, sale)
        await self._send("POST", "/sales", 200, sale)
        await self._send("POST", "/sales", 409, {**sale, "name": "another"})
        key = {"name": f"key-{uuid4().hex}"}
        await self._send("POST", "/keys", 201, key)
        await self._send("POST", "/keys", 409, key)

    async def overwrite_blindly(self) -> None:
        product = f"/products/SKU-{uuid4().hex}"
        etag = (await self._send("PUT", product, 201, {"name": "Mug", "price": 1})).headers["etag"]
        await self._send("PUT", product, 200, {"name": "Mug", "price": 2}, etag)
        for method in ("PUT", "PATCH"):
            await self._send(method, product, 412, {"name": "Mug", "price": 3}, etag)
            await self._send(method, product, 428, {"name": "Mug", "price": 3})
        sale = f"/sales/{await self.shop.draft()}"
        await self._send("PATCH", sale, 412, {"name": "A sale"}, '"another"')
        await self._send("PATCH", sale, 428, {"name": "A sale"})

    async def steer_wrongly(self) -> None:
        draft, closed = f"/sales/{await self.shop.draft()}", f"/sales/{await self.shop.sell()}"
        for act in ("pause", "resume", "close", "audits", "rebuild"):
            await self._send("POST", f"{draft}/{act}", 409)
        await self._send("GET", f"{draft}/rebuild", 409)
        await self._send("POST", f"{closed}/close", 200)
        await self._send("POST", f"{closed}/open", 409)
        etag = (await self._send("GET", closed, 200)).headers["etag"]
        await self._send("PATCH", closed, 409, {"hold_seconds": 1}, etag)

    async def grant_again_and_too_little(self) -> None:
        sale, grant = f"/sales/{await self.shop.sell()}", {"delta": 1, "reason": "a pallet"}
        path = f"{sale}/items/LAMP-1/grants"
        await self._send("POST", path, 201, grant, key="first")
        await self._send("POST", path, 200, grant, key="first")
        await self._send("POST", path, 409, {**grant, "delta": -1000}, key="second")

    async def retry_what_cannot_be(self, parked: str) -> None:
        """The parked record says nothing that could be read."""
        await self._send("POST", f"/parked/{parked}/retry", 409, {})

    async def do_it_while_nobody_tells_redis(self) -> None:
        draft = await self.shop.draft()
        opened = [await self.shop.sell() for _ in range(6)]
        to_pause, to_change, to_grant, to_audit, to_rebuild, to_close = opened
        paused = await self.shop.sell()
        await self.shop.act(paused, "pause")
        etag = (await self._send("GET", f"/sales/{to_change}", 200)).headers["etag"]
        grants = f"/sales/{to_grant}/items/LAMP-1/grants"
        closes_at = {"closes_at": "2100-01-01T00:00:00Z"}
        with self.shop.frozen("reconciler-1"):
            await asyncio.gather(
                self._send("POST", f"/sales/{draft}/open", 202),
                self._send("POST", f"/sales/{to_pause}/pause", 202),
                self._send("POST", f"/sales/{paused}/resume", 202),
                self._send("PATCH", f"/sales/{to_change}", 202, closes_at, etag),
                self._send("POST", grants, 202, {"delta": 1, "reason": "a pallet"}, key="first"),
                self._send("POST", f"/sales/{to_audit}/audits", 202),
                self._send("POST", f"/sales/{to_rebuild}/rebuild", 202),
                self._send("POST", f"/sales/{to_close}/close", 202),
            )

    async def _send(
        self,
        method: str,
        path: str,
        status: int,
        body: Any = None,
        etag: str | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """One call, which has to be answered so."""
        headers = {"authorization": f"Bearer {self.key}"}
        headers |= {"if-match": etag} if etag else {}
        headers |= {"idempotency-key": key} if key else {}
        answer = await self.client.request(
            method, f"/v1/admin{path}", json=body, headers=headers, timeout=30
        )
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer
