"""A bearer of a token or key, and what all of them can ask."""

from dataclasses import dataclass, replace
from typing import Final, TypeVar, assert_never
from uuid import UUID

import aiohttp
from pydantic import TypeAdapter

from doorbuster.client.exchange import Ask, Reply, Result, Undecided, exchange, refused
from doorbuster.client.outcome import Refused, Unknown
from doorbuster.client.reservation import Reservation

RESERVATION: Final = TypeAdapter(Reservation)
UNANSWERED: Final = Refused(code="unreachable", status=503, title="No gateway answered in time")

Document = TypeVar("Document")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever shows these credentials at this gateway."""

    http: aiohttp.ClientSession
    url: str
    credentials: str
    seconds: float

    async def reservation(
        self, reservation_id: UUID, *, seconds: float | None = None
    ) -> Reservation | Refused:
        """One that the caller may see, in any state."""
        return await self.read(f"/v1/reservations/{reservation_id}", RESERVATION, seconds)

    async def release(
        self, reservation_id: UUID, *, seconds: float | None = None
    ) -> Reservation | Refused | Unknown:
        """Give a hold up."""
        return await self.settle(reservation_id, "release", None, seconds)

    async def settle(
        self, reservation_id: UUID, act: str, body: bytes | None, seconds: float | None
    ) -> Reservation | Refused | Unknown:
        """Change a reservation in a way that may be told twice."""
        path = f"/v1/reservations/{reservation_id}/{act}"
        return await self.tell(Ask(method="POST", path=path, body=body), RESERVATION, seconds)

    async def read(
        self, path: str, shape: TypeAdapter[Document], seconds: float | None
    ) -> Document | Refused:
        """What is there."""
        read = await self.tell(Ask(method="GET", path=path), shape, seconds)
        # A read that was not answered has changed nothing.
        return UNANSWERED if isinstance(read, Unknown) else read

    async def tell(
        self, ask: Ask, shape: TypeAdapter[Document], seconds: float | None
    ) -> Document | Refused | Unknown:
        """What is there after it was done."""
        result = await self.ask(ask, seconds)
        match result:
            case Reply(status=200):
                return shape.validate_json(result.body)
            case Reply():
                return refused(result)
            case Refused():
                return result
            case Undecided():
                return Unknown()
            case _ as never:
                assert_never(never)

    async def ask(self, ask: Ask, seconds: float | None) -> Result:
        """The answer; see `exchange` for what may be asked."""
        headers = {**self.bearing(), **ask.headers}
        if ask.body is not None:
            headers["content-type"] = "application/json"
        asked = replace(ask, path=self.url + ask.path, headers=headers)
        return await exchange(self.http, asked, self.seconds if seconds is None else seconds)

    def bearing(self) -> dict[str, str]:
        """The header that shows the credentials."""
        return {"authorization": f"Bearer {self.credentials}"}
