"""`doorbuster rush` sends a crowd to real processes, and counts what these really told it."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from kept_shop import KeptShop

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.timeout(120)
async def test_its_counts_are_the_ledgers(shop: KeptShop, tmp_path: Path) -> None:
    sale_id = await shop.sell({"LAMP-1": 40, "CHAIR": 5}, limit=2)
    key_file, plot = tmp_path / "till.key", tmp_path / "rush.svg"
    key_file.write_text(await shop.key("settle"))
    printed = await shop.command(
        "rush", "--json", "--sale", sale_id, "--url", url_of(shop), "--plot", str(plot),
        "--customers", "80", "--seconds", "0.5", "--seed", "5", "--settle-key-file", str(key_file),
    )  # fmt: skip
    summary = json.loads(printed)
    assert summary["clean"] is True
    assert summary["answers"]["admitted"] == summary["admitted"] == await orders(shop, sale_id)
    assert sum(summary["answers"].values()) == summary["checkouts"] > summary["customers"] == 80
    assert {"sold-out", "replayed"} <= summary["answers"].keys()
    assert sum(summary["holds"].values()) == summary["admitted"]
    for state in ("paid", "released"):
        assert summary["holds"][state] == await orders(shop, sale_id, state)
    assert ET.fromstring(plot.read_text()).tag.endswith("svg")  # noqa: S314 (we wrote it)


async def orders(shop: KeptShop, sale_id: str, state: str = "%") -> int:
    """How many reservations the ledger has; the rush's audit has waited until it had all."""
    rows = await shop.servers.database.rows(
        "select id from reservation where sale_id = $1 and state like $2", sale_id, state
    )
    return len(rows)


def url_of(shop: KeptShop) -> str:
    host, port = shop.address
    return f"http://{host}:{port}"


async def test_without_a_till_everything_lapses(shop: KeptShop) -> None:
    sale_id = await shop.sell(3)
    printed = await shop.command(
        "rush", "--json", "--sale", sale_id, "--url", url_of(shop),
        "--customers", "5", "--seconds", "0.1", "--releases", "0",
    )  # fmt: skip
    summary = json.loads(printed)
    assert summary["holds"] == {"left to expire": summary["admitted"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sale", "nothing-of-this-name"], "answers 404"),
        (["--url", "http://127.0.0.1:1"], "no gateway answers at http://127.0.0.1:1"),
        (["--bots", "0.6", "--impatient", "0.6"], "exceed 1"),
    ],
)
async def test_what_cannot_be_is_said(shop: KeptShop, words: list[str], said: str) -> None:
    status = 2 if "--bots" in words else 1
    where = [] if "--url" in words else ["--url", url_of(shop)]
    printed = await shop.command("rush", *where, *words, "--customers", "1", status=status)
    assert said in " ".join(printed.split()).replace("│ ", "").replace(" │", "")
