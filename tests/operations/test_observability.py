"""Rules, dashboard and the page that describes the metrics fit what is really exported."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from documents import PROJECT, Document
from exported import families, gateway_page, reconciler_page, sample_names

from gateway import problems

RULES = PROJECT / "ops/prometheus/doorbuster.rules.yaml"
DASHBOARD = PROJECT / "ops/grafana/doorbuster.json"
METRICS = Document(PROJECT / "docs/operations/metrics.md")
METRIC = re.compile(r"\bdoorbuster_\w+")
OUTCOME = re.compile(r'outcome="([^"]*)"')
OUTCOMES = {"admitted", "replayed", "pending", "failed"} | {
    each.code for each in vars(problems).values() if isinstance(each, problems.Problem)
}
# What Grafana puts in.
VARIABLES = {"$gateways": ".*", "$reconcilers": ".*", "$__rate_interval": "1m"}


def alerts() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, object]]:
    return [each for each in json.loads(DASHBOARD.read_text())["panels"] if each["type"] != "row"]


def dashboard_expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def every_expression() -> list[str]:
    return [*(str(rule["expr"]) for rule in alerts()), *dashboard_expressions()]


@pytest.mark.parametrize("expression", every_expression())
def test_an_expression_asks_for_what_is_exported(expression: str) -> None:
    names = set(METRIC.findall(expression))
    assert names
    assert names <= sample_names()
    assert set(OUTCOME.findall(expression)) <= OUTCOMES


def test_the_dashboard_shows_everything_that_is_exported() -> None:
    shown = {name for text in dashboard_expressions() for name in METRIC.findall(text)}
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
    assert shown == set(families(gateway_page()) | families(reconciler_page()))


def test_the_dashboard_describes_each_panel_and_names_none_twice() -> None:
    assert all(panel["description"] for panel in panels())
    for of_each in ("id", "title"):
        found = [panel[of_each] for panel in panels()]
        assert len(set(found)) == len(found)


def test_panels_stand_in_a_grid_without_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_each_alert_leads_to_what_it_means_and_nothing_else_is_described() -> None:
    page = Document(PROJECT / "docs/operations/alerts.md")
    described = re.findall(r"^### (\w+)$", page.text, re.MULTILINE)
    assert described == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        link = rule["annotations"]["runbook_url"]
        assert link == f"docs/operations/alerts.md#{str(rule['alert']).lower()}"
        assert link.partition("#")[2] in page.anchors()
        assert rule["labels"]["severity"] in {"critical", "warning"}


@pytest.mark.parametrize(
    ("section", "page"), [("Of a gateway", gateway_page()), ("Of a reconciler", reconciler_page())]
)
def test_each_metric_is_described_with_its_type(section: str, page: str) -> None:
    described = {row[0].strip("`"): row[1] for row in METRICS.table(section)}
    assert described == families(page)


# What promtool says, of Debian's package `prometheus`


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not on PATH")
    return found


def run(*command: str, given: str | None = None) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_reads_the_rules(promtool: str) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(RULES))


def test_rules_fire_when_they_should(promtool: str) -> None:
    run(promtool, "test", "rules", str(Path(__file__).with_name("rules_test.yaml")))


def test_promtool_reads_what_the_dashboard_asks(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": filled_in(expression)}
        for number, expression in enumerate(dashboard_expressions())
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run(promtool, "check", "rules", str(file))


def filled_in(expression: str) -> str:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


@pytest.mark.parametrize("page", [gateway_page(), reconciler_page()], ids=["gateway", "reconciler"])
def test_promtool_finds_no_fault_with_the_names(promtool: str, page: str) -> None:
    run(promtool, "check", "metrics", given=page)
