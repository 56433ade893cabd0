"""What can come of a call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from doorbuster.client.reservation import Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """There is a reservation; `replayed` says that an earlier call with this key had made it.

    Then its state may be any: a hold that was released or has expired is not bought again.
    """

    reservation: Reservation
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldOut:
    """Nothing was reserved: fewer units are left of some items than were wanted."""

    left: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The gateway said no, and nothing happened.

    `code` is one of `docs/problems.md`, and `members` are what it comes with. The client's own code
    is `unreachable`: no gateway could be connected to.
    """

    code: str
    status: int
    title: str = ""
    detail: str = ""
    retry_after_seconds: int | None = None
    members: Mapping[str, object] = field(default_factory=dict)

    @property
    def refund_required(self) -> bool:
        """Of a payment: whoever took the money has to give it back."""
        return self.members.get("refund_required") is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody could say in time whether it happened. The same call will tell.

    `key` is that of a checkout, to be sent with it again; `reservation_id` is known where the
    gateway itself could not say yet.
    """

    key: str | None = None
    reservation_id: UUID | None = None


Checkout: TypeAlias = Reserved | SoldOut | Refused | Unknown
