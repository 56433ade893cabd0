"""Makes a call refuse, in every way that comes along with its callers, path, query and body."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from gateway import asgi
from gateway.openapi import CUSTOMER, SETTLE, Call, Operation

# More than the largest body that there is, which defines a sale.
TOO_MANY_BYTES = 1024 * 1024

NEEDED = {"Idempotency-Key": "a-key", "If-Match": '"another-etag"'}

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provoking:
    """`values` stand in paths; `bodies` are good ones, by operation; `bearers` good credentials."""

    client: httpx.AsyncClient
    values: Mapping[str, str]
    bodies: Mapping[str, str]
    bearers: Mapping[str, str]

    async def unauthenticated(self, call: Call) -> httpx.Response:
        return await self._send(call, headers=[])

    async def forbidden(self, call: Call) -> httpx.Response:
        other = CUSTOMER if CUSTOMER not in call.operation.callers else SETTLE
        return await self._send(call, headers=self._bearing(other))

    async def unknown(self, call: Call) -> httpx.Response:
        values = {"sale_id": f"none-{uuid4().hex}", "sku": "NONE", "id": str(uuid4())}
        values |= {"number": "999999999", "name": "nobody"}
        if all(problem.status != 404 for problem in call.operation.problems):
            values = dict.fromkeys(values, "a%2Fb")  # a path with one part more
        return await self._send(call, values={**self.values, **values})

    async def malformed(self, call: Call) -> httpx.Response:
        """A header twice, where there is one to be said once; or else a body that is no JSON."""
        once = [each.name for each in call.operation.parameters if each.where == "header"]
        if call.operation.callers:
            return await self._send(call, headers=2 * self._headers(call.operation))
        if once:
            return await self._send(call, headers=2 * [(once[0], "1-1")])
        return await self._send(call, content="{")

    async def too_large(self, call: Call) -> httpx.Response:
        return await self._send(call, content=" " * TOO_MANY_BYTES)

    async def of_another_type(self, call: Call) -> httpx.Response:
        return await self._send(call, kind="text/plain")

    async def invalid(self, call: Call) -> httpx.Response:
        """Every parameter of its query has a value that none can have; its body lacks all."""
        names = call.operation.query.model_fields if call.operation.query else {}
        query = dict.fromkeys(names, "\ud7ff")
        return await self._send(call, params=query, content='{"unheard_of": 1}')

    async def too_slow(self, call: Call) -> httpx.Response:
        async def dribbled() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(asgi.BODY_DEADLINE_SECONDS + 0.5)

        return await self._send(call, content=dribbled())

    async def unchanged(self, call: Call) -> httpx.Response:
        first = await self._send(call)
        return await self._send(call, headers=[("if-none-match", first.headers["etag"])])

    async def as_it_is(self, call: Call) -> httpx.Response:
        return await self._send(call)

    async def without_a_body(self, call: Call) -> httpx.Response:
        return await self._send(call, method="HEAD")

    async def _send(
        self,
        call: Call,
        *,
        method: str | None = None,
        headers: Headers | None = None,
        values: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: Any = None,
        kind: str = "application/json",
    ) -> httpx.Response:
        operation = call.operation
        sent = self._headers(operation) if headers is None else headers
        if operation.body is not None:
            sent = [*sent, ("content-type", kind)]
            content = self.bodies.get(operation.id) if content is None else content
        path = call.path_format.format(**_named(operation, values or self.values))
        async with self.client.stream(
            method or operation.method, path, headers=sent, params=params, content=content
        ) as answer:
            return answer

    def _headers(self, operation: Operation) -> Headers:
        needed = [each.name for each in operation.parameters if each.required]
        bearing = self._bearing(operation.callers[0]) if operation.callers else []
        return [*bearing, *((name, NEEDED[name]) for name in needed if name in NEEDED)]

    def _bearing(self, caller: str) -> Headers:
        return [("authorization", f"Bearer {self.bearers[caller]}")]


def _named(operation: Operation, values: Mapping[str, str]) -> Mapping[str, str]:
    """`id` is a UUID, or else a number: the document knows."""
    is_number = any(each.schema.get("type") == "integer" for each in operation.parameters)
    return {**values, "id": values["number"]} if is_number else values


PROVOKED = {
    304: Provoking.unchanged,
    400: Provoking.malformed,
    401: Provoking.unauthenticated,
    403: Provoking.forbidden,
    404: Provoking.unknown,
    408: Provoking.too_slow,
    413: Provoking.too_large,
    415: Provoking.of_another_type,
    422: Provoking.invalid,
}
