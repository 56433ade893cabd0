"""What a reconciler does, one step at a time: anything may happen between two of them."""

from collections.abc import Iterator
from itertools import chain

from protocol import ledger_steps, redis_steps
from protocol.ledger_steps import Contradiction
from protocol.rules import Rule
from protocol.states import Reconciler, Redis, State

Rules = frozenset[Rule]
IDLE = Reconciler()


class Impossible(Exception):
    """Something happened that must not: the message says what."""


def steps(state: State, number: int, recoveries: int, rules: Rules) -> Iterator[State]:
    """What this reconciler may do next; it may also die, and begin again.

    Epochs end with `recoveries`, so that there is an end to the states.
    """
    reconciler = state.reconcilers[number]
    if reconciler.step == "idle":
        found = _look(state, number, rules)
    else:
        found = chain([_with(state, number, IDLE)], _STEPS[reconciler.step](state, number, rules))
    yield from (each for each in found if each.ledger.epoch <= recoveries)


def _with(state: State, number: int, reconciler: Reconciler) -> State:
    others = list(state.reconcilers)
    others[number] = reconciler
    return state._replace(reconcilers=tuple(others))


def _with_server(state: State, number: int, redis: Redis) -> State:
    servers = list(state.servers)
    servers[number] = redis
    return state._replace(servers=(servers[0], servers[1]))


# Following


def _look(state: State, number: int, rules: Rules) -> Iterator[State]:
    redis, ledger = state.servers[state.primary], state.ledger
    proven = redis_steps.is_proven(redis, rules) and redis.epoch == ledger.epoch
    seen = dict(redis.seen).get(redis.epoch, 0)
    if not proven or seen > redis.version or redis.version < ledger.version:
        yield from _begin(state, number, rules, rebuild=False)
    elif redis.version > ledger.version:
        after = _after(redis, rules, redis.epoch, ledger.version)
        if not after:
            yield from _begin(state, number, rules, rebuild=True)
            return
        for count in {1, len(after)}:
            read = Reconciler(
                "read", epoch=ledger.epoch, version=ledger.version, entries=after[:count]
            )
            yield _with(state, number, read)


def _after(redis: Redis, rules: Rules, epoch: int, version: int) -> tuple:
    return tuple(e for e in redis_steps.stream(redis, rules, epoch) if e.version > version)


def _commit(state: State, number: int, rules: Rules) -> Iterator[State]:
    reconciler = state.reconcilers[number]
    current = ledger_steps.is_current(state.ledger, rules, reconciler.epoch, reconciler.version)
    if not current:
        yield _with(state, number, IDLE)
        return
    try:
        ledger = ledger_steps.commit(state.ledger, reconciler.entries)
    except Contradiction:
        if not state.lossy:
            raise Impossible("a contradiction, and nothing was ever lost") from None
        yield from _begin(state, number, rules, rebuild=True)
        return
    yield _with(state._replace(ledger=ledger), number, IDLE)


# Recovering


def _begin(state: State, number: int, rules: Rules, *, rebuild: bool) -> Iterator[State]:
    opened = state.ledger.opened
    if Rule.EPOCH_FIRST in rules:
        yield from _take_epoch(state, number, Reconciler("begun", opened=opened, rebuild=rebuild))
        return
    redis = state.servers[state.primary]
    surveyed = Reconciler(
        "surveyed", opened=opened, server=state.primary, record=_record(redis, opened)
    )
    yield _with(state, number, surveyed._replace(rebuild=rebuild, version=state.ledger.version))


def _take_epoch(state: State, number: int, then: Reconciler) -> Iterator[State]:
    redis = state.servers[state.primary]
    highest = max(state.ledger.epoch, redis.epoch, redis.fence[0], *dict(redis.seen), 0)
    ledger = state.ledger._replace(epoch=highest + 1)
    yield _with(state._replace(ledger=ledger), number, then._replace(epoch=highest + 1))


def _record(redis: Redis, opened: int) -> tuple[int, int, int, int]:
    return redis.epoch, redis.version, redis.available, dict(redis.seen).get(opened, 0)


def _survey_then_epoch(state: State, number: int, rules: Rules) -> Iterator[State]:
    """Only without EPOCH_FIRST: read what survived under the old epoch, and fence afterwards."""
    reconciler = state.reconcilers[number]
    redis, ledger = state.servers[reconciler.server], state.ledger
    if reconciler.record[0] == reconciler.opened:
        entries = tuple(
            e
            for e in _after(redis, rules, reconciler.opened, ledger.version)
            if e.version <= reconciler.record[1]
        )
        try:
            ledger = ledger_steps.commit(ledger, entries)
        except Contradiction:
            ledger = state.ledger
    drained = state._replace(ledger=ledger)
    yield from _take_epoch(
        drained, number, reconciler._replace(step="late", version=ledger.version)
    )


def _fence_late(state: State, number: int, rules: Rules) -> Iterator[State]:
    reconciler = state.reconcilers[number]
    fenced = redis_steps.fence(state.servers[reconciler.server], rules, reconciler.epoch)
    if fenced is not None:
        changed = _with_server(state, reconciler.server, fenced)
        yield _with(changed, number, reconciler._replace(step="drained"))


