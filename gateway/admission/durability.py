"""How much an acknowledgement survives: memory, fsync, replicated, ledger."""

from enum import IntEnum

from lua.record import Proof


class Level(IntEnum):
    """In the order of what they survive.

    MEMORY: a crash of the Redis process; FSYNC: a power cut of its host; REPLICATED: usually the
    loss of that host; LEDGER: any loss of Redis.
    """

    MEMORY = 0
    FSYNC = 1
    REPLICATED = 2
    LEDGER = 3

    @classmethod
    def of(cls, name: str) -> "Level":
        """The level of this name; no name is the lowest."""
        return cls[name.upper()] if name else cls.MEMORY

    @property
    def label(self) -> str:
        """Its name, as answers and settings spell it."""
        return self.name.lower()


def is_proven(level: Level, proof: Proof) -> bool:
    """Whether the server can keep what the level promises; the ledger needs nothing of Redis."""
    return level is Level.LEDGER or level <= Level.of(proof.durability)
