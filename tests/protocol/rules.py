"""The rules of the protocol that a mutant may break, each by its name.

Each of them, left out, ends in something that must not happen: `test_protocol` shows that for
every one. A rule that could be left out would be one too many.
"""

from enum import StrEnum


class Rule(StrEnum):
    """What the protocol insists on."""

    REPLICATION_ID = "the proof names the replication id, not the process"
    WITNESS = "who has seen more than the record refuses it, and says how much"
    EPOCH_FIRST = "a recovery takes its epoch and fences before it reads what survived"
    COMPARE_EPOCH = "a commit compares epoch and version, not the version alone"
    LOWER_BY_SCRIPT = "stock is lowered by the script, as an admission takes it"
    EPOCH_IN_NAMES = "reservations and stream carry the epoch in their names"
    SETTLED_IN_REBUILD = "a rebuild brings back settled reservations too"
    OVERLAY = "checkouts in one call see what the ones before them did"
    FENCE = "only the recovery that holds the fence, on this very server, opens"
    RETURN_AFTER_LEDGER = "units go back only after the ledger has settled"


EVERY_RULE = frozenset(Rule)
