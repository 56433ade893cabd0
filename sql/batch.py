"""Entries of a sale's history, as the ledger takes them: one column a list."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Final

from sql.lines import units_by_sku

_AT_LEDGER: Final = '"durability":"ledger"'


@dataclass(slots=True, kw_only=True)
class Admissions:
    """Admitted reservations, one column a list, ready for the ledger.

    An id is 32 hexadecimal digits.
    """

    ids: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    admitted_at_ms: list[int] = field(default_factory=list)

    @property
    def are_waited_for(self) -> bool:
        """Whether buyers are told only now, at the level `ledger`; all of a sale are at one level.

        It is looked for as text, by the one that came last: it decides about a pace, and no more.
        """
        return bool(self.contexts) and _AT_LEDGER in self.contexts[-1]

    def record(self, number: int) -> str:
        """An admission as it stood in the history."""
        said = f"{self.ids[number]}{self.customers[number]}{self.fingerprints[number]}"
        return f"{said}{self.lines[number]}|{self.contexts[number]}"

    def without(self, refused: Collection[int]) -> "Admissions":
        """All but those of these numbers."""
        columns = {each.name: getattr(self, each.name) for each in fields(self)}
        return Admissions(
            **{
                name: [value for number, value in enumerate(column) if number not in refused]
                for name, column in columns.items()
            }
        )


@dataclass(slots=True, kw_only=True)
class Lowerings:
    """Units that an operator took out, one column a list."""

    requests: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    skus: list[str] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCheck:
    """An entry's stock of one item: the mirror, moved by `moved`, must be `available`."""

    version: int
    sku: str
    moved: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A correction that Redis has made: units of the item before and after."""

    version: int
    sku: str
    number: int
    before: int
    after: int


@dataclass(slots=True, kw_only=True)
class Batch:
    """Entries of a sale's history, from just after `began` to `last`, ready to be committed.

    `ends` has the state in which each of `returns` ended. `restores`: the ledger was rolled back,
    and may have ended some in another way since.
    """

    sale_id: str
    epoch: int
    began: int
    last: int
    admissions: Admissions = field(default_factory=Admissions)
    lowerings: Lowerings = field(default_factory=Lowerings)
    returns: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    restores: bool = False
    grants: list[tuple[str, int]] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    corrections: list[Corrected] = field(default_factory=list)
    mirror: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    checks: list[StockCheck] = field(default_factory=list)

    def drop(self, refused: Collection[int]) -> None:
        """Take admissions out. Their units have left Redis all the same, and the mirror."""
        gone = [self.admissions.lines[number] for number in refused]
        self.taken.subtract(units_by_sku(gone))
        self.admissions = self.admissions.without(refused)
