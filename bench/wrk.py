"""Closed loops by wrk: so many connections, each of which asks again as soon as it is answered."""

import asyncio
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bench.case import Unmeasurable
from bench.tokens import Tokens

PATH: Final = "/v1/sales/bench/checkout"
_SCRIPT: Final = Path(__file__).with_name("checkout.lua")
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
class Result:
    """`refused` were answered with 400 or more, `broken` not at all."""

    requests: int
    seconds: float
    refused: int
    broken: int
    ran_out: int

    @property
    def accepted(self) -> int:
        """How many checkouts were answered with a reservation."""
        return self.requests - self.refused


_READ: Final = TypeAdapter(Result)


async def run(load: Load) -> Result:
    """Send the load. Raises Unmeasurable where wrk is missing or the tokens did not suffice."""
    program = shutil.which("wrk")
    if program is None:
        raise Unmeasurable("wrk is not on PATH; Debian has it: apt-get install wrk")
    process = await asyncio.create_subprocess_exec(
        program, *_arguments(load), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    match = _RESULT.search(said.decode())
    if match is None:
        raise Unmeasurable(f"wrk ended with {process.returncode}: {said.decode().strip()}")
    result = _READ.validate_json(match[1])
    if result.ran_out:
        raise Unmeasurable("there were too few tokens: some came twice")
    return result


def _arguments(load: Load) -> list[str]:
    host, port = load.address
    shape = ["-t", "1", "-c", str(load.connections), "-d", f"{load.seconds}s"]
    shape += ["--timeout", f"{TIMEOUT_SECONDS}s", "-s", str(_SCRIPT), f"http://{host}:{port}"]
    sent = [str(load.tokens.file), str(load.first), str(load.requests_a_token), load.prefix]
    return [*shape, "--", *sent, PATH, ",".join(load.skus)]
