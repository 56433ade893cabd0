"""What becomes of a reservation, as it happens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from doorbuster.client.caller import RESERVATION
from doorbuster.client.reservation import Reservation
from doorbuster.client.stream import EventSource

FINAL_STATES: Final = frozenset(["paid", "released", "expired"])
_TELLS_STATE: Final = frozenset(["held", "committed", "extended"]) | FINAL_STATES


async def states_of(source: EventSource) -> AsyncGenerator[Reservation, None]:
    """The reservation after each event, until its state is final. Raises NoStream."""
    async with aclosing(source.events()) as events:
        async for event in events:
            if event.name in _TELLS_STATE:
                reservation = RESERVATION.validate_json(event.data)
                yield reservation
                if reservation.state in FINAL_STATES:
                    return
