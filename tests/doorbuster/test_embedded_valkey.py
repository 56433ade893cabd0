"""An embedded Valkey keeps what it acknowledged, is reached by its owner alone, and never stays."""

import asyncio
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis.asyncio as redis
from waiting import until

from doorbuster import leftover
from doorbuster.child import launch, running
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.faults import ChildFailed


def valkey() -> Path | None:
    return None  # the wheel's


def debian_redis() -> Path | None:
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("redis-server is not on PATH")
    return Path(found)


EngineFinder = Callable[[], Path | None]


@pytest.mark.parametrize("engine", [valkey, debian_redis])
async def test_a_write_survives_kill_9(short_folder: Path, engine: EngineFinder) -> None:
    server = EmbeddedValkey(directory=short_folder / "v", binary=engine())
    process = await launch(server)
    async with redis.from_url(server.url) as client:
        await client.set("acknowledged", "yes")
    process.kill()
    await process.wait()
    async with running(server), redis.from_url(server.url) as client:
        assert await client.get("acknowledged") == b"yes"


async def test_it_runs_with_the_promised_durability_and_without_tcp(short_folder: Path) -> None:
    server = EmbeddedValkey(directory=short_folder / "v")
    async with running(server), redis.from_url(server.url) as client:
        found = await client.config_get("appendfsync", "appendonly", "maxmemory-policy", "port")
    assert found == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "port": "0",
    }


async def test_options_replace_ours(short_folder: Path) -> None:
    options = {"appendfsync": "everysec"}
    server = EmbeddedValkey(directory=short_folder / "v", options=options)
    async with running(server), redis.from_url(server.url) as client:
        assert await client.config_get("appendfsync") == {"appendfsync": "everysec"}


async def test_only_the_owner_reaches_the_socket(short_folder: Path) -> None:
    async with running(EmbeddedValkey(directory=short_folder / "v")) as server:
        assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700


async def test_a_long_path_with_odd_characters_gets_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("a state folder with ünusual characters, " * 3)
    async with running(EmbeddedValkey(directory=folder / "v")) as server:
        async with redis.from_url(server.url) as client:
            assert await client.ping()
        assert len(os.fsencode(server.socket)) < 104


async def test_odd_characters_in_a_short_path_are_no_trouble(short_folder: Path) -> None:
    folder = short_folder / "my #1 sale, 50% öff"
    async with running(EmbeddedValkey(directory=folder)) as server:
        assert server.socket.parent == folder
        async with redis.from_url(server.url) as client:
            assert await client.ping()


def test_two_directories_never_share_a_socket(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    sockets = {EmbeddedValkey(directory=long / name).socket for name in ("a", "b")}
    assert len(sockets) == 2


async def test_a_start_ends_what_a_killed_parent_left(short_folder: Path) -> None:
    server = EmbeddedValkey(directory=short_folder / "v")
    left = await launch(server)
    async with running(server), redis.from_url(server.url) as client:
        assert await left.wait() == 0  # it was asked to end, and closed its files
        assert await client.ping()


async def test_it_dies_with_its_parent(short_folder: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ties a child to its parent; elsewhere the next start ends it")
    script = f"""
import asyncio
from pathlib import Path
from doorbuster.child import launch
from doorbuster.embedded.valkey import EmbeddedValkey

async def main():
    await launch(EmbeddedValkey(directory=Path({str(short_folder / "v")!r})))
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"ready\n"
    pid_file = short_folder / "v" / "valkey.pid"
    assert leftover.running(pid_file) is not None
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await until(lambda: leftover.running(pid_file) is None)


async def test_one_that_cannot_start_says_why(short_folder: Path) -> None:
    server = EmbeddedValkey(directory=short_folder / "v", options={"appendfsync": "perhaps"})
    with pytest.raises(
        ChildFailed, match=r"valkey ended with exit status 1: .*everysec.*valkey.log"
    ):
        await launch(server)
