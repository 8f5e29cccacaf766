"""Services without systemd: started once, started again, ended whole. Needs bash and flock, as every Linux has them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

SCRIPT = Path(__file__).parents[3] / "pod/setup/supervise.sh"


class Pen:
    """Where a test's services live."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        places = {name: str(folder / name.lower()) for name in ("RUN", "LOG", "STATE", "SECRETS")}
        self.environ = {
            "PATH": os.environ["PATH"],
            "GPU_WATCHDOG_MOST_LOG_BYTES": "1000",
            **{f"GPU_WATCHDOG_POD_{name}": place for name, place in places.items()},
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call the script."""
        return subprocess.run(
            ["bash", str(SCRIPT), *words], capture_output=True, text=True, env=self.environ, timeout=60, check=False
        )

    def start(self, *words: str) -> str:
        """Start the one service of these tests; what it answers."""
        done = self.run("start", "vllm", *words)
        assert 0 == done.returncode, done.stderr
        return done.stdout.strip()

    def status(self) -> dict[str, str]:
        """How it stands."""
        return dict(line.split("=", 1) for line in self.run("status", "vllm").stdout.splitlines())

    def until(self, key: str, value: str) -> dict[str, str]:
        """Wait for a state and return all of it."""
        deadline = monotonic() + 20
        while (found := self.status()).get(key) != value:
            assert monotonic() < deadline, found
        return found

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log/vllm.log").read_text()


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[Pen]:
    """A pen that is empty afterwards."""
    made = Pen(tmp_path)
    yield made
    made.run("stop", "vllm", "--stop-s", "1")


def is_alive(pid: str) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_service_is_started_once_and_again_only_with_another_command(pen: Pen) -> None:
    """The same command changes nothing, another one or another stamp replaces the process."""
    first = (pen.start("--", "sleep", "60"), pen.status()["pid"])
    same = (pen.start("--", "sleep", "60"), pen.status()["pid"])
    other = (pen.start("--", "sleep", "61"), pen.status()["pid"])
    stamped = (pen.start("--stamp", "b", "--", "sleep", "61"), pen.status()["pid"])

    assert ("changed=yes", "changed=no", "changed=yes", "changed=yes") == (first[0], same[0], other[0], stamped[0])
    assert first[1] == same[1]
    assert 3 == len({first[1], other[1], stamped[1]})
    assert not is_alive(first[1])


def test_service_that_ends_is_started_again_after_growing_pauses(pen: Pen) -> None:
    """Each end is counted and told in its log."""
    pen.start("--", "sh", "-c", "echo here; exit 3")
    pen.until("restarts", "2")

    assert "starting it again in 2 s" in pen.log
    assert pen.log.startswith("here\nsupervise: vllm ended with 3; starting it again in 1 s\nhere\n")


def test_asking_in_the_middle_of_a_start_disturbs_nothing(pen: Pen) -> None:
    """Whoever asks for the status holds the lock for a moment, and must not take a beginning for an end."""
    words = ["bash", str(SCRIPT), "status", "vllm"]

    for _ in range(4):
        asking = [subprocess.Popen(words, env=pen.environ, stdout=subprocess.DEVNULL) for _ in range(4)]
        pen.start("--", "sleep", "60")
        assert [0] * 4 == [process.wait(timeout=20) for process in asking]
        assert "running" == pen.status()["state"]
        pen.run("stop", "vllm")


def test_service_that_waits_is_started_at_once_when_asked_for(pen: Pen) -> None:
    """The pause is for nobody who has just mended what it failed for; the pauses begin anew."""
    pen.start("--", "sh", "-c", f"test -e {pen.folder}/mended && exec sleep 60; exit 3")
    pen.until("state", "waiting")
    (pen.folder / "mended").touch()

    answer = pen.start("--", "sh", "-c", f"test -e {pen.folder}/mended && exec sleep 60; exit 3")

    assert "changed=yes" == answer
    assert ("running", "0") == (pen.status()["state"], pen.status()["restarts"])


@pytest.mark.parametrize(("code", "state"), [("0", "stopped"), ("71", "failed")])
def test_service_that_means_its_end_is_left_alone(pen: Pen, code: str, state: str) -> None:
    """With 0 or a code that was named as final it is over, and its status says with what."""
    pen.start("--final", "64 71", "--", "sh", "-c", f"exit {code}")

    found = pen.until("state", state)

    assert (code, "0", "") == (found["exit"], found["restarts"], found["pid"])


def test_service_has_none_of_the_containers_secrets(pen: Pen) -> None:
    """The pod's own key and the hub's token are in no environment but that of who needs them."""
    pen.environ |= {"RUNPOD_API_KEY": "rpa_KEY", "HF_TOKEN": "hf_TOKEN", "RUNPOD_POD_ID": "pod1"}

    pen.start("--", "env")
    pen.until("state", "stopped")

    assert "pod1" in pen.log
    assert "KEY=" not in pen.log
    assert "TOKEN=" not in pen.log


def test_stop_ends_all_of_a_service_even_what_is_deaf(pen: Pen) -> None:
    """A child that hears no SIGTERM is killed after the time it has, with the group it is in."""
    pen.start("--stop-s", "1", "--", "bash", "-c", "trap '' TERM; echo $$; sleep 60 & echo $!; wait; sleep 60")
    deadline = monotonic() + 20
    while len(pen.log.splitlines()) < 2:
        assert monotonic() < deadline
    pids = pen.log.split()

    stopped = pen.run("stop", "vllm", "--stop-s", "1")

    assert 0 == stopped.returncode
    assert "stopped" == pen.status()["state"]
    assert [False, False] == [is_alive(pid) for pid in pids]


def test_supervisor_that_is_killed_is_noticed_and_its_orphan_ended(pen: Pen) -> None:
    """The status says failed; the next start ends what was left first."""
    pen.start("--", "sleep", "60")
    orphan = pen.status()["pid"]
    os.kill(int((pen.folder / "run/vllm.pid").read_text()), signal.SIGKILL)

    found = pen.until("state", "failed")
    was_alive = is_alive(orphan)
    started = pen.start("--", "sleep", "60")

    assert "failed" == found["state"]
    assert was_alive
    assert "changed=yes" == started
    assert not is_alive(orphan)


def test_log_that_has_grown_is_put_aside_at_the_next_start(pen: Pen) -> None:
    """The old one keeps its lines beside it, the new one begins empty."""
    (pen.folder / "log").mkdir()
    (pen.folder / "log/vllm.log").write_text("x" * 2000)

    pen.start("--", "sh", "-c", "echo new; exec sleep 60")
    deadline = monotonic() + 20
    while "new" not in pen.log:
        assert monotonic() < deadline

    assert "new\n" == pen.log
    assert "x" * 2000 == (pen.folder / "log/vllm.log.1").read_text()


def test_what_makes_no_sense_is_refused(pen: Pen) -> None:
    """A name that would be a path, no command, an unknown flag: 64, and a last line that says so."""
    for words in (
        ("start", "../x", "--", "true"),
        ("start", "vllm", "--"),
        ("start", "vllm", "--loud"),
        ("go", "vllm"),
    ):
        done = pen.run(*words)

        assert 64 == done.returncode, words
        assert done.stderr.splitlines()[-1].startswith("trouble: usage: ")
