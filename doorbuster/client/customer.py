"""A buyer."""

from collections.abc import Mapping
from typing import assert_never
from urllib.parse import quote
from uuid import UUID, uuid4

from pydantic_core import from_json, to_json

from doorbuster.client.caller import RESERVATION, Caller
from doorbuster.client.exchange import Ask, NoReply, Reply, Result, Undecided, refused
from doorbuster.client.outcome import Checkout, Refused, Reserved, SoldOut, Unknown


def new_key() -> str:
    """A name for one checkout. Keep it until its outcome is certain, over restarts too."""
    return str(uuid4())


class Customer(Caller):
    """Whom the token names: sees and gives up their own reservations."""

    async def checkout(
        self,
        sale_id: str,
        lines: Mapping[str, int],
        *,
        key: str | None = None,
        seconds: float | None = None,
    ) -> Checkout:
        """Reserve so many units of each sku, all or nothing.

        It is sent again with the same key until the outcome is certain or the time is over.
        Without a key it makes one, which an `Unknown` tells.
        """
        key = key or new_key()
        wanted = [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
        ask = Ask(
            method="POST",
            path=f"/v1/sales/{quote(sale_id, safe='')}/checkout",
            headers={"idempotency-key": key},
            body=to_json({"lines": wanted}),
        )
        return _checkout(await self.ask(ask, seconds), key)


def _checkout(result: Result, key: str) -> Checkout:
    match result:
        case Reply(status=200 | 201):
            reservation = RESERVATION.validate_json(result.body)
            return Reserved(reservation=reservation, replayed=result.status == 200)
        case Reply():
            return _sold_out(refused(result))
        case Refused():
            return result
        case Undecided(last=last):
            return Unknown(key=key, reservation_id=_promised(last))
        case _ as never:
            assert_never(never)


def _sold_out(no: Refused) -> SoldOut | Refused:
    lines = no.members.get("lines")
    if no.code != "insufficient-stock" or not isinstance(lines, list):
        return no
    return SoldOut(left={line["sku"]: line["available"] for line in lines})


def _promised(last: Reply | NoReply) -> UUID | None:
    """The id that a 202 names."""
    if isinstance(last, NoReply) or last.status != 202:
        return None
    return UUID(from_json(last.body)["id"])
