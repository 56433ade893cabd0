"""What can go wrong between us and Redis, told apart by what may have happened there.

RedisFault
├── NothingHappened   the call did not run: not connected, or refused before its first command
├── OutcomeUnknown    the call was sent and no answer came: it may have run
└── ScriptFault       Redis answered with an error that we did not foresee: a defect
"""

from redis.exceptions import RedisError

# A script that starts with `#!lua` is refused with these before its first command runs:
# https://redis.io/docs/latest/develop/programmability/eval-intro/#eval-flags
REFUSED_BEFORE_THE_FIRST_COMMAND = frozenset(
    [
        "ASK", "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "MOVED", "NOAUTH",
        "NOPERM", "NOREPLICAS", "NOSCRIPT", "OOM", "READONLY", "TRYAGAIN", "WRONGPASS",
    ]
)  # fmt: skip


class RedisFault(Exception):
    """Redis did not do what we asked."""


class NothingHappened(RedisFault):
    """The call did not run."""


class OutcomeUnknown(RedisFault):
    """The call was sent, no answer came."""


class ScriptFault(RedisFault):
    """Redis answered with an error that we did not foresee."""


def error_code(error: RedisError | OSError) -> str:
    """The first word of an error reply; redis-py strips it from some and keeps it in others."""
    code = getattr(error, "status_code", None)
    return str(code or str(error).partition(" ")[0])


def translate(error: RedisError | OSError) -> RedisFault:
    """The fault that an error reply stands for."""
    code = error_code(error)
    if code in REFUSED_BEFORE_THE_FIRST_COMMAND:
        return NothingHappened(f"{code}: {error}")
    return ScriptFault(str(error))
