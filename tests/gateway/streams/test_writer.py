"""The writer leaves most of the worker's time to others."""

import asyncio
import time

import pytest
from pipe import Pipe
from starlette.types import Message

from gateway.streams import writer as writer_module
from gateway.streams.frame import NOTHING_SEEN, Frame, Mark
from gateway.streams.stream import Stream, is_done_at_once
from gateway.streams.writer import STREAMS_AT_A_TIME, Writer


def frame(version: int) -> Frame:
    """An event of this version."""
    mark: Mark = (1, version, 1)
    return Frame(mark=mark, body=b"%d" % version, is_last=False)


def spend(seconds: float) -> None:
    """Keep the worker busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def test_what_would_wait_is_given_up_before_it_wrote() -> None:
    pipe = Pipe()
    stream = pipe.stream()
    pipe.writable.clear()
    assert not stream.offer(frame(1))
    pipe.writable.set()
    await asyncio.sleep(0)
    assert pipe.received == []
    assert stream.offer(frame(2))
    assert pipe.received == [b"2"]


async def test_a_client_never_gets_what_it_has_seen() -> None:
    pipe = Pipe()
    stream = pipe.stream()
    for version in (2, 1, 2):
        assert stream.offer(frame(version))
    assert pipe.received == [b"2"]


async def test_nothing_is_written_after_the_end() -> None:
    pipe = Pipe()
    stream = pipe.stream()
    assert stream.end(b"bye")
    assert stream.write(b"heartbeat")
    assert stream.offer(frame(1))
    assert stream.end(b"bye again")
    assert pipe.received == [b"bye"]


async def test_an_answer_that_comes_at_once_is_taken() -> None:
    async def answer() -> None:
        """Not a wait in it."""

    assert is_done_at_once(answer())


async def test_a_fault_of_send_is_not_hidden() -> None:
    async def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        is_done_at_once(fail())


async def test_who_has_left_does_not_keep_the_others_from_it() -> None:
    async def leave(_: Message) -> None:
        raise OSError("gone")

    pipe = Pipe()
    gone = Stream({}, leave, seen=NOTHING_SEEN, expires_at=0)
    await Writer().show([gone, pipe.stream()], frame(1))
    assert gone.ended
    assert pipe.received == [b"1"]


async def test_who_was_behind_gets_the_newest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "CATCH_UP_SECONDS", 0)
    writer, slow, fast = Writer(), Pipe(), Pipe()
    streams = [slow.stream(), fast.stream()]
    slow.writable.clear()
    for version in (1, 2, 3):
        await writer.show(streams, frame(version))
    assert (writer.written, writer.skipped) == (3, 3)
    assert fast.received == [b"1", b"2", b"3"]
    assert slow.attempts == 1
    slow.writable.set()
    catching_up = asyncio.create_task(writer.run())
    async with asyncio.timeout(1):
        while not slow.received:
            await asyncio.sleep(0)
    await writer.show(streams, frame(4))
    assert slow.received == [b"3", b"4"]
    catching_up.cancel()


async def test_checkouts_get_their_turn_within_a_sweep() -> None:
    turns = 0

    async def checkout() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    writer, pipe = Writer(), Pipe()
    buying = asyncio.create_task(checkout())
    await writer.show([pipe.stream() for _ in range(10 * STREAMS_AT_A_TIME)], frame(1))
    buying.cancel()
    assert turns >= 10
    assert len(pipe.received) == 10 * STREAMS_AT_A_TIME


async def test_in_a_rush_it_rests_four_times_as_long_as_it_works() -> None:
    async def buy() -> None:
        while True:
            spend(0.05)
            await asyncio.sleep(0)

    writer, stream = Writer(), Pipe().stream()
    buying = asyncio.create_task(buy())
    began = time.monotonic()
    await writer.for_each([stream] * 3, lambda _: spend(0.01))
    ended = time.monotonic()
    assert began + 5 * 0.03 <= writer.rested_at <= ended + 5 * (ended - began)
    await writer.for_each([stream] * 3, lambda _: spend(0.01))
    buying.cancel()
    assert writer.rested_at >= began + 9 * 0.03


async def test_it_rests_less_while_nobody_wants_the_worker() -> None:
    writer, stream = Writer(), Pipe().stream()
    began = time.monotonic()
    await writer.for_each([stream] * 20, lambda _: spend(0.01))
    ended = time.monotonic()
    # Less than half as long as it worked.
    assert 0.05 <= writer.rested_at - ended < ended - began


async def test_who_is_behind_for_too_long_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "CATCH_UP_SECONDS", 0)
    monkeypatch.setattr(writer_module, "EVICT_SECONDS", 0.05)
    writer, pipe = Writer(), Pipe()
    pipe.writable.clear()
    began = time.monotonic()
    await writer.show([pipe.stream()], frame(1))
    catching_up = asyncio.create_task(writer.run())
    async with asyncio.timeout(1):
        while not pipe.aborted:
            await asyncio.sleep(0)
    assert time.monotonic() - began >= 0.05
    catching_up.cancel()
