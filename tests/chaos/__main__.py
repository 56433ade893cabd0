"""`python -m chaos`: hurt a shop for a while, and say whether it kept its promises."""

import argparse
import asyncio
import random
import sys
from pathlib import Path

from chaos.evidence import command, describe, write
from chaos.faults import MENUS
from chaos.run import WORKERS, Plan, run


def main() -> int:
    """Run one level, print what was found, and fail if something does not hold."""
    options = _parser().parse_args()
    plan = Plan(
        level=options.level,
        seed=options.seed,
        seconds=options.seconds,
        enough=options.enough,
        workers=options.workers,
        only=tuple(options.only),
    )
    print(f"level {plan.level}, seed {plan.seed}", flush=True)
    outcome = asyncio.run(run(plan, options.keep))
    print(describe(outcome))
    for line in outcome.said[:20]:
        print(line)
    if options.evidence:
        write(outcome, options.evidence)
    if outcome.violations:
        print(f"again: {command(outcome)}")
    return bool(outcome.violations)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--level", choices=list(MENUS), default="fsync")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--seconds", type=float, default=20.0, help="of faults")
    parser.add_argument("--enough", action="store_true", help="end with enough for the claim")
    parser.add_argument("--workers", type=int, default=WORKERS, help="customers at a time")
    parser.add_argument("--only", nargs="*", default=(), help="names of faults; otherwise all")
    parser.add_argument("--keep", type=Path, help="folder for logs and history")
    parser.add_argument("--evidence", type=Path, help="file to write the section of this run to")
    return parser


if __name__ == "__main__":
    sys.exit(main())
