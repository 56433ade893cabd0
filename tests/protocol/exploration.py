"""Visits every state of a scenario, nearest first, so that what is found is the shortest way."""

from collections import deque
from dataclasses import dataclass

from protocol import redis_steps
from protocol.invariants import check
from protocol.recovery_steps import Impossible
from protocol.rules import Rule
from protocol.states import State
from protocol.world import Scenario, beginning, following


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """How many states there are, and what was found in one of them, if anything.

    `path` leads there; `complete` says that no state was left out.
    """

    states: int
    complete: bool
    violation: str | None = None
    path: tuple[State, ...] = ()


def explore(scenario: Scenario, rules: frozenset[Rule], *, most: int) -> Explored:
    """Visit the states, up to `most` of them."""
    start = beginning(scenario)
    came_from: dict[State, State | None] = {start: None}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        try:
            check(state, rules)
            found = list(following(state, scenario, rules))
        except Impossible as violation:
            path = _path(came_from, state)
            return Explored(
                states=len(came_from), complete=False, violation=str(violation), path=path
            )
        for each in map(_normal, found):
            if each not in came_from:
                came_from[each] = state
                waiting.append(each)
        if len(came_from) > most:
            return Explored(states=len(came_from), complete=False)
    return Explored(states=len(came_from), complete=True)


def _normal(state: State) -> State:
    """The state without what can make no difference any more: fewer of them are to be visited."""
    first, second = (redis_steps.without_read(s, state.ledger.version) for s in state.servers)
    return state._replace(servers=(first, second))


def _path(came_from: dict[State, State | None], state: State) -> tuple[State, ...]:
    path = [state]
    while (before := came_from[path[-1]]) is not None:
        path.append(before)
    return tuple(reversed(path))
