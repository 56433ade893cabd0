"""The protocol, exhaustively: every state of small worlds, and every rule missed when it is gone.

The model's steps are those of `lua/`, `sql/` and `reconciler/`, in their order; between any two
of them a reconciler may stand still, die, or be overtaken. `python -m protocol` writes the counts.
"""

import pytest
from protocol.exploration import explore
from protocol.rules import EVERY_RULE, Rule
from protocol.scenarios import MOST_STATES, SCENARIOS, SHOWN_BY

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_that_must_not_happen_can(name: str) -> None:
    explored = explore(SCENARIOS[name], EVERY_RULE, most=MOST_STATES)
    assert explored.violation is None, explored.path
    assert explored.complete
    assert explored.states > 100


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name)
def test_no_rule_can_be_left_out(rule: Rule) -> None:
    explored = explore(SCENARIOS[SHOWN_BY[rule]], EVERY_RULE - {rule}, most=MOST_STATES)
    assert explored.violation is not None


def test_every_rule_has_its_scenario() -> None:
    assert SHOWN_BY.keys() == set(Rule)
    assert set(SHOWN_BY.values()) == SCENARIOS.keys()
