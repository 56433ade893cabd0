"""What the scripts do to one server's state, as pure functions."""

from protocol.rules import Rule
from protocol.states import Entry, Gateway, Redis, Reservation

Rules = frozenset[Rule]
SHARED = 0  # the one name that a mutant without epochs in its names uses


def name_of(rules: Rules, epoch: int) -> int:
    """The key of this epoch."""
    return epoch if Rule.EPOCH_IN_NAMES in rules else SHARED


def identity(redis: Redis, rules: Rules) -> int:
    """What a proof names."""
    return redis.replid if Rule.REPLICATION_ID in rules else redis.run


def is_proven(redis: Redis, rules: Rules) -> bool:
    """Whether the scripts may act on the record."""
    return redis.master and redis.proof != 0 and redis.proof == identity(redis, rules)


def kept(redis: Redis, rules: Rules, epoch: int) -> frozenset[Reservation]:
    """The reservations under the name of an epoch."""
    return dict(redis.kept).get(name_of(rules, epoch), frozenset())


def stream(redis: Redis, rules: Rules, epoch: int) -> tuple[Entry, ...]:
    """The history under the name of an epoch."""
    return dict(redis.streams).get(name_of(rules, epoch), ())


def with_kept(
    redis: Redis, rules: Rules, epoch: int, reservations: frozenset[Reservation]
) -> Redis:
    """The server with these reservations under the name of the epoch."""
    changed = dict(redis.kept) | {name_of(rules, epoch): reservations}
    return redis._replace(kept=tuple(sorted(changed.items(), key=lambda pair: pair[0])))


def with_stream(redis: Redis, rules: Rules, epoch: int, entries: tuple[Entry, ...]) -> Redis:
    """The server with this history under the name of the epoch."""
    changed = dict(redis.streams) | {name_of(rules, epoch): entries}
    return redis._replace(streams=tuple(sorted(changed.items(), key=lambda pair: pair[0])))


def without_older(redis: Redis, epoch: int) -> Redis:
    """The server without the keys of older epochs, which no script looks at any more."""
    return redis._replace(
        kept=tuple(pair for pair in redis.kept if pair[0] in {SHARED, epoch}),
        streams=tuple(pair for pair in redis.streams if pair[0] in {SHARED, epoch}),
    )


def without_read(redis: Redis, version: int) -> Redis:
    """The server without what the ledger has read, which it will never read again."""
    streams = (
        (name, tuple(entry for entry in history if entry.version > version))
        for name, history in redis.streams
    )
    return redis._replace(streams=tuple(streams))


def _append(redis: Redis, rules: Rules, entry: Entry) -> Redis:
    history = (*stream(redis, rules, redis.epoch), entry)
    changed = with_stream(redis, rules, redis.epoch, history)
    return changed._replace(version=entry.version, available=entry.available)


def note_seen(redis: Redis, gateway: Gateway) -> Redis:
    """A refused gateway leaves what it had seen."""
    seen = dict(redis.seen)
    least = -1 if 0 < redis.epoch < gateway.epoch else 0
    if gateway.witness <= seen.get(gateway.epoch, least):
        return redis
    seen[gateway.epoch] = gateway.witness
    return redis._replace(seen=tuple(sorted(seen.items())))


class Admission:
    """The admit script on one server: the server and the gateway after it, and who was told."""

    def __init__(self, redis: Redis, gateway: Gateway, rules: Rules) -> None:
        self.redis = redis
        self.gateway = gateway
        self.told: list[tuple[str, int, int]] = []
        self._rules = rules

    def run(self, ids: tuple[str, ...]) -> bool:
        """Decide a batch; False where the script refused it."""
        redis = self.redis
        if not is_proven(redis, self._rules):
            self.redis = note_seen(redis, self.gateway)
            return False
        if redis.epoch > self.gateway.epoch:
            self.redis = note_seen(redis, self.gateway)
            self.gateway = Gateway(redis.epoch, 0)
            return False
        if Rule.WITNESS in self._rules and self._is_behind():
            self.redis = note_seen(redis, self.gateway)
            return False
        before = kept(redis, self._rules, redis.epoch)
        for id_ in ids:
            now = kept(self.redis, self._rules, redis.epoch)
            self._decide(id_, now if Rule.OVERLAY in self._rules else before)
        self.gateway = Gateway(redis.epoch, max(self.gateway.witness, self.redis.version))
        return True

    def _is_behind(self) -> bool:
        return (self.redis.epoch, self.redis.version) < self.gateway

    def _decide(self, id_: str, known: frozenset[Reservation]) -> None:
        redis = self.redis
        found = next((each for each in known if each[0] == id_), None)
        if found is not None:
            if found[1] == "h":
                self.told.append((id_, redis.epoch, found[2]))
            return
        if redis.available <= 0:
            return
        version = redis.version + 1
        entry = Entry(redis.epoch, version, "a", id_, redis.available - 1)
        changed = _append(redis, self._rules, entry)
        reservations = kept(changed, self._rules, redis.epoch) | {(id_, "h", version)}
        self.redis = with_kept(changed, self._rules, redis.epoch, reservations)
        self.told.append((id_, redis.epoch, version))


def give_back(redis: Redis, rules: Rules, epoch: int, id_: str) -> Redis | None:
    """The return script; None where it refuses, or has nothing to do."""
    if not is_proven(redis, rules) or redis.epoch != epoch:
        return None
    reservations = kept(redis, rules, epoch)
    found = next((each for each in reservations if each[0] == id_ and each[1] == "h"), None)
    if found is None:
        return None
    entry = Entry(epoch, redis.version + 1, "r", id_, redis.available + 1)
    changed = _append(redis, rules, entry)
    return with_kept(changed, rules, epoch, (reservations - {found}) | {(id_, "x", found[2])})


def lower(redis: Redis, rules: Rules) -> Redis | None:
    """The lower script takes one unit; None where it refuses."""
    if not is_proven(redis, rules) or redis.available <= 0:
        return None
    entry = Entry(redis.epoch, redis.version + 1, "l", "", redis.available - 1)
    return _append(redis, rules, entry)._replace(granted=redis.granted - 1)


def fence(redis: Redis, rules: Rules, epoch: int) -> Redis | None:
    """The fence script takes the proof away; None where a fence stands already."""
    if not redis.master or redis.fence[0] >= epoch:
        return None
    return redis._replace(fence=(epoch, identity(redis, rules)), proof=0)


def holds_fence(redis: Redis, rules: Rules, epoch: int) -> bool:
    """Whether the recovery of this epoch may finish here."""
    if not redis.master:
        return False
    return Rule.FENCE not in rules or redis.fence == (epoch, identity(redis, rules))
