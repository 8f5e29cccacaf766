"""One run at a time: the second is told who has the lock, and a process that died has it no more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.services.deploy.folder import folder_of
from app.services.deploy.lock import HeldError, holder, locked

HOLD = """
import sys, time
from pathlib import Path
from app.services.deploy.folder import folder_of
from app.services.deploy.lock import locked
with locked(folder_of(Path(sys.argv[1]), "lab"), "deploy"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    """Also within one process, where a screen may run two verbs."""
    folder = folder_of(tmp_path, "lab")

    with locked(folder, "deploy"):
        assert f"process {os.getpid()} (deploy)" == holder(folder)
        with pytest.raises(HeldError, match=rf"process {os.getpid()} \(deploy\)"), locked(folder, "destroy"):
            pass

    assert "" == holder(folder)
    with locked(folder, "destroy"):
        pass


def test_nobody_holds_what_was_never_locked(tmp_path: Path) -> None:
    """A deployment without a lock file is worked on by nobody."""
    assert "" == holder(folder_of(tmp_path, "lab"))


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """The kernel gives the lock back with its process, whatever stands in the file."""
    folder = folder_of(tmp_path, "lab")
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    during = holder(folder)
    child.kill()
    child.wait()
    child.stdout.close()

    assert f"process {child.pid} (deploy)" == during
    assert "" == holder(folder)
