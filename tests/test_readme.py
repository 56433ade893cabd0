"""README.md is true: its commands exist, and what it shows is what happens."""

import asyncio
import json
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from buyer import events
from command_lines import check_doorbuster, check_make
from documents import PROJECT, README
from shop import Shop, running_shop, settings_for

from doorbuster import settings
from doorbuster.python_child import inherited

INSTALL, CHECKOUT, WATCH, CONFIRM, SERVICES, OPERATOR = README.blocks("sh")
SHOWN_ADDRESS = "http://127.0.0.1:8000"
CUT = "------"
# A stream has no end: curl leaves it after two seconds, and that is no failure here.
PRELUDE = """
set -euo pipefail
curl() { command curl -sS --max-time 2 "$@" || [ $? = 28 ]; }
PATH="$PWD/.venv/bin:$PATH"
"""

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl to paste into")


def command_lines() -> list[str]:
    """Every line of a shell block, with what it is continued on, and without here documents."""
    text = "\n".join(README.blocks("sh")).replace("\\\n", " ")
    text = re.sub(r"<<'END'\n.*?^END$", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("line", command_lines())
def test_each_line_is_a_command(line: str) -> None:
    for called in re.findall(r"\bdoorbuster [^)|]+", line) if "URL=" not in line else []:
        check_doorbuster(called)
    if line.startswith("make "):
        check_make(line)
    # Another word at the start is a command that nothing here has run.
    assert re.match(r"doorbuster |make |curl |export |cat |\. |[A-Z]+=\$\(doorbuster ", line), line


def test_folders_are_where_the_layout_says() -> None:
    (layout,) = [block for block in README.blocks("text") if "reconciler/" in block]
    for line in layout.splitlines():
        assert (PROJECT / line.split()[0]).is_dir(), line


def test_the_services_settings_are_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # away from the .env of whoever runs this
    exports = dict(re.findall(r"^export (\w+)=(.*)$", SERVICES, re.MULTILINE))
    for name, value in exports.items():
        monkeypatch.setenv(name, value)
    loaded = settings.as_environment(settings.load())
    assert {name: loaded[name] for name in exports} == exports


# What it shows, done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the reader stands, after `make up` has made a virtual environment."""
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "activate").touch()
    shim = programs / "doorbuster"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m doorbuster "$@"\n')
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    return tmp_path


async def pasted(text: str, folder: Path, environment: dict[str, str]) -> str:
    """Run it in a shell as its reader would, and return what it prints."""
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        PRELUDE + text,
        env={**inherited(), **environment},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await shell.communicate()
    assert shell.returncode == 0, out.decode() + error.decode()
    return out.decode()


def here(text: str, shop: Shop, sale_id: str) -> str:
    """The text with our gateway and our sale in place of those of `up`."""
    host, port = shop.addresses[0][:2]
    return text.replace(SHOWN_ADDRESS, f"http://{host}:{port}").replace("/demo/", f"/{sale_id}/")


@needs_curl
async def test_the_session_goes_as_it_is_shown(
    redis_url: str, database_url: str, sale_id: str, folder: Path
) -> None:
    environment = settings_for(redis_url, database_url, folder)
    async with running_shop(environment) as shop:
        demo = json.loads((PROJECT / "doorbuster/demo_sale.json").read_text())
        await shop.open_sale(folder, {**demo, "id": sale_id})
        await shows_the_checkout(shop, sale_id, folder)
        await shows_the_stream(shop, sale_id, folder)


async def shows_the_checkout(shop: Shop, sale_id: str, folder: Path) -> None:
    login, curl, rest = here(CHECKOUT, shop, sale_id).partition("curl ")
    first = curl + rest
    third = first.replace("my-first-cart", "another").replace('"quantity": 2', '"quantity": 1')
    told = await pasted(
        f"{login}{first}echo {CUT}\n{first}echo {CUT}\n{third}", folder, shop.settings
    )
    admitted, again, another = told.split(CUT)
    status, document = answer(admitted)
    shown_status, shown = answer(README.blocks("http")[0])
    assert status == shown_status
    assert document.keys() == shown.keys()
    same = ("state", "lines", "total", "currency", "version")
    assert [document[name] for name in same] == [shown[name] for name in same]

    assert again.strip().startswith("HTTP/1.1 200")
    assert "idempotency-replayed: true" in again
    assert answer(again)[1]["id"] == document["id"]

    _, refused = answer(another)
    assert refused == json.loads(README.blocks("json")[0])

    confirm = f"RESERVATION={document['id']}\n{here(CONFIRM, shop, sale_id)}"
    paid = json.loads(await pasted(confirm, folder, shop.settings))
    assert (paid["id"], paid["state"]) == (document["id"], "paid")


async def shows_the_stream(shop: Shop, sale_id: str, folder: Path) -> None:
    written = await pasted(here(WATCH, shop, sale_id), folder, shop.settings)
    (shown,) = [block for block in README.blocks("text") if block.startswith("retry:")]
    before, after = data_of(shown)
    snapshot = data_of(written)[0]  # a heartbeat may follow
    assert snapshot.keys() == before.keys() == after.keys()
    assert snapshot["items"] == after["items"]
    assert re.match(r"retry: \d+\nid: \d+-1\nevent: snapshot\n", written)


def answer(text: str) -> tuple[str, Any]:
    """The status line of what `curl -i` prints, and the JSON below the headers."""
    head, _, body = text.strip().replace("\r", "").partition("\n\n")
    return head.splitlines()[0], json.loads(body)


def data_of(text: str) -> list[Any]:
    return [json.loads(line) for line in re.findall(r"^data: (.*)$", text, re.MULTILINE)]


@pytest.mark.timeout(300)  # a dozen processes, one after the other
async def test_an_operator_can_do_all_of_it(
    redis_url: str, database_url: str, sale_id: str, folder: Path
) -> None:
    environment = settings_for(redis_url, database_url, folder)
    async with running_shop(environment, gateways=0) as shop:
        lines = OPERATOR.replace("friday", sale_id)
        said = await pasted("doorbuster migrate\n" + lines, folder, shop.settings)
        for done in ("created", "open: changed", "LAMP-1 +100: changed", "LAMP-1 -20: changed"):
            assert done in said
        assert "scheduled" in said
        assert "dbk_" in said


async def test_every_call_of_the_table_has_an_endpoint(
    redis_url: str, database_url: str, sale_id: str, tmp_path: Path
) -> None:
    environment = settings_for(redis_url, database_url, tmp_path)
    async with running_shop(environment) as shop:
        item = {"sku": "LAMP-1", "price": 1999, "units": 1}
        await shop.open_sale(tmp_path, {"id": sale_id, "items": [item]})
        for method, path in calls():
            await answers(shop, method, path.format(sale=sale_id, id="a-b", sku="LAMP-1"))


def calls() -> Iterator[tuple[str, str]]:
    """Each method and path of the table; a row may have several methods for its path."""
    for row in README.table("The HTTP interface"):
        named = re.findall(r"`([^`]+)`", row[0])
        path = named[-1].split()[-1]
        yield from ((each.split()[0], path) for each in named)


async def answers(shop: Shop, method: str, path: str) -> None:
    if path.startswith("/v1/sales") and path.endswith("/events"):
        first = await anext(events(shop.addresses[0], path))
        assert first.name == "snapshot"
        return
    host, port = shop.addresses[0]
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
        told = await client.request(method, path)
    is_there = told.status_code in {200, 401} or told.json()["code"] == "unknown-reservation"
    assert is_there, f"{method} {path}: {told}"
