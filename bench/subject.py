"""A subject that takes checkouts, as the suites see it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from bench.tokens import Tokens

Count: TypeAlias = Callable[[], Awaitable[int]]

# Nobody is turned away for want of stock, unless that is what is measured.
PLENTY: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The sale that the subject is to sell, and how its tokens are verified."""

    folder: Path
    tokens: Tokens
    units: int = PLENTY
    limit: int = 2
    skus: tuple[str, ...] = ("LAMP-1",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A subject that serves; `processes` are metered under their names.

    `taken` asks its own store how many units it has sold: what it told its callers must add up
    to that. None where it sells nothing. `committed` counts the orders in its Postgres, if any.
    """

    address: tuple[str, int]
    processes: Mapping[str, int]
    taken: Count | None
    committed: Count | None = None
    redis_url: str = ""
    database_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`says` tells in a line what it does for its figures."""

    name: str
    says: str
    start: Callable[[Shop], AbstractAsyncContextManager[Running]]
