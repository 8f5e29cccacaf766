"""What is brought to a pod."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from app.services.deploy import bundle as module
from app.services.deploy.bundle import BundleError, bundle, fingerprint

ROOT = Path(__file__).parents[3]


def unpacked(folder: Path) -> Path:
    """The archive, as tar unpacks it on a pod."""
    subprocess.run(["tar", "-xzf", "-", "-C", str(folder), "--no-same-owner"], input=bundle(), check=True)
    return folder


def members() -> dict[str, tarfile.TarInfo]:
    """What is in it."""
    with tarfile.open(fileobj=io.BytesIO(bundle())) as archive:
        return {row.name: row for row in archive.getmembers()}


def test_same_files_give_the_same_bytes() -> None:
    """No time, owner or order of the file system is in it."""
    assert bundle() == bundle()


def test_it_holds_package_scripts_and_binding_and_nothing_else() -> None:
    """Scripts may be run, nothing belongs to anybody, nothing compiled is brought, no path leads outside."""
    found = members()

    assert {"pod", "setup", "pynvml.py"} == {name.partition("/")[0] for name in found}
    assert {"pod/exporter.py", "pod/watchdog.py", "pod/setup/install.sh", "pod/vllm/start.sh"} <= set(found)
    assert [] == [name for name in found if name.endswith(".pyc") or name.startswith("/") or ".." in name]
    assert {0o755} == {row.mode for name, row in found.items() if name.endswith(".sh")}
    assert {(0, 0, 0)} == {(row.uid, row.gid, row.mtime) for row in found.values()}


def test_it_is_small_enough_for_a_slow_line() -> None:
    """A quarter of a megabyte at most."""
    assert len(bundle()) < 250_000


def test_pod_tells_the_same_fingerprint(tmp_path: Path) -> None:
    """What the script prints where it was unpacked is what we say here, and another file is told."""
    there = unpacked(tmp_path)
    words = ["bash", str(there / "setup/fingerprint.sh")]
    environ = {"PATH": os.environ["PATH"]}

    same = subprocess.run(words, capture_output=True, text=True, env=environ, check=True).stdout.strip()
    (there / "pod/more.py").write_text("")
    other = subprocess.run(words, capture_output=True, text=True, env=environ, check=True).stdout.strip()

    assert fingerprint() == same
    assert same != other


def test_installation_without_the_scripts_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither half a bundle nor a traceback."""
    monkeypatch.setattr(module, "find_spec", lambda _: None)

    with pytest.raises(BundleError, match="pod"):
        bundle()
