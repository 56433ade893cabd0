"""Worlds that are small enough to be visited whole, and the rule that each of them needs."""

from typing import Final

from protocol.rules import Rule
from protocol.world import Scenario

ADA, BOB, TWICE = ("a",), ("b",), ("a", "a")
LAGGING = ("replicate", "failover", "rejoin")

SCENARIOS: Final = {
    "two reconcilers, a click and its retry, a hold that expires": Scenario(
        units=2, wishes=(ADA, BOB, TWICE), faults=(), fault_count=0, reconcilers=2, expiry=True
    ),
    "a restart while an operator lowers the stock": Scenario(
        units=1, wishes=(ADA,), faults=("restart",), fault_count=1, lowering=True
    ),
    "a restart, two reconcilers recovering at once": Scenario(
        units=2,
        wishes=(ADA, BOB),
        faults=("restart",),
        fault_count=1,
        reconcilers=2,
        recoveries=3,
    ),
    "a restart that lost the tail": Scenario(
        units=1, wishes=(ADA, BOB), faults=("replicate", "lose_tail"), fault_count=1, reconcilers=2
    ),
    "a failover to a replica that lags, and an isolated primary": Scenario(
        units=1, wishes=(ADA, BOB), faults=LAGGING, fault_count=1, reconcilers=2
    ),
    "a failover and back again": Scenario(
        units=1, wishes=(ADA,), faults=LAGGING, fault_count=2, recoveries=3
    ),
    "everything deleted, two reconcilers, a hold that expires": Scenario(
        units=1,
        wishes=(ADA,),
        faults=("flush",),
        fault_count=1,
        expiry=True,
        reconcilers=2,
        recoveries=3,
    ),
}

# Where the want of a rule shows.
SHOWN_BY: Final = {
    Rule.REPLICATION_ID: "a failover and back again",
    Rule.WITNESS: "a failover to a replica that lags, and an isolated primary",
    Rule.EPOCH_FIRST: "a restart, two reconcilers recovering at once",
    Rule.COMPARE_EPOCH: "a restart that lost the tail",
    Rule.LOWER_BY_SCRIPT: "a restart while an operator lowers the stock",
    Rule.EPOCH_IN_NAMES: "everything deleted, two reconcilers, a hold that expires",
    Rule.SETTLED_IN_REBUILD: "everything deleted, two reconcilers, a hold that expires",
    Rule.OVERLAY: "two reconcilers, a click and its retry, a hold that expires",
    Rule.FENCE: "a restart, two reconcilers recovering at once",
    Rule.RETURN_AFTER_LEDGER: "two reconcilers, a click and its retry, a hold that expires",
}
# No scenario has so many states; one that has is not small any more.
MOST_STATES: Final = 400_000
