"""The benchmark's machinery, end to end and as short as it gets. No speed is asserted."""

import json
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from pathlib import Path

import pytest

CHECKOUT = {"accepted_per_s", "gateway_cpu_us", "open_per_s", "p50_ms", "p99_ms"}
SERVERS = {"redis_cpu_us", "postgres_cpu_us", "reconciler_cpu_us"}


@pytest.mark.proof
@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not on PATH")
async def test_a_suite_reports_every_figure_of_every_subject(tmp_path: Path) -> None:
    """The suite itself refuses a row in which told and taken do not add up."""
    rows = await bench("checkout", "--quick", folder=tmp_path)
    assert {row.pop("suite") for row in rows} == {"checkout"}
    figures = {row.pop("subject"): row for row in rows}
    assert figures.keys() == {"doorbuster, 20 requests a token", "hello, each token new"}
    assert figures["hello, each token new"].keys() == CHECKOUT
    assert figures["doorbuster, 20 requests a token"].keys() == CHECKOUT | SERVERS
    assert all(value > 0 for row in rows for value in row.values()), rows


async def bench(*arguments: str, folder: Path) -> list[dict[str, object]]:
    """The rows that a run writes."""
    file = folder / "rows.json"
    process = await create_subprocess_exec(
        sys.executable, "-m", "bench", *arguments, "--json", str(file), stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    rows: list[dict[str, object]] = json.loads(file.read_text())
    return rows
