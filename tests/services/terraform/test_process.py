"""Running a command that must not be killed in the middle: its signals, its output, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.services.deploy.ports import InfraError
from app.services.terraform.process import BOUNCE_S, HURRY_S, Patience, follow

ENVIRON = {"PATH": os.environ["PATH"]}
STUBBORN = """
trap 'n=$((n+1)); echo "SIGINT $n"; [ $n -ge {ends_at} ] && exit 1' INT
echo ready
while :; do sleep 0.02; done
"""


def test_patience_sends_one_interrupt_and_waits() -> None:
    """The first wish is a SIGINT; told twice at once it stays one; before the grace ends nothing is due."""
    patience = Patience(60.0)

    assert None is patience.due(1000.0)
    assert signal.SIGINT is patience.asked(0.0)
    assert None is patience.asked(BOUNCE_S / 2)
    assert None is patience.due(59.0)
    assert patience.was_asked


def test_patience_ends() -> None:
    """The grace over, or a second wish later on, is a second SIGINT; then it gets some seconds, then it is killed."""
    waited, asked = Patience(60.0), Patience(60.0)
    waited.asked(0.0)
    asked.asked(0.0)

    assert signal.SIGINT is waited.due(60.0)
    assert signal.SIGINT is asked.asked(2.0)
    assert None is waited.due(60.0 + HURRY_S / 2)
    assert signal.SIGKILL is waited.due(60.0 + HURRY_S)
    assert signal.SIGKILL is asked.asked(4.0)
    assert None is asked.due(9999.0)


class Lines(list[str]):
    """Lines as they come; `ready` is set with the first."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = asyncio.Event()

    def append(self, line: str) -> None:
        super().append(line)
        self.ready.set()


async def run(script: str, folder: Path, heard: list[str], grace_s: float = 5.0) -> tuple[int, str]:
    """Run a shell script and take its lines."""
    ended = await follow(
        ["sh", "-c", script], folder, ENVIRON, lambda line: heard.append(line.decode()), grace_s=grace_s
    )
    return ended.returncode, ended.stderr


async def test_lines_come_whole_and_the_files_go(tmp_path: Path) -> None:
    """Every line is handed on once, the last one without a newline too; nothing of the output stays on disk."""
    heard: list[str] = []

    code, stderr = await run("printf 'a\\nb'; sleep 0.1; printf 'c\\nd'; echo oops >&2; exit 3", tmp_path, heard)

    assert (3, "oops\n", ["a", "bc", "d"]) == (code, stderr, heard)
    assert set() == {"terraform.out", "terraform.err"} & set(os.listdir(tmp_path))  # noqa: PTH208 - a coroutine


async def test_output_and_new_files_are_private(tmp_path: Path) -> None:
    """While it runs its output is 0600, and so is what it writes itself."""
    heard: list[str] = []

    await run("touch made; ls -l made terraform.out terraform.err", tmp_path, heard)

    assert {"-rw-------"} == {line.split()[0] for line in heard}
    assert 0o600 == stat.S_IMODE((tmp_path / "made").stat().st_mode)


async def test_cancelled_follower_waits_for_the_end(tmp_path: Path) -> None:
    """Cancelled once, the command is sent one SIGINT, ends in its own time, and only then is the caller left."""
    heard = Lines()
    script = "trap 'echo asked; sleep 0.3; echo saved; exit 1' INT; echo ready; while :; do sleep 0.02; done"
    running = asyncio.create_task(run(script, tmp_path, heard))
    await heard.ready.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert ["ready", "asked", "saved"] == heard


async def test_grace_that_is_over_is_a_second_interrupt(tmp_path: Path) -> None:
    """One that goes on after the first SIGINT gets a second when its grace is over."""
    heard = Lines()
    running = asyncio.create_task(run(STUBBORN.format(ends_at=2), tmp_path, heard, grace_s=0.2))
    await heard.ready.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert ["ready", "SIGINT 1", "SIGINT 2"] == heard


async def test_terminals_interrupt_does_not_reach_it(tmp_path: Path) -> None:
    """It is in a session of its own: only we tell it to stop."""
    heard: list[str] = []

    await run("ps -o sid= -p $$ | tr -d ' '; echo $$", tmp_path, heard)

    assert heard[0] == heard[1]
    assert str(os.getsid(0)) != heard[0]


async def test_command_that_is_not_there_is_an_error_of_terraform(tmp_path: Path) -> None:
    """Named, with where it should have run."""
    with pytest.raises(InfraError, match="nosuch could not be started") as caught:
        await follow(["/nosuch"], tmp_path, ENVIRON, lambda _line: None, grace_s=1)

    assert "missing" == caught.value.kind


PARENT = """
import asyncio, sys
from pathlib import Path
from app.services.terraform.process import follow
script = "echo begun; sleep 0.5; for i in $(seq 50); do echo line $i; done; touch done"
def heard(line): print(line.decode(), flush=True)
asyncio.run(follow(["sh", "-c", script], Path(sys.argv[1]), {"PATH": sys.argv[2]}, heard, grace_s=5))
"""


async def test_command_outlives_a_killed_parent(tmp_path: Path) -> None:
    """After kill -9 of ours in the middle no broken pipe ends it, so it saves what it made."""
    arguments = [sys.executable, "-c", PARENT, str(tmp_path), ENVIRON["PATH"]]
    parent = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert b"begun\n" == await parent.stdout.readline()
    parent.kill()
    await parent.wait()

    for _ in range(100):
        if (tmp_path / "done").exists():
            break
        await asyncio.sleep(0.05)

    assert (tmp_path / "done").exists()
