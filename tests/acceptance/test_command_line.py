"""The command line, as an operator meets it: what is said twice, what cannot be, what is away."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio
from kept_shop import KeptShop, is_problem, until_true
from terminal import Terminal, terminal

pytestmark = pytest.mark.asyncio(loop_scope="module")

AWAY = {
    "redis": {"DOORBUSTER_REDIS_URL": "redis://127.0.0.1:1"},
    "postgres": {"DOORBUSTER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"},
}


def file_of(folder: Path, **fields: Any) -> tuple[str, str]:
    """A sale's file, and the sale's id."""
    items = [{"sku": "LAMP-1", "price": 1999, "units": 10}]
    sale = {"id": f"sale-{uuid4().hex[:12]}", "items": items, **fields}
    file = folder / f"{uuid4().hex}.json"
    file.write_text(json.dumps(sale))
    return str(file), str(sale["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(shop: KeptShop) -> AsyncIterator[Terminal]:
    async with terminal(shop.settings) as operator:
        yield operator


async def said(operator: Terminal, *words: str) -> str:
    """All that a command prints when it is done."""
    ended = await operator.run(*words)
    assert ended.status == 0, ended
    return "\n".join(ended.lines)


async def complaints(
    operator: Terminal, *words: str, status: int = 1, **settings: str
) -> list[str]:
    """What a command says that cannot do what it was told: a line for each reason."""
    ended = await operator.run(*words, **settings)
    assert ended.status == status, ended
    assert all(line.startswith("doorbuster: ") for line in ended.lines), ended
    return [line.removeprefix("doorbuster: ") for line in ended.lines]


async def shown(operator: Terminal, sale_id: str) -> Any:
    return json.loads(await said(operator, "sale", "show", sale_id, "--json"))


# What is said twice


async def test_a_sale_is_created_once(operator: Terminal, tmp_path: Path) -> None:
    file, sale_id = file_of(tmp_path, name="Friday")
    assert await said(operator, "sale", "create", file) == f"{sale_id}: created"
    assert await said(operator, "sale", "create", file) == f"{sale_id}: unchanged"
    another, _ = file_of(tmp_path, id=sale_id, name="Saturday")
    (line,) = await complaints(operator, "sale", "create", another)
    assert line == f"there is another sale called {sale_id}"
    report = await shown(operator, sale_id)
    assert (report["name"], report["state"], report["version"]) == ("Friday", "draft", 0)
    assert await said(operator, "sale", "open", sale_id) == f"{sale_id}: open: changed"
    assert await said(operator, "sale", "create", file) == f"{sale_id}: unchanged"
    assert (await shown(operator, sale_id))["state"] == "open"


async def test_every_act_is_done_once(shop: KeptShop, operator: Terminal) -> None:
    sale_id = await shop.draft(10)
    for act, state in [
        ("open", "open"),
        ("pause", "paused"),
        ("resume", "open"),
        ("close", "closed"),
    ]:
        assert await said(operator, "sale", act, sale_id) == f"{sale_id}: {act}: changed"
        report = await shop.report(sale_id)
        assert report.state == state
        assert await said(operator, "sale", act, sale_id) == f"{sale_id}: {act}: unchanged"
        assert await shop.report(sale_id) == report
    for act in ("open", "pause", "resume"):
        (line,) = await complaints(operator, "sale", act, sale_id)
        assert line == f"sale {sale_id} is closed: it cannot {act}"


async def test_units_are_granted_and_taken_out_once(shop: KeptShop, operator: Terminal) -> None:
    sale_id = await shop.sell(10)
    assert (await shop.buy(sale_id, "mia", 4)).status == 201

    async def grant(delta: str, reason: str) -> str:
        return await said(operator, "sale", "grant", sale_id, "LAMP-1", delta, "--reason", reason)

    assert await grant("5", "found") == f"{sale_id}: LAMP-1 +5: changed"
    assert "unchanged" in await grant("5", "found")
    assert await shop.stock(sale_id) == {"LAMP-1": 11}
    assert "+5: changed" in await grant("5", "found more")
    assert await grant("-3", "broken") == f"{sale_id}: LAMP-1 -3: changed"
    assert "unchanged" in await grant("-3", "broken")
    assert await shop.stock(sale_id) == {"LAMP-1": 13}

    too_many = ("sale", "grant", sale_id, "LAMP-1", "-14", "--reason", "all")
    assert await complaints(operator, *too_many) == [
        "LAMP-1 has 13 units left: nothing was taken out"
    ]
    nothing = ("sale", "grant", sale_id, "LAMP-1", "0", "--reason", "none")
    assert await complaints(operator, *nothing) == ["a grant of 0 units changes nothing"]
    assert await shop.stock(sale_id) == {"LAMP-1": 13}
    item = (await shown(operator, sale_id))["items"][0]
    assert (item["granted"], item["taken"], item["available"]) == (17, 4, 13)
    await said(operator, "audit", sale_id)


async def test_what_is_shown_is_json_where_that_is_asked_for(
    shop: KeptShop, operator: Terminal, tmp_path: Path
) -> None:
    items = [
        {"sku": "MUG", "name": "Mug", "price": 999, "units": 3, "limit_per_customer": 2},
        {"sku": "LAMP-1", "price": 1999, "units": 10},
    ]
    opens_at, closes_at = "2026-01-01T09:00:00+00:00", "2999-01-01T09:00:00+00:00"
    file, sale_id = file_of(
        tmp_path, name="Friday", items=items, opens_at=opens_at, closes_at=closes_at,
        hold_seconds=60, currency="CHF",
    )  # fmt: skip
    await said(operator, "sale", "create", file)
    await shop.act(sale_id, "open")
    report = await shown(operator, sale_id)
    assert report == {
        "id": sale_id,
        "name": "Friday",
        "state": "open",
        "opens_at": opens_at,
        "closes_at": closes_at,
        "hold_seconds": 60,
        "max_hold_seconds": 120,
        "currency": "CHF",
        "epoch": report["epoch"],
        "version": report["version"],
        "items": [
            {
                "sku": "LAMP-1", "name": "LAMP-1", "price": 1999, "limit_per_customer": 0,
                "granted": 10, "taken": 0, "held": 0, "paid": 0, "returning": 0, "arriving": 0,
                "available": 10,
            },
            {
                "sku": "MUG", "name": "Mug", "price": 999, "limit_per_customer": 2,
                "granted": 3, "taken": 0, "held": 0, "paid": 0, "returning": 0, "arriving": 0,
                "available": 3,
            },
        ],
    }  # fmt: skip
    table = await said(operator, "sale", "show", sale_id)
    audits = await said(operator, "audit", sale_id, "--json")
    assert all(word in table for word in (sale_id, "Friday", "LAMP-1", "MUG", "CHF"))
    (audit,) = json.loads(audits)
    assert audit["clean"] is True
    assert {finding["invariant"] for finding in audit["findings"]} == {
        "I1", "I2", "I5", "I6", "I7", "I13"
    }  # fmt: skip


async def test_a_sale_changes_in_the_words_of_its_file(
    shop: KeptShop, operator: Terminal, tmp_path: Path
) -> None:
    sale_id, file = await shop.draft(10), tmp_path / "change.json"

    async def change(**fields: Any) -> tuple[str, ...]:
        file.write_text(json.dumps(fields))
        return ("sale", "change", sale_id, str(file))

    everything = await change(name="Friday", hold_seconds=60, max_hold_seconds=90)
    assert await said(operator, *everything) == f"{sale_id}: change: changed"
    assert await said(operator, *everything) == f"{sale_id}: change: unchanged"
    report = await shown(operator, sale_id)
    assert (report["name"], report["hold_seconds"]) == ("Friday", 60)
    listed = json.loads(await said(operator, "sale", "list", "--state", "draft", "--json"))
    assert sale_id in {each["id"] for each in listed}

    await shop.act(sale_id, "open")
    (line,) = await complaints(operator, *await change(hold_seconds=5))
    assert line == "of an opened sale hold_seconds cannot be changed"
    (line,) = await complaints(operator, *await change(colour="red"), status=2)
    assert line.startswith(f"{file}: colour: ")
    (line,) = await complaints(operator, *await change(closes_at="1999-01-01T00:00:00Z"), status=2)
    assert line.startswith(f"{sale_id}: closes_at is not after opens_at")
    later = await change(opens_at="2999-01-01T00:00:00Z")
    assert await said(operator, *later) == f"{sale_id}: change: changed"
    assert (await shown(operator, sale_id))["state"] == "scheduled"
    changes = json.loads(await said(operator, "acts", sale_id, "--json"))
    assert [each["what"] for each in changes] == [
        "sale.change", "sale.open", "sale.change", "sale.create"
    ]  # fmt: skip
    assert changes[0]["actor"].startswith("cli:")


async def test_reservations_are_found_by_sale_and_by_customer(
    shop: KeptShop, operator: Terminal
) -> None:
    sale_id, customer = await shop.sell(10), f"mia-{uuid4().hex[:6]}"
    reservation = (await shop.buy(sale_id, customer, 2)).body["id"]
    by_sale = ("reservation", "list", sale_id, "--state", "held", "--json")

    async def is_known() -> bool:
        return bool(json.loads(await said(operator, *by_sale)))

    await until_true(is_known)
    by_customer = ("reservation", "list", "--customer", customer, "--json")
    one = json.loads(await said(operator, "reservation", "show", reservation, "--json"))
    for words in (by_sale, by_customer):
        (found,) = json.loads(await said(operator, *words))
        assert {**found, "server_time": None} == {**one, "server_time": None}
    assert one["customer"] == {"issuer": "doorbuster", "subject": customer}
    table = await said(operator, "reservation", "show", reservation)
    assert f"customer: {customer}" in table
    assert await complaints(operator, "reservation", "list") == ["name a sale or a --customer"]
    unknown = str(uuid4())
    (line,) = await complaints(operator, "reservation", "show", unknown)
    assert line == f"the ledger has no reservation {unknown}"


async def test_products_are_imported_and_listed(operator: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    skus = [f"CLI-{uuid4().hex[:8]}" for _ in range(2)]
    file.write_text(f"sku,name,price\n{skus[0]},Lamp,5\n{skus[1]},,7\n")
    assert await said(operator, "product", "import", str(file)) == (
        "2 created, 0 changed, 0 unchanged"
    )
    assert await said(operator, "product", "import", str(file)) == (
        "0 created, 0 changed, 2 unchanged"
    )
    listed = json.loads(await said(operator, "product", "list", "--sort", "-price", "--json"))
    prices = {each["sku"]: each["price"] for each in listed}
    assert (prices[skus[0]], prices[skus[1]]) == (5, 7)
    assert list(prices.values()) == sorted(prices.values(), reverse=True)


# Keys


async def test_a_key_is_good_until_it_is_revoked(shop: KeptShop, operator: Terminal) -> None:
    name, path = f"till-{uuid4().hex}", "/v1/reservations/2a97516c-472a-8b3d-8b6b-dd67fd29f792"
    key = await said(operator, "key", "create", name)
    assert key.startswith("dbk_")
    assert is_problem(await shop.send("GET", path, token=key), 404, "unknown-reservation")
    assert await complaints(operator, "key", "create", name) == [
        f"there is a key called {name} already"
    ]
    listed = await said(operator, "key", "list", "--json")
    (entry,) = (each for each in json.loads(listed) if each["name"] == name)
    assert (entry["scope"], entry["revoked_at"]) == ("settle", None)
    assert key not in listed

    assert await said(operator, "key", "revoke", name) == f"{name}: revoked"
    await until_true(lambda: is_refused(shop, path, key), seconds=6)
    assert await complaints(operator, "key", "revoke", name) == [
        f"there is no key called {name} to revoke"
    ]
    listed = await said(operator, "key", "list", "--json")
    (entry,) = (each for each in json.loads(listed) if each["name"] == name)
    assert entry["revoked_at"] is not None


async def is_refused(shop: KeptShop, path: str, key: str) -> bool:
    answer = await shop.send("GET", path, token=key)
    return answer.status == 401


# What cannot be


async def test_what_does_not_exist_is_named(shop: KeptShop, operator: Terminal) -> None:
    sale_id = await shop.draft(1)
    for_sale = [("sale", act, "nothing") for act in ("open", "close", "show")]
    for_sale += [("sale", "grant", "nothing", "LAMP-1", d, "--reason", "x") for d in ("1", "-1")]
    for words in for_sale:
        assert await complaints(operator, *words) == ["there is no sale called nothing"]
    for delta in ("1", "-1"):
        words = ("sale", "grant", sale_id, "MUG", delta, "--reason", "x")
        assert await complaints(operator, *words) == [f"{sale_id} has no item MUG"]
    assert await complaints(operator, "audit", "nothing") == ["there is no sale called nothing"]


async def test_every_mistake_in_a_file_is_one_line(operator: Terminal, tmp_path: Path) -> None:
    mistakes = {
        "id": "a b",
        "hold_seconds": 0,
        "currency": "euro",
        "opens_at": "tomorrow",
        "colour": "red",
        "items": [{"sku": "LAMP 1", "price": -1, "units": "many"}, {"price": 1.5, "units": 1}],
    }
    file, _ = file_of(tmp_path, **mistakes)
    lines = await complaints(operator, "sale", "create", file, status=2)
    places = ["id", "hold_seconds", "currency", "opens_at", "colour"]
    places += ["items: 0: sku", "items: 0: price", "items: 0: units"]
    places += ["items: 1: sku", "items: 1: price"]
    for place in places:
        (line,) = (line for line in lines if line.startswith(f"{file}: {place}: "))
        assert len(line) < len(file) + 200
    assert len(lines) == len(places)


async def test_a_file_that_is_no_sale_is_one_line(operator: Terminal, tmp_path: Path) -> None:
    item = {"sku": "LAMP-1", "price": 1, "units": 1}
    broken = tmp_path / "broken.json"
    broken.write_bytes(b'{"id": "x", "items": [')
    files = {
        str(tmp_path / "nowhere.json"): "cannot read",
        str(tmp_path): "cannot read",
        str(broken): "Invalid JSON",
        file_of(tmp_path, items=[item, item])[0]: "LAMP-1 stands twice",
        file_of(tmp_path, items=[])[0]: "items: ",
        file_of(
            tmp_path, opens_at="2026-01-02T00:00:00Z", closes_at="2026-01-01T00:00:00Z"
        )[0]: "closes_at is not after opens_at",
    }  # fmt: skip
    for file, reason in files.items():
        (line,) = await complaints(operator, "sale", "create", file, status=2)
        assert reason in line
        assert "Value error" not in line


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Fri\0day"},
        {"opens_at": "0001-01-01T00:00:00+14:00"},
        {"opens_at": "9999-12-31T23:59:59-12:00"},
        {"items": [{"sku": "LAMP-1", "name": "La\0mp", "price": 1, "units": 1}]},
    ],
)
async def test_what_the_ledger_cannot_store_is_a_mistake_in_the_file(
    operator: Terminal, tmp_path: Path, fields: dict[str, Any]
) -> None:
    file, _ = file_of(tmp_path, **fields)
    (line,) = await complaints(operator, "sale", "create", file, status=2)
    assert line.startswith(f"{file}: ")


async def test_a_grant_that_cannot_be_counted_is_refused(
    shop: KeptShop, operator: Terminal
) -> None:
    """Redis' Lua counts in doubles: 2**62 units more would be off by some hundreds."""
    sale_id = await shop.sell()
    for delta in (10**30, -(10**30), 2**62):
        words = ("sale", "grant", sale_id, "LAMP-1", str(delta), "--reason", "x")
        ended = await operator.run(*words)
        assert ended.status == 2
        assert not any("Traceback" in line for line in ended.lines)
    assert await shop.stock(sale_id) == {"LAMP-1": 100}


