"""A child gets its settings from its parent, and from nowhere else."""

import sys
from pathlib import Path

import pytest

from doorbuster.process import run
from doorbuster.python_child import PythonChild, inherited
from doorbuster.settings import Settings, as_environment


def test_no_setting_of_ours_or_of_postgres_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOORBUSTER_PORT", "doorbuster_host", "PGPASSWORD", "PGOPTIONS"):
        monkeypatch.setenv(name, "surprise")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    assert "surprise" not in inherited().values()
    assert inherited()["HTTPS_PROXY"] == "http://proxy.example"


async def test_it_imports_what_its_parent_imports_wherever_that_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('the wrong typer')")
    monkeypatch.chdir(tmp_path)
    settings = as_environment(Settings.model_construct())
    child = PythonChild(name="help", arguments=["gateway", "--help"], settings=settings)
    command = await child.prepare()
    assert command.argv[0] == sys.executable
    await run(command)
