"""Runs a rush for the command line: finds the gateway, shows it, sums it up, audits."""

import asyncio
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from doorbuster import connection
from doorbuster.addresses import find_addresses
from doorbuster.audit_report import audit_sales
from doorbuster.development import token_for
from doorbuster.faults import NoServers, NotDone
from doorbuster.rush.plan import Plan
from doorbuster.servers import connected
from doorbuster.settings import Settings, load


def run_and_report(
    plan: Plan, *, url: str | None, key_file: Path | None, plot: Path | None, as_json: bool
) -> bool | None:
    """Run it, and return the audit's verdict; None where there was nothing to audit with.

    Raises NotDone, and the faults of the servers that are audited.
    """
    settings = load()
    found_url, key = _gateway(settings, url, key_file)
    storming = storm(plan, settings, found_url, key, plot=plot, as_json=as_json)
    return asyncio.run(storming)


async def storm(
    plan: Plan,
    settings: Settings,
    url: str,
    settle_key: str | None,
    *,
    plot: Path | None = None,
    as_json: bool = False,
) -> bool | None:
    """Let the crowd come, print what came of it, and return the audit's verdict.

    Raises as `run_and_report` does.
    """
    if find_spec("aiohttp") is None:
        raise NotDone("a rush needs the client: pip install 'doorbuster[client]'")
    from doorbuster.rush.plot import draw  # noqa: PLC0415 (they need the client)
    from doorbuster.rush.progress import shown  # noqa: PLC0415
    from doorbuster.rush.rush import Place, rush  # noqa: PLC0415
    from doorbuster.rush.summary import print_summary, summarize  # noqa: PLC0415
    from doorbuster.rush.tally import Tally  # noqa: PLC0415

    console, tally = Console(), Tally()
    place = Place(url=url, settle_key=settle_key, token_of=lambda name: token_for(name, settings))
    with shown(plan, tally, Console(stderr=True) if as_json else console):
        began = time.monotonic()
        await rush(plan, place, tally)
        seconds = time.monotonic() - began
    clean = await _audit(settings, plan.sale_id)
    summary = summarize(plan, tally, seconds=seconds, clean=clean)
    print_summary(summary, console, as_json=as_json)
    if plot is not None:
        await asyncio.to_thread(plot.write_text, draw(plan, tally), encoding="utf-8")
    return clean


def _gateway(settings: Settings, url: str | None, key_file: Path | None) -> tuple[str, str | None]:
    """Its address, and the key to pay with: those of `up` where none are named."""
    up = connection.read(settings.state_dir) if url is None or key_file is None else None
    key = key_file.read_text().strip() if key_file else None
    if url is not None:
        return url.rstrip("/"), key
    if up is None:
        where = settings.state_dir
        raise NotDone(f"which gateway? No `doorbuster up` has run in {where}: name one with --url")
    return up.url, key or up.settle_key


async def _audit(settings: Settings, sale_id: str) -> bool | None:
    with suppress(NoServers):
        async with connected(find_addresses(settings), "auditing") as servers:
            return all(each.clean for each in await audit_sales(servers, sale_id))
    return None
