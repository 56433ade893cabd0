"""What a killed parent left is ended; a stranger who got its process id is not."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doorbuster import leftover

SLEEPER = "import signal; signal.pause()"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);"
    + SLEEPER
)


@pytest.fixture
async def sleeper() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await _started(SLEEPER)
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def _started(script: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", script,
        stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


async def test_what_was_left_is_asked_to_end(
    tmp_path: Path, sleeper: asyncio.subprocess.Process
) -> None:
    pid_file = tmp_path / "pid"
    leftover.note(pid_file, pid=sleeper.pid)
    await leftover.end(pid_file, stop_signal=signal.SIGTERM, seconds=5)
    assert await sleeper.wait() == -signal.SIGTERM
    assert not pid_file.exists()


async def test_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = await _started(DEAF)
    assert deaf.stdout is not None
    await deaf.stdout.readline()
    leftover.note(tmp_path / "pid", pid=deaf.pid)
    await leftover.end(tmp_path / "pid", stop_signal=signal.SIGTERM, seconds=0.2)
    assert await deaf.wait() == -signal.SIGKILL
    await deaf.communicate()


async def test_a_stranger_with_the_same_id_is_left_alone(
    tmp_path: Path, sleeper: asyncio.subprocess.Process
) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{sleeper.pid} 12345\n")
    await leftover.end(pid_file, stop_signal=signal.SIGKILL, seconds=5)
    assert sleeper.returncode is None
    assert leftover.start_time(sleeper.pid) is not None
    assert not pid_file.exists()


@pytest.mark.parametrize("text", ["", "x y\n", "99999999 1\n", "4\n"])
async def test_a_note_that_names_nobody_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    await leftover.end(tmp_path / "pid", stop_signal=signal.SIGKILL, seconds=5)
    assert not (tmp_path / "pid").exists()


def test_a_zombie_has_ended() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert leftover.start_time(pid) is None
    os.waitpid(pid, 0)
