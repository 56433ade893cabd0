"""`doorbuster doctor` from the outside, and its page."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examined import StartValkey, faulty, told, told_to, worse_than_ok
from shop import Shop, settings_for

from doorbuster.doctor.examination import examine
from doorbuster.doctor.finding import Check
from doorbuster.embedded.valkey import EmbeddedValkey
from doorbuster.settings import Settings
from lua.server import Server

PAGE = Path(__file__).parents[3] / "docs/operations/doctor.md"
KEY = "a key that only this test knows, long enough"


def settings(redis_url: str, database_url: str, **changes: Any) -> Settings:
    named = {"redis_url": redis_url, "database_url": database_url, "token_key": KEY}
    return Settings.model_validate(named | changes)


async def doctor(environment: Mapping[str, str], *arguments: str, status: int = 0) -> str:
    shop = Shop(addresses=[], settings=dict(environment))
    return await shop.command("doctor", *arguments, status=status)


def test_the_page_has_every_check_in_the_order_of_the_report() -> None:
    rows = re.findall(r"^\| `([a-z.-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(Check)


async def test_servers_with_our_defaults_are_healthy_and_every_check_was_made(
    valkey_url: str, durable_url: str
) -> None:
    findings = await examine(settings(valkey_url, durable_url))
    assert {each.check for each in findings} == set(Check)
    assert [each.check for each in findings] == sorted(
        (each.check for each in findings), key=list(Check).index
    )
    assert worse_than_ok(findings) == {Check.POSTGRES_ROLE, Check.DOORBUSTER_RECONCILERS}


async def test_the_level_of_the_settings_is_the_one_that_must_be_proven(
    valkey_url: str, durable_url: str
) -> None:
    findings = await examine(settings(valkey_url, durable_url, durability="replicated"))
    assert faulty(findings) == {Check.REDIS_DURABILITY}


async def test_without_redis_the_rest_is_still_examined(
    durable_url: str, short_folder: Path
) -> None:
    findings = await examine(settings(f"unix://{short_folder}/nobody.sock", durable_url))
    assert faulty(findings) == {Check.REDIS_REACHABLE}
    assert {Check.POSTGRES_VERSION, Check.CLOCK_POSTGRES, Check.DOORBUSTER_ALARMS} <= {
        each.check for each in findings
    }


async def test_without_postgres_the_rest_is_still_examined(valkey_url: str) -> None:
    away = "postgresql://doorbuster@/doorbuster?host=/nonexistent"
    findings = await examine(settings(valkey_url, away))
    assert faulty(findings) == {Check.POSTGRES_REACHABLE}
    assert {Check.REDIS_WRITES, Check.CLOCK_REDIS} <= {each.check for each in findings}


async def test_a_role_that_postgres_does_not_know_is_a_finding(
    valkey_url: str, durable_url: str
) -> None:
    stranger = durable_url.replace("doorbuster@", "stranger@")
    findings = await examine(settings(valkey_url, stranger))
    assert faulty(findings) == {Check.POSTGRES_REACHABLE}
    assert '"stranger" does not exist' in told(findings, Check.POSTGRES_REACHABLE)


async def test_what_postgres_refuses_is_a_finding(valkey_url: str, database_url: str) -> None:
    for statement in (
        "CREATE ROLE kept_out LOGIN",
        "REVOKE SELECT ON pg_stat_user_tables FROM PUBLIC",
    ):
        await told_to(database_url, statement)
    findings = await examine(settings(valkey_url, database_url.replace("doorbuster@", "kept_out@")))
    await told_to(database_url, "DROP ROLE kept_out")
    assert faulty(findings) == {Check.POSTGRES_REACHABLE}
    assert "permission denied" in told(findings, Check.POSTGRES_REACHABLE)


async def test_a_user_without_info_is_a_finding(valkey: StartValkey, durable_url: str) -> None:
    async with valkey() as server:
        async with Server(server.url) as door:
            await door.command("ACL", "SETUSER", "default", "-info")
        findings = await examine(settings(server.url, durable_url))
    assert faulty(findings) == {Check.REDIS_PERMISSIONS}


async def test_an_unmigrated_database_is_one_fault(valkey_url: str, empty_url: str) -> None:
    findings = await examine(settings(valkey_url, empty_url))
    assert faulty(findings) == {Check.POSTGRES_DURABILITY, Check.POSTGRES_MIGRATIONS}
    assert Check.DOORBUSTER_RECONCILERS not in {each.check for each in findings}


async def test_the_command_exits_0_where_there_is_no_fault(
    valkey_url: str, durable_url: str, tmp_path: Path
) -> None:
    said = await doctor(settings_for(valkey_url, durable_url, tmp_path))
    assert "redis.durability" in said
    assert "fault: 0" in said


async def test_the_command_exits_1_with_a_fault_and_never_with_a_traceback(
    durable_url: str, tmp_path: Path
) -> None:
    away = EmbeddedValkey(directory=tmp_path / "nobody").url
    said = await doctor(settings_for(away, durable_url, tmp_path), "--json", status=1)
    document = json.loads(said)
    assert document["healthy"] is False
    faults = [each for each in document["findings"] if each["severity"] == "fault"]
    assert [each["check"] for each in faults] == ["redis.reachable"]
    assert faults[0]["remedy"]
