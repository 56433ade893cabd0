"""Real databases, each with one thing wrong, and what is said of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from urllib.parse import urlsplit

import pytest
from examined import faulty, severities, told, told_to, worse_than_ok

from doorbuster.doctor.finding import Check, Finding, Severity
from doorbuster.doctor.postgres_checks import Demand, postgres_findings
from doorbuster.doctor.postgres_facts import PostgresFacts, read_postgres
from sql.database import Database
from sql.faults import LedgerUnreachable

DEMAND = Demand(gateways=1, for_each_gateway=8, reconcilers=1, for_each_reconciler=10)
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
_roles = count(1)


async def facts_of(url: str) -> PostgresFacts:
    async with Database(url) as database:
        return await read_postgres(database, url)


async def findings_of(url: str) -> list[Finding]:
    """What is said of a database, but for the disk that the shared server does without."""
    facts = await facts_of(url)
    on_disk = replace(facts.settings, fsync=True, full_page_writes=True)
    return list(postgres_findings(replace(facts, settings=on_disk, default_commit="on"), DEMAND))


def name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@asynccontextmanager
async def role(url: str, *grants: str, **options: str) -> AsyncIterator[str]:
    """The URL of a role of its own that was granted this."""
    name = f"clerk_{next(_roles)}"
    await told_to(url, f"CREATE ROLE {name} LOGIN {options.get('limit', '')}")
    await told_to(url, *(f"GRANT {grant} TO {name}" for grant in grants))
    yield url.replace("postgresql://doorbuster@", f"postgresql://{name}@")
    await told_to(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


async def test_a_postgres_with_our_defaults_has_no_fault(durable_url: str) -> None:
    findings = list(postgres_findings(await facts_of(durable_url), DEMAND))
    assert worse_than_ok(findings) == {Check.POSTGRES_ROLE}


async def test_a_role_of_its_own_has_nothing_wrong(database_url: str) -> None:
    async with role(database_url, EVERYTHING) as url:
        findings = await findings_of(url)
    assert worse_than_ok(findings) == set()
    assert "which sees no more" in told(findings, Check.POSTGRES_WAITS)


async def test_what_was_read_is_plausible(database_url: str) -> None:
    facts = await facts_of(database_url)
    assert facts.settings.version >= 140_000
    assert facts.settings.role == "doorbuster"
    assert facts.settings.superuser
    assert facts.settings.sees_all_sessions
    assert 50 < facts.settings.connections <= 100
    assert facts.settings.synchronous_commit == "on"
    assert {each.name for each in facts.tables} == {"checkpoint", "item", "outbox", "reservation"}
    assert abs(facts.clock.ahead_ms) <= facts.clock.error_ms + 50


async def test_an_asynchronous_commit_by_default_is_told_though_ours_is_not(
    durable_url: str,
) -> None:
    name = name_of(durable_url)
    await told_to(durable_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    findings = list(postgres_findings(await facts_of(durable_url), DEMAND))
    await told_to(durable_url, f"ALTER DATABASE {name} RESET synchronous_commit")
    assert severities(findings)[Check.POSTGRES_DURABILITY] == Severity.WARNING
    assert "our sessions switch it on" in told(findings, Check.POSTGRES_DURABILITY)


async def test_a_server_without_the_disk_is_a_fault(database_url: str) -> None:
    findings = list(postgres_findings(await facts_of(database_url), DEMAND))
    assert faulty(findings) == {Check.POSTGRES_DURABILITY}
    assert "fsync is off" in told(findings, Check.POSTGRES_DURABILITY)


async def test_a_role_that_only_reads_is_a_fault(database_url: str) -> None:
    async with role(database_url, "SELECT ON ALL TABLES IN SCHEMA public") as url:
        findings = await findings_of(url)
    assert faulty(findings) == {Check.POSTGRES_PRIVILEGES}
    lacking = told(findings, Check.POSTGRES_PRIVILEGES)
    assert "insert on reservation" in lacking
    assert "update on checkpoint" in lacking
    assert "select on" not in lacking


async def test_the_grant_that_is_advised_is_enough(database_url: str) -> None:
    async with role(database_url) as url:
        advised = told(await findings_of(url), Check.POSTGRES_PRIVILEGES).partition("→ ")[2]
        await told_to(database_url, advised)
        assert faulty(await findings_of(url)) == set()


async def test_a_role_that_may_not_see_the_migrations_is_told(database_url: str) -> None:
    async with role(database_url) as url:
        findings = await findings_of(url)
    assert severities(findings)[Check.POSTGRES_MIGRATIONS] == Severity.WARNING


async def test_a_session_that_may_not_write_is_a_fault(database_url: str) -> None:
    name = name_of(database_url)
    await told_to(database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    findings = await findings_of(database_url)
    assert faulty(findings) == {Check.POSTGRES_WRITABLE}


async def test_a_role_with_few_connections_is_told(database_url: str) -> None:
    async with role(database_url, EVERYTHING, limit="CONNECTION LIMIT 6") as url:
        findings = await findings_of(url)
    assert severities(findings)[Check.POSTGRES_CONNECTIONS] == Severity.WARNING


async def test_a_database_that_was_never_migrated_is_a_fault(empty_url: str) -> None:
    findings = await findings_of(empty_url)
    assert faulty(findings) == {Check.POSTGRES_MIGRATIONS}
    assert "not applied: 0001 ledger" in told(findings, Check.POSTGRES_MIGRATIONS)
    assert "doorbuster migrate" in told(findings, Check.POSTGRES_MIGRATIONS)


@pytest.mark.parametrize(
    ("statement", "severity", "words"),
    [
        ("delete from schema_migration where number = 1", "fault", "not applied: 0001 ledger"),
        ("update schema_migration set checksum = 'x'", "fault", "another now than then: 0001"),
        (
            "insert into schema_migration (number, name, checksum) values (9999, 'later', 'x')",
            "warning",
            "by a newer Doorbuster than this: 9999 later",
        ),
    ],
)
async def test_a_schema_that_is_not_this_programs_is_told(
    database_url: str, statement: str, severity: str, words: str
) -> None:
    await told_to(database_url, statement)
    findings = await findings_of(database_url)
    assert severities(findings)[Check.POSTGRES_MIGRATIONS] == severity
    assert words in told(findings, Check.POSTGRES_MIGRATIONS)


async def test_a_server_that_is_away_is_no_riddle() -> None:
    with pytest.raises(LedgerUnreachable):
        await facts_of("postgresql://doorbuster@/doorbuster?host=/nonexistent")


async def test_a_database_that_does_not_exist_is_told(database_url: str) -> None:
    with pytest.raises(LedgerUnreachable, match="does not exist"):
        await facts_of(database_url.replace(name_of(database_url), "nowhere"))
