"""`python -m chaos`: hurt a shop for a while, and say whether it kept its promises."""

import argparse
import asyncio
import random
import sys
from pathlib import Path

from chaos.evidence import describe, tally, write
from chaos.kept import check_again
from chaos.menus import MENUS
from chaos.outcome import WORKERS, Plan
from chaos.run import run
from chaos.tally import Total


def main() -> int:
    """Run one level, print what was found, and fail if something does not hold."""
    options = _parser().parse_args()
    if options.again:
        return _again(options.again)
    total = Total()
    for number in range(options.runs):
        plan = _plan(options, options.seed + number, total)
        print(f"level {plan.level}, seed {plan.seed}", flush=True)
        outcome = asyncio.run(run(plan, _folder(options.keep, plan)))
        total = Total(runs=[*total.runs, tally(outcome)])
        section = describe(plan.level, _command(options), total)
        print(section, *outcome.said[:20], sep="\n", flush=True)
        if options.evidence:
            write(section, options.evidence)
        if outcome.violations or (options.enough and not total.missing):
            break
    return bool(total.violations)


def _again(folder: Path) -> int:
    """Check a run that was kept."""
    outcome = check_again(folder)
    total = Total(runs=[tally(outcome)])
    print(describe(outcome.plan.level, f"python -m chaos --again {folder}", total))
    return bool(total.violations)


def _plan(options: argparse.Namespace, seed: int, before: Total) -> Plan:
    return Plan(
        level=options.level,
        seed=seed,
        seconds=options.seconds,
        workers=options.workers,
        only=tuple(options.only),
        enough=before.is_enough_with if options.enough else None,
    )


def _folder(keep: Path | None, plan: Plan) -> Path | None:
    return keep / str(plan.seed) if keep else None


def _command(options: argparse.Namespace) -> str:
    """What repeats the runs."""
    words = [f"--{name} {getattr(options, name)}" for name in ("level", "seed", "runs", "workers")]
    words.append(f"--seconds {options.seconds:g}")
    words += ["--enough"] if options.enough else []
    words += [f"--only {' '.join(map(repr, options.only))}"] if options.only else []
    return " ".join(["python -m chaos", *words])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--level", choices=list(MENUS), default="fsync")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--runs", type=int, default=1, help="at most, each with the next seed")
    parser.add_argument("--seconds", type=float, default=20.0, help="of faults in a run")
    parser.add_argument("--enough", action="store_true", help="end with enough for the claim")
    parser.add_argument("--workers", type=int, default=WORKERS, help="customers at a time")
    parser.add_argument("--only", nargs="*", default=(), help="names of faults; otherwise all")
    parser.add_argument("--keep", type=Path, help="folder for logs and histories, one a seed")
    parser.add_argument("--again", type=Path, help="such a folder of a seed: only check it again")
    parser.add_argument("--evidence", type=Path, help="file to write the section of the level to")
    return parser


if __name__ == "__main__":
    sys.exit(main())
