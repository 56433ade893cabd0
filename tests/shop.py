"""A whole Doorbuster of real processes, as a shop would run it: gateways and reconcilers."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doorbuster.child import launch
from doorbuster.process import Process
from doorbuster.python_child import PythonChild
from gateway.identity.development import issue
from gateway.listener import listen

TOKEN_KEY = "a key that only this test knows, long enough"


@dataclass(kw_only=True)
class Shop:
    """Addresses of the gateways, and the processes by name, to be killed if a test likes."""

    addresses: list[tuple[str, int]]
    settings: dict[str, str]
    processes: dict[str, Process] = field(default_factory=dict)

    def token(self, customer: str) -> str:
        """A token that the gateways accept."""
        return issue(
            customer,
            secret=TOKEN_KEY,
            algorithm="HS256",
            issuer="doorbuster",
            audience="doorbuster",
        )

    async def command(self, *arguments: str, status: int = 0) -> str:
        """Run `doorbuster ...` as an operator does, and return what it prints."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "doorbuster",
            *arguments,
            env=os.environ | self.settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await process.communicate()
        said = out.decode() + error.decode()
        assert process.returncode == status, f"{arguments} ended with {process.returncode}: {said}"
        return said

    async def open_sale(self, folder: Path, sale: dict[str, Any]) -> None:
        """Create and open a sale by its file."""
        file = folder / f"{sale['id']}.json"
        file.write_text(json.dumps(sale))
        await self.command("sale", "create", str(file))
        await self.command("sale", "open", sale["id"])


def settings_for(redis_url: str, database_url: str, folder: Path) -> dict[str, str]:
    """The environment of every process of a shop."""
    return {
        "DOORBUSTER_REDIS_URL": redis_url,
        "DOORBUSTER_DATABASE_URL": database_url,
        "DOORBUSTER_TOKEN_KEY": TOKEN_KEY,
        "DOORBUSTER_STATE_DIR": str(folder),
    }


@asynccontextmanager
async def running_shop(
    settings: dict[str, str], *, gateways: int = 1, reconcilers: int = 1
) -> AsyncIterator[Shop]:
    """Start the processes; they are stopped at the end of the block."""
    async with AsyncExitStack() as stack:
        sockets = [stack.enter_context(listen("127.0.0.1", 0)) for _ in range(gateways)]
        shop = Shop(addresses=[each.getsockname() for each in sockets], settings=settings)
        for child in [*_gateways(settings, sockets), *_reconcilers(settings, reconcilers)]:
            process = await launch(child)
            stack.push_async_callback(process.stop, seconds=5)
            shop.processes[child.name] = process
        yield shop


def _gateways(settings: dict[str, str], sockets: Sequence[socket.socket]) -> list[PythonChild]:
    return [
        PythonChild(
            name=f"gateway-{number}",
            arguments=["gateway", "--fd", str(listening.fileno())],
            settings=settings,
            descriptors=(listening.fileno(),),
            address=listening.getsockname(),
        )
        for number, listening in enumerate(sockets, 1)
    ]


def _reconcilers(settings: dict[str, str], count: int) -> list[PythonChild]:
    return [
        PythonChild(name=f"reconciler-{number}", arguments=["reconciler"], settings=settings)
        for number in range(1, count + 1)
    ]
