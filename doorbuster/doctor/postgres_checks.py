"""Judges a Postgres: what it promises, what it lets us do, and what holds it up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from doorbuster.doctor.finding import Check, Finding, fault, ok, warning
from doorbuster.doctor.postgres_facts import PostgresFacts
from sql.inspection import WAIT_SECONDS, MigrationState, ServerSettings, TableRows, Wait

OLDEST_MAJOR: Final = 14
# The releases of 14 May 2026 mend eleven holes, among them CVE-2026-6473: an input too large
# writes past a buffer. https://www.postgresql.org/support/security/
MENDED_MINORS: Final = {14: 23, 15: 18, 16: 14, 17: 10, 18: 4}
# https://www.postgresql.org/support/versioning/
ENDED: Final = {14: "12 November 2026"}
# Below this, a table's dead rows are not worth a word.
MANY_DEAD_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What our processes take: connections for each, and how many of them there are."""

    gateways: int
    for_each_gateway: int
    reconcilers: int
    for_each_reconciler: int

    @property
    def connections(self) -> int:
        """All of them together."""
        return self.gateways * self.for_each_gateway + self.reconcilers * self.for_each_reconciler


def postgres_away(reason: str) -> Finding:
    """There is nothing to examine."""
    return fault(
        Check.POSTGRES_REACHABLE,
        f"Postgres does not serve us: {reason}",
        "start it, or correct DOORBUSTER_DATABASE_URL: host, port, user, password, database, "
        "pg_hba.conf; checkouts go on meanwhile, payments do not",
    )


def postgres_findings(facts: PostgresFacts, demand: Demand) -> Iterator[Finding]:
    """Judge everything."""
    settings = facts.settings
    yield ok(Check.POSTGRES_REACHABLE, f"Postgres {written(settings.version)} answers")
    yield version(settings)
    yield writable(settings)
    yield durability(settings, facts.default_commit)
    yield standbys(settings)
    yield connections(settings, demand)
    yield migrations(facts.migrations)
    yield role(settings)
    yield privileges(settings, facts.missing_privileges)
    yield from waits(settings, facts.waits)
    yield from dead_rows(settings, facts.tables)


def written(version: int) -> str:
    """Write `server_version_num` as people do."""
    return f"{version // 10_000}.{version % 10_000}"


def version(settings: ServerSettings) -> Finding:
    """Whether it is new enough, and mended."""
    major, minor = divmod(settings.version, 10_000)
    name = f"Postgres {written(settings.version)}"
    if major < OLDEST_MAJOR:
        return fault(
            Check.POSTGRES_VERSION,
            f"{name} is too old",
            f"upgrade to Postgres {OLDEST_MAJOR} or later (pg_upgrade)",
        )
    mended = MENDED_MINORS.get(major, 0)
    if minor < mended:
        return warning(
            Check.POSTGRES_VERSION,
            f"{name} lacks the security fixes of {major}.{mended}",
            f"install {major}.{mended} or later and restart: minor releases keep the data format",
        )
    if major in ENDED:
        return warning(
            Check.POSTGRES_VERSION,
            f"{name} gets no security fixes after {ENDED[major]}",
            "upgrade to a later major version (pg_upgrade)",
        )
    return ok(Check.POSTGRES_VERSION, name)


def writable(settings: ServerSettings) -> Finding:
    """The ledger is written, always."""
    if settings.in_recovery:
        return fault(
            Check.POSTGRES_WRITABLE,
            "this is a standby: it takes no writes",
            "let DOORBUSTER_DATABASE_URL name the primary, or add "
            "?target_session_attrs=read-write and all hosts",
        )
    if settings.read_only:
        return fault(
            Check.POSTGRES_WRITABLE,
            f"sessions of role {settings.role} are read-only",
            f'ALTER ROLE "{settings.role}" SET default_transaction_read_only = off (or the same '
            "with ALTER DATABASE, ALTER SYSTEM, wherever it was set)",
        )
    return ok(Check.POSTGRES_WRITABLE, "a primary that takes writes")


def durability(settings: ServerSettings, default_commit: str) -> Finding:
    """Whether a COMMIT that was acknowledged outlives a power cut."""
    check = Check.POSTGRES_DURABILITY
    lost = "the ledger, which nothing else can replace, is lost or torn by a power cut"
    for name, is_on in (("fsync", settings.fsync), ("full_page_writes", settings.full_page_writes)):
        if not is_on:
            remedy = f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()"
            return fault(check, f"{name} is off: {lost}", remedy)
    if settings.synchronous_commit == "off":
        return fault(
            check,
            "synchronous_commit is off in our own sessions, which set it: a pooler drops it",
            f'ALTER ROLE "{settings.role}" SET synchronous_commit = on',
        )
    if default_commit == "off":
        return warning(
            check,
            "synchronous_commit is off by default; our sessions switch it on, but what others "
            "write here may be lost",
            "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()",
        )
    return ok(check, f"fsync on, synchronous_commit {settings.synchronous_commit}")


