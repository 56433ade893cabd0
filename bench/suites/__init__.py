"""The suites, by name."""

from typing import Final

from bench.suite import Suite
from bench.suites import checkout, stream

SUITES: Final[dict[str, Suite]] = {suite.name: suite for suite in (checkout.SUITE, stream.SUITE)}
