"""The state folder is its owner's alone, one `up` holds it, and its secret is made once."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from doorbuster import state_folder
from doorbuster.faults import StateFolderFault


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with state_folder.opened(tmp_path / "deep" / "state") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_one_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    with state_folder.opened(tmp_path):
        second = state_folder.opened(tmp_path)
        with pytest.raises(StateFolderFault, match="another"):
            second.__enter__()
    with state_folder.opened(tmp_path):
        pass


def test_who_was_killed_holds_nothing(tmp_path: Path) -> None:
    holder = f"""
import os, signal
from pathlib import Path
from doorbuster.state_folder import opened
with opened(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", holder], check=False)
    assert killed.returncode == -9
    with state_folder.opened(tmp_path):
        pass


def test_the_secret_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "key"
    secret = state_folder.secret_in(file)
    assert state_folder.secret_in(file) == secret
    assert state_folder.secret_in(tmp_path / "other") != secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(secret) >= 64  # bytes enough for every HMAC algorithm (RFC 7518, section 3.2)
