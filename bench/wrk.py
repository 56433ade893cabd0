"""Closed loops by wrk: so many connections, each of which asks again as soon as it is answered."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bench.case import Unmeasurable
from bench.tokens import Tokens

PATH: Final = "/v1/sales/bench/checkout"
_CHECKOUT: Final = Path(__file__).with_name("checkout.lua")
_CONFIRM: Final = Path(__file__).with_name("confirm.lua")
_RESULT: Final = re.compile(r"^result (\{.*\})$", re.MULTILINE)
# wrk gives up a request after this. An overloaded subject answers late, and late answers count.
TIMEOUT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What wrk sends: from the token `first` on, `requests_a_token` with each."""

    address: tuple[str, int]
    tokens: Tokens
    connections: int
    seconds: int
    prefix: str = "key-"
    first: int = 0
    requests_a_token: int = 1
    skus: tuple[str, ...] = ("LAMP-1",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """What wrk tells of: a payment of each reservation in a file, with an API key."""

    address: tuple[str, int]
    file: Path
    key: str
    connections: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`refused` were answered with 400 or more, `broken` not at all."""

    requests: int
    seconds: float
    refused: int
    broken: int
    ran_out: int

    @property
    def accepted(self) -> int:
        """How many were answered with what they asked for."""
        return self.requests - self.refused


_READ: Final = TypeAdapter(Result)


async def run(load: Load) -> Result:
    """Send the load. Raises Unmeasurable where wrk is missing or the tokens did not suffice."""
    sent = [str(load.tokens.file), str(load.first), str(load.requests_a_token), load.prefix]
    return await _run(_CHECKOUT, load, [*sent, PATH, ",".join(load.skus)])


async def pay(payments: Payments) -> Result:
    """Tell of them. Raises Unmeasurable where wrk is missing or there were too few."""
    return await _run(_CONFIRM, payments, [str(payments.file), payments.key])


async def _run(script: Path, load: Load | Payments, arguments: Sequence[str]) -> Result:
    program = shutil.which("wrk")
    if program is None:
        raise Unmeasurable("wrk is not on PATH; Debian has it: apt-get install wrk")
    argv = [program, *_options(load), "-s", str(script), _url(load), "--", *arguments]
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    match = _RESULT.search(said.decode())
    if match is None:
        raise Unmeasurable(f"wrk ended with {process.returncode}: {said.decode().strip()}")
    result = _READ.validate_json(match[1])
    if result.ran_out:
        raise Unmeasurable("there were too few to send: some came twice")
    return result


def _options(load: Load | Payments) -> list[str]:
    shape = ["-t", "1", "-c", str(load.connections), "-d", f"{load.seconds}s"]
    return [*shape, "--timeout", f"{TIMEOUT_SECONDS}s"]


def _url(load: Load | Payments) -> str:
    host, port = load.address
    return f"http://{host}:{port}"