# What is away


async def test_a_database_that_is_not_ready_is_named(
    shop: KeptShop, operator: Terminal, tmp_path: Path
) -> None:
    """As in the first minute of an installation: nobody has created it, or run `migrate`."""
    file, sale_id = file_of(tmp_path)
    ours = urlsplit(shop.settings["DOORBUSTER_DATABASE_URL"])
    for name, told in [("postgres", "is not ready: "), ("nowhere", "does not answer: ")]:
        away = {"DOORBUSTER_DATABASE_URL": ours._replace(path=f"/{name}").geturl()}
        for words in [("sale", "create", file), ("sale", "show", sale_id), ("key", "list")]:
            (line,) = await complaints(operator, *words, **away)
            assert line.startswith(f"Postgres {told}")


async def test_a_server_that_is_away_is_named(
    shop: KeptShop, operator: Terminal, tmp_path: Path
) -> None:
    sale_id, (file, _) = await shop.sell(), file_of(tmp_path)
    commands = [
        ("sale", "create", file),
        ("sale", "open", sale_id),
        ("sale", "show", sale_id),
        ("sale", "grant", sale_id, "LAMP-1", "1", "--reason", "x"),
        ("key", "list"),
        ("audit", sale_id),
        ("migrate",),
    ]
    for words in commands:
        (line,) = await complaints(operator, *words, **AWAY["postgres"])
        assert line.startswith("Postgres does not "), line
    for words in [("sale", "grant", sale_id, "LAMP-1", "-1", "--reason", "x"), ("audit", sale_id)]:
        (line,) = await complaints(operator, *words, **AWAY["redis"])
        assert line.startswith("Redis does not "), line


async def test_what_redis_has_left_is_not_guessed_at(shop: KeptShop, operator: Terminal) -> None:
    sale_id = await shop.sell()
    ended = await operator.run("sale", "show", sale_id, "--json", **AWAY["redis"])
    report = json.loads("\n".join(ended.lines))
    assert (ended.status, report["state"]) == (0, "open (not verified in Redis)")
    assert report["items"][0]["available"] is None


async def test_without_settings_the_missing_one_is_named(operator: Terminal) -> None:
    nowhere = {"DOORBUSTER_REDIS_URL": "", "DOORBUSTER_DATABASE_URL": ""}
    for words in [("sale", "show", "x"), ("key", "list"), ("audit",), ("migrate",)]:
        (line,) = await complaints(operator, *words, **nowhere)
        assert "_URL is not set" in line