def _fence(state: State, number: int, rules: Rules) -> Iterator[State]:
    reconciler = state.reconcilers[number]
    redis = state.servers[state.primary]
    fenced = redis_steps.fence(redis, rules, reconciler.epoch)
    if fenced is None:
        yield _with(state, number, IDLE)
        return
    known = reconciler._replace(
        step="fenced", server=state.primary, record=_record(redis, reconciler.opened)
    )
    yield _with(_with_server(state, state.primary, fenced), number, known)


def _drain(state: State, number: int, rules: Rules) -> Iterator[State]:
    reconciler, ledger = state.reconcilers[number], state.ledger
    if ledger.epoch != reconciler.epoch:
        yield _with(state, number, IDLE)
        return
    epoch = reconciler.record[0]
    if epoch == reconciler.opened > 0:
        redis = state.servers[reconciler.server]
        entries = _after(redis, rules, epoch, ledger.version)
        try:
            ledger = ledger_steps.commit(ledger, entries)
        except Contradiction:
            reconciler = reconciler._replace(rebuild=True)
    drained = reconciler._replace(step="drained", version=ledger.version)
    yield _with(state._replace(ledger=ledger), number, drained)


def _open_epoch(state: State, number: int, rules: Rules) -> Iterator[State]:
    del rules
    reconciler, ledger = state.reconcilers[number], state.ledger
    if (ledger.epoch, ledger.version) != (reconciler.epoch, reconciler.version):
        yield _with(state, number, IDLE)
        return
    epoch, version, _, seen = reconciler.record
    adoptable = (
        not reconciler.rebuild
        and epoch == reconciler.opened > 0
        and version == ledger.version
        and seen <= version
    )
    ledger = ledger._replace(opened=reconciler.epoch)
    if adoptable:
        opened = state._replace(ledger=ledger)
        yield _with(opened, number, reconciler._replace(step="adopting"))
        return
    mirror = ledger.granted - ledger_steps.active(ledger)
    ledger = ledger._replace(mirror=mirror, returns=frozenset())
    snapshot = reconciler._replace(step="rebuilding", orders=ledger.orders, granted=ledger.granted)
    yield _with(state._replace(ledger=ledger), number, snapshot)


def _adopt(state: State, number: int, rules: Rules) -> Iterator[State]:
    reconciler = state.reconcilers[number]
    redis = state.servers[reconciler.server]
    if not redis_steps.holds_fence(redis, rules, reconciler.epoch):
        yield _with(state, number, IDLE)
        return
    as_known = (redis.epoch, redis.version, redis.available)
    if as_known != (reconciler.opened, reconciler.version, state.ledger.mirror):
        yield _with(state, number, reconciler._replace(step="drained", rebuild=True))
        return
    old = redis.epoch
    reservations = redis_steps.kept(redis, rules, old)
    history = redis_steps.stream(redis, rules, old)
    redis = redis_steps.with_kept(redis, rules, reconciler.epoch, reservations)
    redis = redis_steps.with_stream(redis, rules, reconciler.epoch, history)
    redis = redis._replace(epoch=reconciler.epoch, proof=redis_steps.identity(redis, rules))
    redis = redis_steps.without_older(redis, reconciler.epoch)
    yield _with(_with_server(state, reconciler.server, redis), number, IDLE)


def _snapshot(reconciler: Reconciler, rules: Rules) -> frozenset:
    return frozenset(
        (id_, state, version)
        for id_, state, _, version in reconciler.orders
        if state == "h" or Rule.SETTLED_IN_REBUILD in rules
    )


def _install(state: State, number: int, rules: Rules) -> Iterator[State]:
    reconciler = state.reconcilers[number]
    redis = state.servers[reconciler.server]
    if not redis.master:
        yield _with(state, number, IDLE)
        return
    redis = redis_steps.with_kept(redis, rules, reconciler.epoch, _snapshot(reconciler, rules))
    redis = redis_steps.with_stream(redis, rules, reconciler.epoch, ())
    changed = _with_server(state, reconciler.server, redis)
    yield _with(changed, number, reconciler._replace(step="installed"))


def _open(state: State, number: int, rules: Rules) -> Iterator[State]:
    reconciler = state.reconcilers[number]
    redis = state.servers[reconciler.server]
    reservations = redis_steps.kept(redis, rules, reconciler.epoch)
    complete = len(reservations) == len(_snapshot(reconciler, rules))
    empty = not redis_steps.stream(redis, rules, reconciler.epoch)
    if not (redis_steps.holds_fence(redis, rules, reconciler.epoch) and complete and empty):
        yield _with(state, number, IDLE)
        return
    held = sum(each[1] == "h" for each in reconciler.orders)
    redis = redis._replace(
        epoch=reconciler.epoch,
        version=reconciler.version,
        available=reconciler.granted - held,
        granted=reconciler.granted,
        proof=redis_steps.identity(redis, rules),
    )
    redis = redis_steps.without_older(redis, reconciler.epoch)
    yield _with(_with_server(state, reconciler.server, redis), number, IDLE)


_STEPS = {
    "read": _commit,
    "surveyed": _survey_then_epoch,
    "late": _fence_late,
    "begun": _fence,
    "fenced": _drain,
    "drained": _open_epoch,
    "adopting": _adopt,
    "rebuilding": _install,
    "installed": _open,
}
