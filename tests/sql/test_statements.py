"""Every statement says what it needs, and Postgres understands it; the hot ones use their index."""

import re
from importlib import resources

import pytest

from sql.database import Connection, Database
from sql.statement import load

STATEMENTS = sorted(
    file.name.removesuffix(".sql")
    for file in (resources.files("sql") / "statements").iterdir()
    if file.name.endswith(".sql")
)
PARAMETER = re.compile(r"\$\d+")


def header_and_body(name: str) -> tuple[str, str]:
    lines = load(name).splitlines()
    header = [line for line in lines if line.startswith("--")]
    return "\n".join(header), "\n".join(line for line in lines if not line.startswith("--"))


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_header_names_what_the_statement_takes(name: str) -> None:
    header, body = header_and_body(name)
    assert header.startswith("-- ")
    taken = set(PARAMETER.findall(body))
    assert set(PARAMETER.findall(header)) == taken
    assert taken == {f"${number}" for number in range(1, len(taken) + 1)}
    assert all(re.search(rf"\{each},? \w", header) for each in taken), "each has a name"


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_file_holds_one_statement_and_its_header_stands_before_it(name: str) -> None:
    header, body = header_and_body(name)
    assert load(name) == f"{header}\n{body}\n"
    assert ";" not in re.sub(r"'[^']*'", "", body)


async def test_postgres_prepares_every_statement(database: Database) -> None:
    async with database.connection() as connection:
        for name in STATEMENTS:
            prepared = await connection.prepare(load(name))
            _, body = header_and_body(name)
            assert len(prepared.get_parameters()) == len(set(PARAMETER.findall(body))), name


def test_every_statement_is_used() -> None:
    sources = [*_python("sql"), *_python("gateway"), *_python("reconciler"), *_python("doorbuster")]
    text = "\n".join(sources)
    assert [name for name in STATEMENTS if f'load("{name}")' not in text] == []


def _python(package: str) -> list[str]:
    files = [file for file in resources.files(package).iterdir() if file.name.endswith(".py")]
    return [file.read_text() for file in files]


# Plans, on a ledger that has seen some sales. A generic plan is the one that a long-lived
# connection ends up with.

FILL = """
insert into sale (id, name, opens_at, hold_seconds, max_hold_seconds, currency,
    reservations_per_customer, source)
select 'sale-' || n, 'x', now(), 600, 1200, 'EUR', 1, '{}' from generate_series(1, 50) n;
insert into hold_clock (sale_id) select id from sale;
insert into checkpoint (sale_id) select id from sale;
insert into reservation
    (id, sale_id, customer, fingerprint, lines, context, epoch, version, created_at, deadline,
     state, settled_at)
select gen_random_uuid(), 'sale-' || n % 50 + 1, 'customer-' || n / 2, 'f', 'A:1:1', '{}', 1, n,
    now(), now() + n * interval '1 second', case when n % 20 = 0 then 'held' else 'expired' end,
    case when n % 20 = 0 then null else now() end
from generate_series(1, 20000) n;
insert into outbox (sale_id, kind, key, body, done)
select 'sale-' || n % 50 + 1, 'return', n::text, 'x', n % 20 > 0 from generate_series(1, 20000) n;
analyze;
set plan_cache_mode = force_generic_plan;
"""
INDEXES = {
    "audit_reservations": "reservation_in_order",
    "availability_read": "reservation_due",
    "outbox_finish": "outbox_key_once",
    "outbox_pending": "outbox_pending",
    "outbox_returns_of_customer": "outbox_key_once",
    "reservation_extend": "reservation_pkey",
    "reservation_release": "reservation_pkey",
    "reservations_claim_late": "reservation_pkey",
    "reservations_expire": "reservation_due",
    "reservations_find": "reservation_pkey",
    "reservations_lock": "reservation_pkey",
    "reservations_of_customer": "reservation_of_customer",
    "reservations_of_customer_searched": "reservation_of_customer",
    "reservations_of_sale": "reservation_in_order",
    "reservations_pay": "reservation_pkey",
    "reservations_stored": "reservation_in_order",
    "sale_has_ended": "reservation_due",
}


async def test_what_runs_often_or_under_locks_finds_its_rows_by_an_index(
    database: Database,
) -> None:
    async with database.connection() as connection:
        await connection.execute(FILL)
        plans = {name: await plan(connection, name) for name in INDEXES}
    for name, index in INDEXES.items():
        assert re.search(rf"Index .*{index}", plans[name]), plans[name]
        assert not re.search(r"Seq Scan on (reservation|outbox)", plans[name]), plans[name]
    # The sweeper takes the holds in the order of the index: what it leaves costs it nothing.
    assert "Sort" not in plans["reservations_expire"]


async def plan(connection: Connection, name: str) -> str:
    _, body = header_and_body(name)
    await connection.execute(f"prepare {name} as {body}")
    nothing = ", ".join("null" for _ in set(PARAMETER.findall(body)))
    rows = await connection.fetch(f"explain execute {name} ({nothing})")
    return "\n".join(row[0] for row in rows)
