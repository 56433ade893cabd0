"""A gateway of a shop that dies at a named point; see `armed.py`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from kept_shop import KeptShop

from doorbuster.python_child import inherited, until_answered
from gateway.listener import listen

ARMED = Path(__file__).parents[1] / "armed.py"
DIED = 77


@asynccontextmanager
async def armed(
    shop: KeptShop, point: str, count: int
) -> AsyncIterator[tuple[asyncio.subprocess.Process, tuple[str, int]]]:
    """Another gateway, which dies at the point, and its address."""
    with listen("127.0.0.1", 0) as listening:
        number = listening.fileno()
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ARMED), point, str(count), "gateway", "--fd", str(number),
            env=inherited() | shop.settings, pass_fds=[number],
        )  # fmt: skip
        address = listening.getsockname()
    try:
        await until_answered(address, path="/livez")
        yield process, address
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
