"""connection.json is read back as it was written, by its owner alone."""

import stat
from pathlib import Path

import pytest

from doorbuster import connection
from doorbuster.connection import Connection
from doorbuster.faults import StateFolderFault

WRITTEN = Connection(
    url="http://127.0.0.1:8000",
    redis_url="unix:///state/valkey.sock",
    database_url="postgresql:///doorbuster?host=/state",
    admin_key="dbk_a",
    settle_key="dbk_s",
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    connection.write(WRITTEN, state_dir=tmp_path)
    assert connection.read(tmp_path) == WRITTEN


def test_only_the_owner_can_read_it_and_no_draft_is_left(tmp_path: Path) -> None:
    path = connection.write(WRITTEN, state_dir=tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_readable_file_of_before_does_not_stay_readable(tmp_path: Path) -> None:
    path = tmp_path / connection.FILE_NAME
    path.write_text("{}")
    path.chmod(0o644)
    connection.write(WRITTEN, state_dir=tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_file_is_no_connection(tmp_path: Path) -> None:
    assert connection.read(tmp_path / "absent") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"url": 1'])
def test_a_damaged_file_is_a_fault_of_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / connection.FILE_NAME).write_text(text)
    with pytest.raises(StateFolderFault, match="is damaged"):
        connection.read(tmp_path)
