"""The suites, by name, in the order in which they run."""

from typing import Final

from bench.suite import Suite
from bench.suites import checkout, durability, growth, ledger, overload, reject, settle, stream

_ALL: Final = (checkout, reject, settle, ledger, durability, stream, growth, overload)

SUITES: Final[dict[str, Suite]] = {module.SUITE.name: module.SUITE for module in _ALL}
