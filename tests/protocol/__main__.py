"""Explores every scenario and every mutant, and writes the counts into docs/evidence.md."""

from evidence_page import write_section
from protocol.exploration import explore
from protocol.rules import EVERY_RULE
from protocol.scenarios import MOST_STATES, SCENARIOS, SHOWN_BY


def main() -> None:
    lines = ["| every state of | states | violations |", "|---|---:|---:|"]
    for name, scenario in SCENARIOS.items():
        explored = explore(scenario, EVERY_RULE, most=MOST_STATES)
        found = explored.violation or "0"
        lines.append(f"| {name} | {explored.states:,} | {found} |")
        print(lines[-1])
    lines += ["", "| left out | what then happens | after steps |", "|---|---|---:|"]
    for rule, name in SHOWN_BY.items():
        explored = explore(SCENARIOS[name], EVERY_RULE - {rule}, most=MOST_STATES)
        found = explored.violation or "**nothing: the mutant was not caught**"
        lines.append(f"| {rule} | {found} | {len(explored.path) - 1} |")
        print(lines[-1])
    write_section("The protocol, exhaustively", "make protocol", lines)


main()
