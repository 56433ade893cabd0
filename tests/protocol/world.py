"""What may happen next: customers, operators, reconcilers, and faults."""

from collections.abc import Iterator
from dataclasses import dataclass

from protocol import ledger_steps, redis_steps
from protocol.recovery_steps import Impossible, steps
from protocol.rules import Rule
from protocol.states import Gateway, Ledger, Reconciler, Redis, State

Rules = frozenset[Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How large the world is, and what may befall it.

    `wishes` are what a gateway may send in one call; `faults` are names of FAULTS, of which
    `fault_count` may strike; so many `recoveries` may begin, the first opening among them.
    """

    units: int
    wishes: tuple[tuple[str, ...], ...]
    faults: tuple[str, ...]
    fault_count: int
    gateways: int = 1
    reconcilers: int = 1
    recoveries: int = 2
    expiry: bool = False
    lowering: bool = False


def beginning(scenario: Scenario) -> State:
    """A sale that is open in the ledger, and that Redis has never heard of."""
    return State(
        servers=(Redis(1, 1, master=True), Redis(1, 2, master=False)),
        primary=0,
        gateways=(Gateway(),) * scenario.gateways,
        ledger=Ledger(granted=scenario.units, mirror=scenario.units),
        reconcilers=(Reconciler(),) * scenario.reconcilers,
    )


def following(state: State, scenario: Scenario, rules: Rules) -> Iterator[State]:
    """Every state that may come next. Raises Impossible."""
    for number in range(scenario.gateways):
        yield from _checkouts(state, scenario, number, rules)
    for number in range(scenario.reconcilers):
        yield from steps(state, number, scenario.recoveries, rules)
    yield from _settlements(state, scenario, rules)
    if scenario.lowering and not state.lowered:
        yield from _lowering(state, rules)
    if state.faults < scenario.fault_count:
        for fault in scenario.faults:
            yield from FAULTS[fault](state, rules)


def _with_server(state: State, number: int, redis: Redis) -> State:
    servers = list(state.servers)
    servers[number] = redis
    return state._replace(servers=(servers[0], servers[1]))


def _checkouts(state: State, scenario: Scenario, number: int, rules: Rules) -> Iterator[State]:
    """A gateway may be connected to either server, as long as that one takes writes."""
    for server in (0, 1):
        if not state.servers[server].master:
            continue
        for wish in scenario.wishes:
            gateway = state.gateways[number]
            admission = redis_steps.Admission(state.servers[server], gateway, rules)
            admission.run(wish)
            changed = _with_server(state, server, admission.redis)
            yield _told(changed, number, server, admission)


def _told(state: State, number: int, server: int, admission: redis_steps.Admission) -> State:
    before = state.gateways[number]
    if any(epoch < before.epoch for _, epoch, _ in admission.told):
        raise Impossible("a server that is behind was believed")
    gateways = list(state.gateways)
    gateways[number] = admission.gateway
    told = frozenset(admission.told)
    # Whatever an isolated server promises is lost by the fault that isolated it.
    excused = told if server != state.primary else frozenset()
    return state._replace(
        gateways=tuple(gateways), acks=state.acks | told, excused=state.excused | excused
    )


def _settlements(state: State, scenario: Scenario, rules: Rules) -> Iterator[State]:
    redis = state.servers[state.primary]
    if scenario.expiry:
        for id_, kind, _, _ in state.ledger.orders:
            if kind != "h":
                continue
            if Rule.RETURN_AFTER_LEDGER not in rules:
                returned = redis_steps.give_back(redis, rules, redis.epoch, id_)
                if returned is not None:
                    yield _with_server(state, state.primary, returned)
                continue
            expired = ledger_steps.expire(state.ledger, id_)
            if expired is not None:
                yield state._replace(ledger=expired)
    for id_ in state.ledger.returns:
        returned = redis_steps.give_back(redis, rules, state.ledger.epoch, id_)
        if returned is not None:
            yield _with_server(state, state.primary, returned)


def _lowering(state: State, rules: Rules) -> Iterator[State]:
    if Rule.LOWER_BY_SCRIPT in rules:
        lowered = redis_steps.lower(state.servers[state.primary], rules)
        if lowered is not None:
            yield _with_server(state, state.primary, lowered)._replace(lowered=True)
    elif state.ledger.granted > ledger_steps.active(state.ledger):
        ledger = state.ledger._replace(granted=state.ledger.granted - 1)
        yield state._replace(ledger=ledger, lowered=True)


# Faults

_DATA = ("proof", "epoch", "version", "available", "granted", "fence", "kept", "streams", "seen")


def _with_data_of(redis: Redis, other: Redis) -> Redis:
    return redis._replace(**{name: getattr(other, name) for name in _DATA})


def _struck(state: State, rules: Rules, *, lossy: bool) -> State:
    """The state after a fault: what nobody has any more is excused."""
    changed = state._replace(faults=state.faults + 1, clock=state.clock + 1)
    if not lossy:
        return changed
    redis = state.servers[state.primary]
    there = {(id_, version) for id_, _, version in redis_steps.kept(redis, rules, redis.epoch)}
    there |= {(id_, version) for id_, _, _, version in state.ledger.orders}
    lost = frozenset(ack for ack in state.acks if (ack[0], ack[2]) not in there)
    return changed._replace(lossy=True, excused=state.excused | lost)


def _replicate(state: State, rules: Rules) -> Iterator[State]:
    """The replica catches up; it shares its primary's replication id. No fault, so it is free."""
    del rules
    other = 1 - state.primary
    primary, replica = state.servers[state.primary], state.servers[other]
    if not replica.master:
        caught_up = _with_data_of(replica, primary)._replace(replid=primary.replid)
        if caught_up != replica:
            yield _with_server(state, other, caught_up)


def _failover(state: State, rules: Rules) -> Iterator[State]:
    """The replica is promoted; the old primary goes on, isolated from all but some gateways."""
    other = 1 - state.primary
    replica = state.servers[other]
    if not replica.master:
        promoted = replica._replace(master=True, replid=state.clock)
        yield _struck(
            _with_server(state, other, promoted)._replace(primary=other), rules, lossy=True
        )


def _rejoin(state: State, rules: Rules) -> Iterator[State]:
    """The isolated server becomes a replica of the new primary, and takes its data."""
    del rules
    other = 1 - state.primary
    primary, isolated = state.servers[state.primary], state.servers[other]
    if isolated.master:
        demoted = _with_data_of(isolated, primary)._replace(master=False, replid=primary.replid)
        yield _with_server(state, other, demoted)


def _restart(state: State, rules: Rules) -> Iterator[State]:
    """The primary restarts, and nothing is lost."""
    redis = state.servers[state.primary]._replace(replid=state.clock, run=state.clock)
    yield _struck(_with_server(state, state.primary, redis), rules, lossy=False)


def _lose_tail(state: State, rules: Rules) -> Iterator[State]:
    """The primary restarts with what it had when the replica last caught up."""
    other = state.servers[1 - state.primary]
    if not other.master:
        redis = _with_data_of(state.servers[state.primary], other)
        redis = redis._replace(replid=state.clock, run=state.clock)
        yield _struck(_with_server(state, state.primary, redis), rules, lossy=True)


def _flush(state: State, rules: Rules) -> Iterator[State]:
    """Everything is deleted, and the server goes on with the same ids."""
    redis = state.servers[state.primary]
    empty = Redis(redis.replid, redis.run, master=True)
    yield _struck(_with_server(state, state.primary, empty), rules, lossy=True)


FAULTS = {
    "replicate": _replicate,
    "failover": _failover,
    "rejoin": _rejoin,
    "restart": _restart,
    "lose_tail": _lose_tail,
    "flush": _flush,
}
