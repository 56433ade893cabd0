"""Copies of what the ledger said: who shares them, how many there are, how old they may be."""

import asyncio

import pytest

from gateway import last_copies
from gateway.last_copies import LastCopies
from gateway.problems import LEDGER_BEHIND, Refusal
from sql.faults import LedgerUnreachable


class Ledger:
    """Counts its answers, and fails or hangs when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.at_once = self.most_at_once = 0
        self.is_away = False
        self.hangs = False

    async def ask(self) -> int:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(self.asked)
        finally:
            self.at_once -= 1

    async def _answer(self, number: int) -> int:
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_away:
            raise LedgerUnreachable("away")
        await asyncio.sleep(0)
        return number


async def test_a_crowd_shares_one_answer() -> None:
    ledger, copies = Ledger(), LastCopies[int](10, asyncio.Semaphore(2))
    answers = await asyncio.gather(*(copies.read("a", ledger.ask) for _ in range(100)))
    assert {answer.value for answer in answers} == {1}
    assert (await copies.read("a", ledger.ask)).value == 1
    assert (await copies.read("b", ledger.ask)).value == 2


async def test_a_crowd_does_not_ask_a_ledger_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, copies = Ledger(), LastCopies[int](10, asyncio.Semaphore(2))
    await copies.read("a", ledger.ask)
    monkeypatch.setattr(last_copies, "FRESH_SECONDS", 0.0)
    ledger.is_away = True
    answers = await asyncio.gather(*(copies.read("a", ledger.ask) for _ in range(100)))
    assert {(answer.value, answer.is_stale) for answer in answers} == {(1, True)}
    with pytest.raises(Refusal) as refusal:
        await copies.read("b", ledger.ask)
    assert refusal.value.problem is LEDGER_BEHIND
    assert ledger.asked == 2


async def test_nobody_waits_for_a_ledger_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, copies = Ledger(), LastCopies[int](10, asyncio.Semaphore(2))
    await copies.read("a", ledger.ask)
    monkeypatch.setattr(last_copies, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(last_copies, "PATIENCE_SECONDS", 0.01)
    ledger.hangs = True
    assert (await copies.read("a", ledger.ask)).is_stale


async def test_a_ledger_that_is_back_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, copies = Ledger(), LastCopies[int](10, asyncio.Semaphore(2))
    monkeypatch.setattr(last_copies, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(last_copies, "PAUSE_SECONDS", 0.0)
    await copies.read("a", ledger.ask)
    ledger.is_away = True
    assert (await copies.read("a", ledger.ask)).is_stale
    ledger.is_away = False
    answer = await copies.read("a", ledger.ask)
    assert (answer.value, answer.is_stale) == (3, False)


async def test_whatever_is_asked_for_the_ledger_keeps_room_for_others() -> None:
    ledger, copies = Ledger(), LastCopies[int](1000, asyncio.Semaphore(2))
    await asyncio.gather(*(copies.read(number, ledger.ask) for number in range(100)))
    assert (ledger.asked, ledger.most_at_once) == (100, 2)


async def test_nobody_waits_for_ever_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, copies = Ledger(), LastCopies[int](10, asyncio.Semaphore(2))
    monkeypatch.setattr(last_copies, "LONGEST_PATIENCE_SECONDS", 0.01)
    ledger.hangs = True
    with pytest.raises(Refusal) as refusal:
        await copies.read("a", ledger.ask)
    assert refusal.value.problem is LEDGER_BEHIND


async def test_the_copy_unused_for_longest_makes_room() -> None:
    ledger, copies = Ledger(), LastCopies[int](2, asyncio.Semaphore(2))
    for name in ("a", "b", "a", "c"):
        await copies.read(name, ledger.ask)
    assert ledger.asked == 3
    await copies.read("a", ledger.ask)
    assert ledger.asked == 3
    await copies.read("b", ledger.ask)
    assert ledger.asked == 4
