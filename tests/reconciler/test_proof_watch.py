"""The level on a sale's record follows what the server keeps, and an alarm says when it falls."""

import pytest
from private_redis import PrivateRedis
from till import Till, eventually

from lua.record import Proof
from reconciler import proof_watch
from sql.alarms import AlarmKind, open_alarms


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_watch, "LOOK_SECONDS", 0.02)


async def set_option(till: Till, name: str, value: str) -> None:
    await till.server.command("CONFIG", "SET", name, value)


async def until_level(till: Till, durability: str, replicas: int = 0) -> None:
    async def is_noted() -> bool:
        proof = (await till.record()).proof
        return (proof.durability, proof.replicas) == (durability, replicas)

    await eventually(is_noted)


async def alarms(till: Till) -> list[str]:
    found = await open_alarms(till.database, till.sale_id)
    return [each.what for each in found if each.kind == AlarmKind.LEVEL]


async def test_a_level_that_falls_is_taken_down_with_one_alarm(private_till: Till) -> None:
    till = private_till
    await set_option(till, "appendfsync", "always")
    async with till.kept():
        await until_level(till, "fsync")
        before = await till.record()
        for _ in range(2):
            await set_option(till, "appendfsync", "everysec")
            await until_level(till, "memory")
            await set_option(till, "appendfsync", "always")
            await until_level(till, "fsync")
        (told,) = await alarms(till)
        assert "keeps the level memory only, and kept fsync before" in told
        after = await till.record()
    assert (after.epoch, after.version) == (before.epoch, before.version)


def test_levels_are_ordered_by_what_they_survive() -> None:
    proofs = [("memory", 0), ("fsync", 0), ("replicated", 1), ("replicated", 2)]
    strengths = [
        proof_watch.strength(Proof(durability=level, replicas=replicas, backlog_limit=1))
        for level, replicas in proofs
    ]
    assert strengths == sorted(set(strengths))


async def test_a_log_that_is_being_written_anew_proves_nothing(
    private_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, looked = private_till, 0

    async def is_rewriting(_: object) -> bool:
        nonlocal looked
        looked += 1
        return looked < 3

    monkeypatch.setattr(proof_watch, "is_rewriting", is_rewriting)
    async with till.kept():
        await until_level(till, "memory")
        await set_option(till, "appendfsync", "always")
        await until_level(till, "fsync")
    assert looked == 3


async def test_what_is_not_proven_is_left_to_the_recovery(
    private_till: Till, private_redis: PrivateRedis
) -> None:
    till = private_till
    async with till.kept():
        await private_redis.restart()
        await till.until_open()
        await until_level(till, "memory")
    assert await alarms(till) == []
