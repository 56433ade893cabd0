"""A reservation as Redis keeps it."""

from typing import NamedTuple

# What Redis knows of a state. It never learns of a payment, which changes no stock: `held` there
# may be `paid` in the ledger.
STATE_OF_LETTER = {"h": "held", "x": "expired", "r": "released"}
LETTER_OF_STATE = {"held": "h", "paid": "h", "expired": "x", "released": "r"}


class StoredReservation(NamedTuple):
    """`state` is held, expired or released; `lines` as in `lua.lines`."""

    state: str
    customer: str
    fingerprint: str
    version: int
    created_at_ms: int
    lines: str

    @classmethod
    def parse(cls, stored: str) -> "StoredReservation":
        """Read what the admit script wrote."""
        version, created_at_ms, lines = stored[45:].split(",", 2)
        return cls(
            state=STATE_OF_LETTER[stored[0]],
            customer=stored[1:23],
            fingerprint=stored[23:45],
            version=int(version),
            created_at_ms=int(created_at_ms),
            lines=lines,
        )

    def encode(self) -> str:
        """Write it as the admit script does."""
        letter = LETTER_OF_STATE[self.state]
        numbers = f"{self.version},{self.created_at_ms}"
        return f"{letter}{self.customer}{self.fingerprint}{numbers},{self.lines}"