def standbys(settings: ServerSettings) -> Finding:
    """Who else has what was committed."""
    check = Check.POSTGRES_STANDBYS
    if not settings.standby_names:
        return ok(check, "no synchronous standby: the loss of this host loses its last commits")
    if settings.synchronous_commit in {"off", "local"}:
        return warning(
            check,
            f"synchronous_standby_names is set, and synchronous_commit "
            f"{settings.synchronous_commit} does not wait for them",
            "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()",
        )
    if settings.sees_all_sessions and not settings.synchronous_standbys:
        return fault(
            check,
            f"no standby of synchronous_standby_names = {settings.standby_names} is connected: "
            "every COMMIT waits for ever",
            "connect one; or, knowing what is lost, ALTER SYSTEM RESET synchronous_standby_names; "
            "SELECT pg_reload_conf()",
        )
    return ok(check, f"each COMMIT waits for {settings.standby_names}")


def connections(settings: ServerSettings, demand: Demand) -> Finding:
    """Whether all our processes get the connections that their pools may open."""
    room = settings.connections - settings.connections_of_others
    formula = (
        f"{demand.for_each_gateway} for each gateway process, {demand.for_each_reconciler} for "
        f"each reconciler: {demand.connections} for {demand.gateways} and {demand.reconcilers}"
    )
    if room < demand.connections:
        return warning(
            Check.POSTGRES_CONNECTIONS,
            f"room for {room} connections of this role; we need {formula}",
            "ALTER SYSTEM SET max_connections to the sum over all hosts and what others use, and "
            "restart (ALTER ROLE ... CONNECTION LIMIT, where that is less)",
        )
    return ok(Check.POSTGRES_CONNECTIONS, f"room for {room}; we need {formula}")


def migrations(state: MigrationState | None) -> Finding:
    """Whether the schema is the one that this program was written for."""
    check = Check.POSTGRES_MIGRATIONS
    if state is None:
        remedy = "GRANT SELECT ON schema_migration TO the role of this program"
        return warning(check, "the role may not read which were applied", remedy)
    if state.changed:
        return fault(
            check,
            f"applied, and another now than then: {', '.join(state.changed)}",
            "install the version of Doorbuster that applied them; migrations are never edited",
        )
    if state.missing:
        return fault(check, f"not applied: {', '.join(state.missing)}", "doorbuster migrate")
    if state.newer:
        return warning(
            check,
            f"applied by a newer Doorbuster than this: {', '.join(state.newer)}",
            "finish the upgrade: run that version everywhere",
        )
    return ok(check, "the schema is this program's")


def role(settings: ServerSettings) -> Finding:
    """Who stole our password should not have stolen the server."""
    if settings.superuser:
        return warning(
            Check.POSTGRES_ROLE,
            f"role {settings.role} is a superuser: who gets its password gets the server",
            "CREATE ROLE doorbuster LOGIN PASSWORD '...'; run `doorbuster migrate` as the owner; "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO doorbuster",
        )
    return ok(Check.POSTGRES_ROLE, f"role {settings.role} is no superuser")


def privileges(settings: ServerSettings, missing: Sequence[str]) -> Finding:
    """Whether the role may do on our tables what our statements do."""
    if missing:
        return fault(
            Check.POSTGRES_PRIVILEGES,
            f"role {settings.role} lacks {', '.join(missing)}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public "
            f'TO "{settings.role}"',
        )
    return ok(Check.POSTGRES_PRIVILEGES, f"role {settings.role} may do what our statements do")


def waits(settings: ServerSettings, found: Sequence[Wait]) -> Iterator[Finding]:
    """Whether somebody holds the rows that every batch needs."""
    for wait in found:
        yield warning(
            Check.POSTGRES_WAITS,
            f"session {wait.pid} ({wait.application_name or 'unnamed'}) has been {wait.kind} for "
            f"{wait.seconds:.0f} s",
            f"end the transaction there; or SELECT pg_terminate_backend({wait.pid})",
        )
    if not found:
        seen = "" if settings.sees_all_sessions else " among those of this role, which sees no more"
        yield ok(
            Check.POSTGRES_WAITS,
            f"no session waits, or is idle in a transaction, for {WAIT_SECONDS:.0f} s{seen}",
        )


def dead_rows(settings: ServerSettings, tables: Sequence[TableRows]) -> Iterator[Finding]:
    """Whether the rows that every batch updates are swept up behind it."""
    swept = settings.autovacuum
    if not swept:
        yield warning(
            Check.POSTGRES_DEAD_ROWS,
            "autovacuum is off: the rows that every batch updates slow down by the hour",
            "ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf()",
        )
    many = [each for each in tables if each.dead > max(MANY_DEAD_ROWS, each.live)]
    for each in many:
        yield warning(
            Check.POSTGRES_DEAD_ROWS,
            f"table {each.name} has {each.dead:,} dead rows and {each.live:,} live ones",
            f"end transactions that were left open, then VACUUM (VERBOSE) {each.name}",
        )
    if swept and not many:
        yield ok(Check.POSTGRES_DEAD_ROWS, "dead rows are swept up")
