"""`doorbuster doctor`: can these servers keep what Doorbuster promises?"""

from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check both servers, the clocks and what the reconcilers keep; say what to do about it.

    It changes nothing but a key of its own, doorbuster:doctor, which it removes. It exits 1 where
    there is a fault; warnings are allowed.
    """
    from doorbuster.doctor.examination import examine
    from doorbuster.doctor.report import is_healthy, print_report
    from doorbuster.progress import run
    from doorbuster.settings import load

    findings = run(examine(load()), "examining")
    print_report(findings, as_json=as_json)
    if not is_healthy(findings):
        raise typer.Exit(1)
