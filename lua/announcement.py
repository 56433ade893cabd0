"""What the scripts publish on a sale's channel: `<epoch> <first> <last> <state> <stock>`."""

from dataclasses import dataclass

from lua.admission import parse_stock

RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Versions `first` to `last` happened; `stock` has the units left of what they touched.

    `state` is the sale's new state, `reset` where a new epoch began, or None. It is a hint: who
    misses one sees it from the numbers (`first` is not the last one's `last` + 1) and reads again.
    """

    epoch: int
    first: int
    last: int
    state: str | None
    stock: dict[str, int]


def parse_announcement(message: bytes) -> Announcement:
    """Read what a script published."""
    epoch, first, last, state, stock = message.decode().split(" ")
    return Announcement(
        epoch=int(epoch),
        first=int(first),
        last=int(last),
        state=None if state == "-" else state,
        stock=parse_stock(stock),
    )
