"""Versions with faults that matter here, and the releases that mended them.

The table is what was known in November 2026. A version says nothing about what a distribution
has mended under the same number; the remedies say so where it matters.
"""

from dataclasses import dataclass
from typing import Final

from doorbuster.doctor.redis_facts import Flavour, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFault:
    """A fault of one flavour; `mended` has the first good release of each branch.

    A branch between or below those has no good release; one above them all never had the fault.
    """

    flavour: Flavour
    mended: tuple[Version, ...]
    what: str
    needs_tls: bool = False
    needs_cluster: bool = False

    def strikes(self, flavour: Flavour, version: Version) -> bool:
        """Whether a release has it."""
        return flavour == self.flavour and not is_mended(version, self.mended)

    def remedy(self, version: Version) -> str:
        """Return which release to take, of the same branch if it has one."""
        same_branch = [good for good in self.mended if good[:2] == version[:2]]
        good = (same_branch or [max(self.mended)])[0]
        packaged = (
            "" if same_branch else "; or check that your distribution's package has it mended"
        )
        return f"install {self.flavour} {'.'.join(map(str, good))} or later{packaged}"


def is_mended(version: Version, mended: tuple[Version, ...]) -> bool:
    """Whether a release stands at or above the good one of its branch, or above all branches."""
    for good in mended:
        if good[:2] == version[:2]:
            return version >= good
    return version > max(mended)


SECURITY: Final = (
    # https://github.com/redis/redis/releases/tag/7.4.6 and the releases of the same day
    KnownFault(
        flavour=Flavour.REDIS,
        mended=((7, 2, 11), (7, 4, 6), (8, 0, 4), (8, 2, 2)),
        what="CVE-2025-49844: a crafted script runs code on the server",
    ),
    # https://redis.io/blog/security-advisory-cve-2026-81934/
    KnownFault(
        flavour=Flavour.REDIS,
        mended=((7, 2, 16), (7, 4, 11), (8, 2, 9), (8, 4, 6), (8, 6, 6), (8, 8, 2), (8, 10, 1)),
        what="CVE-2026-81934: whoever reaches the TLS port runs code on the server",
        needs_tls=True,
    ),
    # https://github.com/valkey-io/valkey/releases/tag/8.1.4
    KnownFault(
        flavour=Flavour.VALKEY,
        mended=((8, 0, 6), (8, 1, 4)),
        what="CVE-2025-49844: a crafted script runs code on the server",
    ),
    # https://github.com/valkey-io/valkey/releases/tag/9.1.1 and the releases of the same day
    KnownFault(
        flavour=Flavour.VALKEY,
        mended=((8, 0, 10), (8, 1, 9), (9, 0, 5), (9, 1, 1)),
        what="CVE-2026-56684: a client on the TLS port runs code on the server",
        needs_tls=True,
    ),
    # https://github.com/valkey-io/valkey/releases/tag/9.1.3 and the releases of the same day
    KnownFault(
        flavour=Flavour.VALKEY,
        mended=((8, 0, 12), (8, 1, 11), (9, 0, 7), (9, 1, 3)),
        what="GHSA-f4q9-j22m-xqq9: a client of a cluster overflows its messages",
        needs_cluster=True,
    ),
)

# A log that was torn inside a transaction is cut at the wrong place: what is written after the
# restart is lost or mixed with it at the next one. https://github.com/valkey-io/valkey/pull/4342
# No release of Redis is known to have it mended; a rewritten log has nothing torn in it.
TORN_TRANSACTION: Final = KnownFault(
    flavour=Flavour.VALKEY,
    mended=((8, 0, 11), (8, 1, 10), (9, 0, 6), (9, 1, 2)),
    what="a transaction that was torn by a crash comes back at the second restart",
)

# With `everysec` it answers before the disk has the write. Redis 7.4.3 mended it, 7.2 never had
# it: https://github.com/redis/redis/pull/13793. Seen on every Valkey that was tried, up to 9.1.2.
EARLY_WAITAOF: Final = KnownFault(
    flavour=Flavour.REDIS,
    mended=((7, 0, 0), (7, 2, 0), (7, 4, 3)),
    what="WAITAOF answers before the disk has the write",
)


def tears_transactions(flavour: Flavour, version: Version) -> bool:
    """Whether a crash in the middle of a write can spoil what is written after the restart."""
    return flavour == Flavour.REDIS or TORN_TRANSACTION.strikes(flavour, version)


def has_early_waitaof(flavour: Flavour, version: Version) -> bool:
    """Whether the reply to WAITAOF proves nothing under `appendfsync everysec`."""
    return flavour == Flavour.VALKEY or EARLY_WAITAOF.strikes(flavour, version)
