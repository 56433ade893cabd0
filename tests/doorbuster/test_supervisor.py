"""Children start in order, come back when they die, and stop in reverse within the deadline."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from waiting import until

from doorbuster import supervisor
from doorbuster.faults import ChildFailed
from doorbuster.process import Command
from doorbuster.supervisor import supervised

# Writes its id to its file, and on SIGTERM adds a line to the story.
POLITE = """
import os, signal, sys
own, story, name = sys.argv[1:]
def leave(*_):
    with open(story, "a") as file:
        file.write(f"-{name}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
with open(story, "a") as file:
    file.write(f"+{name}\\n")
with open(own, "w") as file:
    file.write(str(os.getpid()))
while True:
    signal.pause()
"""
STUBBORN = POLITE.replace("leave)", "signal.SIG_IGN)")
HOPELESS = "import sys; print('no luck today'); sys.exit(3)"


@dataclass(kw_only=True)
class Script:
    """A child that runs a few lines of Python, and is ready when it wrote its id."""

    name: str
    folder: Path
    text: str = POLITE
    arguments: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        self.arguments = [str(self.own), str(self.folder / "story"), self.name]

    @property
    def own(self) -> Path:
        return self.folder / self.name

    @property
    def pid(self) -> int:
        return int(self.own.read_text())

    async def prepare(self) -> Command:
        self.own.unlink(missing_ok=True)
        return Command(
            name=self.name,
            argv=[sys.executable, "-S", "-c", self.text, *self.arguments],
            log=self.folder / f"{self.name}.log",
        )

    async def ready(self) -> None:
        await until(lambda: self.own.exists() and self.own.read_text() != "")


def story(folder: Path) -> list[str]:
    return (folder / "story").read_text().split()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_stages_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    children = [Script(name=name, folder=tmp_path) for name in "abc"]
    async with supervised(stop_seconds=5) as keeper:
        for child in children:
            await keeper.start(child)
    assert story(tmp_path) == ["+a", "+b", "+c", "-c", "-b", "-a"]
    assert not any(alive(child.pid) for child in children)


async def test_a_child_that_dies_comes_back_and_a_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    child = Script(name="a", folder=tmp_path)
    async with supervised(stop_seconds=5) as keeper:
        await keeper.start(child)
        first = child.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: "a is back" in caplog.text)
        assert child.pid != first
    assert "a ended with signal SIGKILL; it starts again in 0.1 s" in caplog.text


async def test_the_delay_doubles_while_it_dies_and_is_short_again_once_steady(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    child = Script(name="a", folder=tmp_path)
    async with supervised(stop_seconds=5) as keeper:
        await keeper.start(child)
        await die_and_come_back(child, caplog)
        await die_and_come_back(child, caplog)
        monkeypatch.setattr(supervisor, "STEADY_SECONDS", 0.0)
        await die_and_come_back(child, caplog)
    delays = [
        record.getMessage()[-5:] for record in caplog.records if record.levelno > logging.INFO
    ]
    assert delays == ["0.1 s", "0.2 s", "0.1 s"]


async def die_and_come_back(child: Script, caplog: pytest.LogCaptureFixture) -> None:
    returns = caplog.text.count("is back")
    os.kill(child.pid, signal.SIGKILL)
    await until(lambda: caplog.text.count("is back") > returns)


async def test_a_child_that_never_was_ready_fails_the_start(tmp_path: Path) -> None:
    good = Script(name="good", folder=tmp_path)
    bad = Script(name="bad", folder=tmp_path, text=HOPELESS)
    with pytest.raises(ChildFailed, match="bad ended with exit status 3: no luck today"):
        await start_in_order(good, bad)
    assert story(tmp_path) == ["+good", "-good"]


async def start_in_order(*children: Script) -> None:
    async with supervised(stop_seconds=5) as keeper:
        for child in children:
            await keeper.start(child)


async def test_those_who_started_beside_a_failure_are_stopped_too(tmp_path: Path) -> None:
    good = Script(name="good", folder=tmp_path)
    late_and_bad = "import time; time.sleep(0.3);" + HOPELESS
    with pytest.raises(ChildFailed, match="no luck today"):
        async with supervised(stop_seconds=5) as keeper:
            await keeper.start(good, Script(name="bad", folder=tmp_path, text=late_and_bad))
    assert not alive(good.pid)


async def test_the_deadline_holds_for_children_that_do_not_listen(tmp_path: Path) -> None:
    children = [Script(name=name, folder=tmp_path, text=STUBBORN) for name in "abcd"]
    async with supervised(stop_seconds=1) as keeper:
        await keeper.start(children[0])
        await keeper.start(*children[1:])
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    assert not any(alive(child.pid) for child in children)


async def test_a_stop_during_the_pause_before_a_restart_is_quick(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY_SECONDS", 60.0)
    child = Script(name="a", folder=tmp_path)
    async with supervised(stop_seconds=5) as keeper:
        await keeper.start(child)
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: "starts again" in caplog.text)
        began = time.monotonic()
    assert time.monotonic() - began < 1


async def test_a_fault_in_the_block_stops_everything_and_passes_unchanged(tmp_path: Path) -> None:
    child = Script(name="a", folder=tmp_path)

    async def trip() -> None:
        async with supervised(stop_seconds=5) as keeper:
            await keeper.start(child)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await trip()
    assert not alive(child.pid)


async def test_cancelling_stops_everything(tmp_path: Path) -> None:
    child = Script(name="a", folder=tmp_path)

    async def serve() -> None:
        async with supervised(stop_seconds=5) as keeper:
            await keeper.start(child)
            await asyncio.Event().wait()

    serving = asyncio.ensure_future(serve())
    await until(lambda: child.own.exists() and child.own.read_text() != "")
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert not alive(child.pid)
