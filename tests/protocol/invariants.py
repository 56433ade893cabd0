"""What must hold in every state, and what must hold once nothing is under way."""

from protocol import ledger_steps, redis_steps
from protocol.recovery_steps import Impossible
from protocol.rules import Rule
from protocol.states import State

Rules = frozenset[Rule]


def check(state: State, rules: Rules) -> None:
    """Raises Impossible, which says what does not hold."""
    _conserved(state, rules)
    _never_oversold(state)
    if _is_quiet(state, rules):
        _nothing_lost(state)
        _stores_agree(state, rules)


def _conserved(state: State, rules: Rules) -> None:
    redis = state.servers[state.primary]
    if redis.epoch == 0 or not redis_steps.is_proven(redis, rules):
        return
    held = sum(kind == "h" for _, kind, _ in redis_steps.kept(redis, rules, redis.epoch))
    if redis.available < 0 or redis.available + held != redis.granted:
        raise Impossible(f"{redis.available} available + {held} held, {redis.granted} granted")


def _never_oversold(state: State) -> None:
    if not 0 <= ledger_steps.active(state.ledger) <= state.ledger.granted:
        raise Impossible("more is held than was granted")
    ids = [order[0] for order in state.ledger.orders]
    if len(set(ids)) != len(ids):
        raise Impossible("an order stands twice in the ledger")


def _is_quiet(state: State, rules: Rules) -> bool:
    redis, ledger = state.servers[state.primary], state.ledger
    return (
        redis.epoch > 0
        and redis_steps.is_proven(redis, rules)
        and (redis.epoch, redis.version) == (ledger.epoch, ledger.version)
        and not ledger.returns
    )


def _nothing_lost(state: State) -> None:
    there = {(id_, version) for id_, _, _, version in state.ledger.orders}
    for id_, epoch, version in state.acks - state.excused:
        if (id_, version) not in there:
            raise Impossible(f"{id_}, acknowledged as {epoch}-{version}, is nowhere")


def _stores_agree(state: State, rules: Rules) -> None:
    redis, ledger = state.servers[state.primary], state.ledger
    in_redis = {id_ for id_, kind, _ in redis_steps.kept(redis, rules, redis.epoch) if kind == "h"}
    in_ledger = {id_ for id_, kind, _, _ in ledger.orders if kind == "h"}
    if in_redis != in_ledger:
        raise Impossible(f"Redis holds {sorted(in_redis)}, the ledger {sorted(in_ledger)}")
    if (redis.available, redis.granted) != (ledger.mirror, ledger.granted):
        raise Impossible("the stock in Redis is not the ledger's")
