"""Which user runs Postgres: it refuses to be root."""

import os
import pwd
import sys
from typing import Final

from doorbuster.faults import MissingServer
from doorbuster.process import Account

# The one that distributions make for the server, else the one that owns nothing.
_CANDIDATES: Final = ("postgres", "nobody")


def unprivileged() -> Account | None:
    """Return whom root becomes to run Postgres; None means that we are no root, and stay.

    Raises MissingServer where there is nobody to become.
    """
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES if sys.platform == "linux" else ():
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(user_id=entry.pw_uid, group_id=entry.pw_gid)
    raise MissingServer("Postgres refuses to run as root; start this as an ordinary user")
