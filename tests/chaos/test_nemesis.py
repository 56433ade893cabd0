"""The short form of `make chaos-long`: too short to prove anything, long enough to find much."""

import random
import sys
from pathlib import Path

import pytest
from chaos.evidence import describe, tally, write
from chaos.kept import check_again
from chaos.outcome import Plan
from chaos.run import run
from chaos.tally import Total

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(sys.platform != "linux", reason="files are bounded as only Linux can"),
]


# 20 seconds on a machine of its own: two servers of each kind start, and holds have to lapse.
@pytest.mark.timeout(240)
@pytest.mark.parametrize("level", ["fsync", "ledger"])
async def test_promises_are_kept(level: str, tmp_path: Path) -> None:
    plan = Plan(level=level, seed=random.randrange(1_000_000), seconds=4, workers=8)
    print(plan)
    outcome = await run(plan, tmp_path / "kept")
    assert outcome.violations == [], (plan, outcome.violations, tmp_path)
    assert outcome.history.orders > 0
    assert tally(check_again(tmp_path / "kept")) == tally(outcome)
    section = describe(level, "python -m chaos", Total(runs=[tally(outcome)]))
    assert "Void for the claim" in section
    evidence = tmp_path / "evidence.md"
    for _ in range(2):  # the second run of a level takes the place of the first
        write(section, evidence)
    assert evidence.read_text().count(f"## Nemesis at level `{level}`") == 1
