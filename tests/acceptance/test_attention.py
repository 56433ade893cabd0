"""What needs an operator's attention, at the command line: a drift, alarms, parked records."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kept_shop import KeptShop
from terminal import Ended, Terminal, terminal

from lua import keys
from sql.alarms import AlarmKind, raise_alarm
from sql.audit_log import AuditBooks, AuditDrift, AuditSums, keep_audit, keep_failure
from sql.parking import list_parked

SAYS = "LAMP-1: 9 available + 2 held, 10 granted"
BOOKS = AuditBooks(
    epoch=1,
    version=2,
    ledger_version=2,
    reservations=1,
    sums=AuditSums(items=1, granted=10, taken=2, rows=2, mirror=9, available=9, held=2),
    findings=(),
    drifts=(AuditDrift(kind="stock", subject="LAMP-1", says=SAYS, units=1),),
    keys=("stock:LAMP-1",),
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(shop: KeptShop) -> AsyncIterator[Terminal]:
    async with terminal(shop.settings) as operator:
        yield operator


def document(ended: Ended) -> Any:
    """What `--json` prints, whatever is said after it."""
    text = "\n".join(ended.lines)
    return json.JSONDecoder().raw_decode(text)[0]


async def put_too_much_on_sale(shop: KeptShop, sale_id: str) -> None:
    """A lamp that does not exist, in Redis and in the ledger's mirror: no entry tells of it."""
    await shop.servers.redis.command("HINCRBY", keys.record(sale_id), "available:LAMP-1", 1)
    await shop.servers.database.execute(
        "update item set mirror = mirror + 1 where sale_id = $1", sale_id
    )


async def test_a_drift_is_explained_and_mended_when_asked_to(
    shop: KeptShop, operator: Terminal
) -> None:
    sale_id = await shop.sell(10)
    assert (await shop.buy(sale_id, "ada", 2)).status == 201
    assert (await operator.run("mend", sale_id)).lines == [f"{sale_id}: nothing to mend"]
    await put_too_much_on_sale(shop, sale_id)

    told = await operator.run("audit", sale_id)
    said = " ".join(" ".join(told.lines).split())
    assert told.status == 1
    assert SAYS in said
    assert "units are on sale that do not exist" in said

    rehearsed = await operator.run("mend", sale_id, "--json")
    assert rehearsed.status == 1
    (correction,) = document(rehearsed)["corrections"]
    assert (correction["kind"], correction["before"], correction["after"]) == ("stock", 9, 8)
    assert rehearsed.lines[-1] == "Nothing was changed: this is what --do would do."
    assert await shop.stock(sale_id) == {"LAMP-1": 9}

    refused = await operator.run("mend", sale_id, "--do")
    assert refused.lines == ["doorbuster: --do needs a --reason, for the record"]
    mended = await operator.run("mend", sale_id, "--do", "--reason", "a slip of the hand")
    assert (mended.status, mended.lines[-1]) == (0, f"{sale_id}: corrected: 1")
    assert await shop.stock(sale_id) == {"LAMP-1": 8}
    await shop.audited(sale_id)


async def test_alarms_are_listed_until_they_are_acknowledged(
    shop: KeptShop, operator: Terminal
) -> None:
    sale_id = await shop.sell()
    await raise_alarm(shop.servers.database, sale_id, AlarmKind.ROLLED_BACK, "a test")
    (alarm,) = document(await operator.run("alarm", "list", sale_id, "--json"))
    assert (alarm["kind"], alarm["what"]) == ("rolled-back", "a test")
    known = await operator.run("alarm", "acknowledge", str(alarm["id"]))
    assert known.lines[0].startswith(f"{alarm['id']}: acknowledged by cli:")
    assert (await operator.run("alarm", "list", sale_id)).lines == ["no alarm is open"]
    (alarm,) = document(await operator.run("alarm", "list", sale_id, "--all", "--json"))
    assert alarm["acknowledged_by"].startswith("cli:")
    nothing = await operator.run("alarm", "acknowledge", "999999")
    assert (nothing.status, nothing.lines) == (1, ["doorbuster: there is no alarm 999999"])


async def test_parked_records_are_dealt_with(shop: KeptShop, operator: Terminal) -> None:
    sale_id = await shop.sell()
    for subject in ("2a97516c-472a-8b3d-8b6b-dd67fd29f792", "2a97516c-472a-8b3d-8b6b-dd67fd29f793"):
        await shop.servers.database.execute(
            "insert into parked (sale_id, kind, subject, record, reason) "
            "values ($1, 'context', $2, 'no JSON', 'a test')",
            sale_id,
            subject,
        )
    first, second = [each.id for each in await list_parked(shop.servers.database, sale_id=sale_id)]
    listed = document(await operator.run("parked", "list", sale_id, "--json"))
    assert [each["id"] for each in listed] == [first, second]
    shown = await operator.run("parked", "show", str(first))
    assert "record: no JSON" in shown.lines
    refused = await operator.run("parked", "retry", str(first))
    assert refused.status == 1
    assert refused.lines[0].startswith(f"doorbuster: {first} stays parked: ")
    done = await operator.run("parked", "discard", str(first), "--reason", "a broken client")
    assert done.lines[0].startswith(f"{first}: discarded by cli:")
    (left,) = document(await operator.run("parked", "list", sale_id, "--json"))
    assert left["id"] == second
    nothing = await operator.run("parked", "show", "999999")
    assert nothing.lines == ["doorbuster: nothing is parked as 999999"]


async def test_the_last_audits_are_shown(shop: KeptShop, operator: Terminal) -> None:
    """Of a draft, which no reconciler audits beside this test."""
    sale_id, database = await shop.draft(10), shop.servers.database
    nothing = await operator.run("audit", sale_id, "--last")
    assert (nothing.status, nothing.lines) == (0, ["no reconciler has audited anything yet"])
    await keep_audit(database, sale_id, BOOKS, milliseconds=12.5, alarm="a test")
    await keep_failure(database, sale_id, "the ledger was behind", milliseconds=2000)
    ended = await operator.run("audit", sale_id, "--last", "--json")
    assert ended.status == 1
    failed, kept = document(ended)
    assert (failed["outcome"], failed["why"]) == ("impossible", "the ledger was behind")
    assert (kept["outcome"], kept["books"]["sums"]["held"]) == ("drift", 2)
    said = " ".join((await operator.run("audit", sale_id, "--last")).lines)
    assert SAYS in said
    assert "units are on sale that do not exist" in " ".join(said.split())
