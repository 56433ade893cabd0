"""Something that must hold and does not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Which invariant, and where it is seen."""

    invariant: str
    what: str
