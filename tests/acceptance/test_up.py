"""`doorbuster up`: one command, and a shop is open; nothing that it was told is lost."""

import asyncio
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import sys
import time
from pathlib import Path

import httpx
import pytest
from running_up import alive, descendants, running_up, start
from waiting import until

from doorbuster.embedded.places import is_open_to_all

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="these tests look for processes in /proc"),
    pytest.mark.timeout(300),  # some start everything three times, on a machine that others use
]
CHILDREN = {"valkey", "postgres", "reconciler", "gateway-1"}


async def pasted(line: str) -> tuple[int, str]:
    """Run the printed line as its reader would; the status and the whole answer."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl to paste the line for")
    shell = await asyncio.create_subprocess_shell(f"{line} -sS", stdout=asyncio.subprocess.PIPE)
    answer, _ = await shell.communicate()
    status = re.match(rb"HTTP/1.1 (\d+)", answer)
    assert status, answer
    return int(status[1]), answer.decode()


def reservation_in(answer: str) -> str:
    found = re.search(r'"id":"([0-9a-f-]{36})"', answer)
    assert found, answer
    return found[1]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def test_the_printed_line_is_admitted_and_what_it_bought_outlives_everything(
    tmp_path: Path, free_port: int
) -> None:
    state_dir, port = tmp_path / "state", ("--port", str(free_port))

    async with running_up(state_dir, *port) as up:
        status, answer = await pasted(up.curl)
        assert status == 201
        bought, curl = reservation_in(answer), up.curl
        processes = descendants(up.process.pid)
        assert await up.signal(signal.SIGKILL) == -signal.SIGKILL
        await until(lambda: not alive(processes))

    async with running_up(state_dir, *port) as up:
        status, answer = await pasted(curl)
        assert (status, reservation_in(answer)) == (200, bought)
        before = up.connection

        pids = up.pids()
        assert pids.keys() == CHILDREN
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        await until(
            lambda: (
                up.pids().keys() == CHILDREN and not set(up.pids().values()) & set(pids.values())
            )
        )
        await until_admitted(curl)
        for name in CHILDREN:
            assert any(f"{name} ended with signal SIGKILL" in line for line in up.output)
        assert await up.signal(signal.SIGINT) == 0

    async with running_up(state_dir, *port) as up:
        assert up.connection == before  # the keys of before are still good
        status, answer = await pasted(curl)
        assert (status, reservation_in(answer)) == (200, bought)


async def until_admitted(curl: str) -> None:
    """A recovery takes a moment, and says so with 503."""
    async with asyncio.timeout(60):
        while (await pasted(curl))[0] != 200:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_takes_less_than_five_seconds_and_leaves_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with running_up(tmp_path / "state", "--port", "0", "--workers", "2") as up:
        async with (
            httpx.AsyncClient(base_url=up.connection.url) as watcher,
            watcher.stream("GET", "/v1/sales/demo/events") as stream,
        ):
            assert stream.status_code == 200
            processes = descendants(up.process.pid)
            assert len(processes) > 6  # two gateways, and Postgres has children of its own
            began = time.monotonic()
            assert await up.signal(number) == 0
            assert time.monotonic() - began < 5
        assert not alive(processes)


async def test_a_stop_in_the_middle_of_the_first_start_does_no_harm(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    process = await start("up", "--state-dir", str(state_dir), "--port", "0")
    await until((state_dir / "postgres" / "draft" / "base").exists)
    processes = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), timeout=5)
    assert process.returncode == 0
    assert not alive(processes)
    async with running_up(state_dir) as up:
        assert (await pasted(up.curl))[0] == 201


async def test_connection_json_is_there_before_the_gateway_is_ready(
    tmp_path: Path, free_port: int
) -> None:
    state_dir = tmp_path / "state"
    options = ("--state-dir", str(state_dir), "--port", str(free_port), "--no-demo")
    process = await start("up", *options)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}") as client:
            await _until_ready(client)
            file = state_dir / "connection.json"
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert (await client.get("/demo/token")).status_code == 404
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def _until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)


async def test_a_damaged_connection_json_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "connection.json").write_text('{"url": "http')
    async with running_up(tmp_path, "--port", "0", "--no-demo") as up:
        assert up.connection.admin_key.startswith("dbk_")


async def test_two_live_side_by_side(tmp_path: Path) -> None:
    async with running_up(tmp_path / "one") as one, running_up(tmp_path / "two") as two:
        for up in (one, two):
            assert (await pasted(up.curl))[0] == 201
        assert not set(one.pids().values()) & set(two.pids().values())


async def test_an_ordinary_user_needs_nothing_of_root(short_folder: Path) -> None:
    home = short_folder / "home"
    home.mkdir(mode=0o700)
    as_user = _as_nobody(home) if os.geteuid() == 0 else []
    async with running_up(home / "state", environment={"HOME": str(home)}, as_user=as_user) as up:
        assert (await pasted(up.curl))[0] == 201
        assert {_owner_of(pid) for pid in up.pids().values()} == {home.stat().st_uid}


def _as_nobody(home: Path) -> list[str]:
    """The words that make a command one of nobody's.

    Where Python lies in root's home, nobody may read there, as if it lay elsewhere; writing, and
    whatever else root may, is left to root.
    """
    if shutil.which("setpriv") is None:
        pytest.skip("there is no setpriv to become an ordinary user with")
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    words = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    if not is_open_to_all(Path(sys.executable).resolve()):
        words += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", *words]


def _owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


async def test_servers_that_the_settings_name_are_used_and_none_is_started(
    tmp_path: Path, redis_url: str, database_url: str
) -> None:
    environment = {"DOORBUSTER_REDIS_URL": redis_url, "DOORBUSTER_DATABASE_URL": database_url}
    async with running_up(
        tmp_path / "state", "--no-demo", "--port", "0", environment=environment
    ) as up:
        assert up.pids().keys() == CHILDREN - {"valkey", "postgres"}
        assert up.connection.redis_url == redis_url
        assert up.connection.database_url == database_url
        keys = {"Authorization": f"Bearer {up.connection.settle_key}"}
        async with httpx.AsyncClient(base_url=up.connection.url, headers=keys) as shop:
            unknown = await shop.get("/v1/reservations/2a97516c-472a-8b3d-8b6b-dd67fd29f792")
        assert unknown.json()["code"] == "unknown-reservation"


# What cannot be


async def said_by(*options: str, **environment: str) -> str:
    """The only line of an `up` that cannot start."""
    process = await start("up", *options, environment=environment)
    output, _ = await process.communicate()
    assert process.returncode not in {0, None}
    (line,) = output.decode().splitlines()
    return line.removeprefix("doorbuster: ")


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        line = await said_by("--port", port, "--state-dir", str(tmp_path / "state"))
    assert f"127.0.0.1:{port}" in line
    assert "--port" in line


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    line = await said_by("--state-dir", str(file / "state"))
    assert str(file / "state") in line
    assert "--state-dir" in line


async def test_a_folder_is_for_one_up_at_a_time(tmp_path: Path) -> None:
    async with running_up(tmp_path / "state", "--no-demo", "--port", "0"):
        line = await said_by("--port", "0", "--state-dir", str(tmp_path / "state"))
    assert line.startswith(f"another `doorbuster up` works in {tmp_path / 'state'}")


@pytest.mark.parametrize(
    ("url", "begin"),
    [
        (
            {"DOORBUSTER_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"},
            "Postgres does not let us in",
        ),
        ({"DOORBUSTER_REDIS_URL": "redis://127.0.0.1:1"}, "Redis does not answer"),
    ],
)
async def test_a_server_that_does_not_answer_is_named(
    tmp_path: Path, url: dict[str, str], begin: str
) -> None:
    line = await said_by("--port", "0", "--state-dir", str(tmp_path / "state"), **url)
    assert line.startswith(begin)


async def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    line = await said_by("--state-dir", str(tmp_path), DOORBUSTER_DURABILTY="ledger")
    assert line == "DOORBUSTER_DURABILTY is not a setting; did you mean DOORBUSTER_DURABILITY?"
