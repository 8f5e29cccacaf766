"""Who runs on a GPU, from /proc: right, or not at all."""

import os
import pwd
from pathlib import Path

import pytest

from pod.driver import ProcessRow
from pod.gpu import GpuProcess
from pod.processes import HOST_PID_NAMESPACE, PAGE_BYTES, TICKS_PER_S, ProcessDetails, _merge


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc outside any container, with process 41."""
    folder = tmp_path / "proc"
    (folder / "self/ns").mkdir(parents=True)
    (folder / "self/ns/pid").symlink_to(HOST_PID_NAMESPACE)
    (folder / "stat").write_text("cpu 1 2 3\nbtime 1700000000\n")
    add(folder, 41, "python", ["python", "train.py", "--token", "hf_abcdefgh12345678"], start_ticks=500, pages=10)
    return folder


def add(proc: Path, pid: int, name: str, command: list[str], start_ticks: int = 500, pages: int = 10) -> None:
    """Write what the kernel shows of a process."""
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    words = ["S", *["0"] * 18, str(start_ticks), "0", str(pages)]
    (folder / "stat").write_text(f"{pid} ({name}) {' '.join(words)}\n")
    (folder / "cmdline").write_bytes(b"\0".join(word.encode() for word in command) + b"\0")
    (folder / "fd").mkdir(exist_ok=True)


def test_process_is_introduced(proc: Path) -> None:
    """User, name, redacted command, memory and start come from /proc."""
    details = ProcessDetails(proc).look_up(41)

    assert details is not None
    assert pwd.getpwuid(os.getuid()).pw_name == details.person.user
    assert ("python", "python train.py --token [redacted]") == (details.person.name, details.person.command)
    assert (10 * PAGE_BYTES, 1700000000 + 500 / TICKS_PER_S) == (details.resident_bytes, details.started_at)


def test_name_with_blanks_and_parentheses_is_read(proc: Path) -> None:
    """A process may call itself `a) (b c`."""
    add(proc, 42, "a) (b c", ["x"])
    details = ProcessDetails(proc).look_up(42)

    assert details is not None
    assert "a) (b c" == details.person.name


def test_number_that_is_used_again_is_another_process(proc: Path) -> None:
    """When a pid's start time changes, it is looked up anew."""
    details = ProcessDetails(proc)
    details.look_up(41)
    add(proc, 41, "bash", ["bash"], start_ticks=900)
    again = details.look_up(41)

    assert again is not None
    assert "bash" == again.person.command


def test_process_that_is_gone_is_unknown(proc: Path) -> None:
    """A pid without a folder gives nothing."""
    assert ProcessDetails(proc).look_up(4711) is None


def test_host_pid_in_a_container_is_not_taken_for_ours(proc: Path, tmp_path: Path) -> None:
    """In a container with a real driver, a process that provably holds no GPU open is somebody else's number."""
    (proc / "self/ns/pid").unlink()
    (proc / "self/ns/pid").symlink_to("pid:[4026532999]")
    devices = tmp_path / "dev"
    devices.mkdir()
    (devices / "nvidiactl").touch()
    (proc / "41/fd/0").symlink_to("/dev/null")
    add(proc, 42, "vllm", ["vllm"])
    (proc / "42/fd/7").symlink_to("/dev/nvidia0")
    details = ProcessDetails(proc, devices)

    assert details.look_up(41) is None
    assert details.look_up(42) is not None


def test_process_listed_twice_counts_its_memory_once() -> None:
    """A process that computes and draws is one process of type C+G."""
    first = _merge(None, ProcessRow(41, 2 << 20, None), "C")

    assert GpuProcess(41, "C+G", 2.0, None) == _merge(first, ProcessRow(41, 2 << 20, None), "G")
    assert GpuProcess(41, "G", None, None) == _merge(None, ProcessRow(41, None, None), "G")
