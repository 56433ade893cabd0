"""Where API keys are looked up; it counts how often, which a database would not tell."""

from dataclasses import dataclass

from gateway.identity.api_keys import digest_of, new_key


@dataclass(frozen=True)
class Row:
    name: str
    scope: str


class Ledger:
    """The rows that a look-up finds, and how often it was asked."""

    def __init__(self) -> None:
        self.rows: dict[bytes, Row] = {}
        self.asked = 0
        self.now = 0.0

    def add(self, scope: str) -> bytes:
        text = new_key().encode()
        self.rows[digest_of(text)] = Row("payments", scope)
        return text

    async def find(self, digest: bytes) -> Row | None:
        self.asked += 1
        return self.rows.get(digest)
