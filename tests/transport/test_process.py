"""Commands run within their bounds and leave nothing behind."""

import asyncio
import os
import sys
import tracemalloc
from pathlib import Path

import pytest

from app.transport.process import ProcessError, run

PYTHON = sys.executable


def is_alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def ended(pid: int) -> bool:
    """Whether a process ends within a second."""
    for _ in range(100):
        if not is_alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_command_gives_what_it_wrote() -> None:
    """Status, stdout and stderr come back as they were, stdin goes in, and no shell reads the words."""
    script = "import sys; print(sys.stdin.read() + sys.argv[1]); print('oh', file=sys.stderr); sys.exit(3)"
    result = await run([PYTHON, "-c", script, "$HOME; `id`"], 10, stdin=b"in ")

    assert (3, b"in $HOME; `id`\n", b"oh\n", False) == (result.returncode, result.stdout, result.stderr, result.ok)
    assert result.command.startswith("python")


async def test_megabytes_and_single_words_come_whole() -> None:
    """Whether a command writes all at once or word by word: both of its streams come back in their order."""
    script = "import os\nfor n in range(300): os.write(1, b'%d,' % n); os.write(2, b'%d;' % n)"
    words = await run([PYTHON, "-c", script], 10)
    megabytes = await run(["/usr/bin/head", "-c", "3000000", "/dev/zero"], 10)

    assert b"".join(b"%d," % n for n in range(300)) == words.stdout
    assert b"".join(b"%d;" % n for n in range(300)) == words.stderr
    assert b"\0" * 3_000_000 == megabytes.stdout


async def test_megabytes_are_held_once() -> None:
    """Ten thousand jobs in full are megabytes: what a command says is not held in pieces and in one."""
    tracemalloc.start()
    try:
        result = await run(["/usr/bin/head", "-c", "8000000", "/dev/zero"], 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert 8_000_000 == len(result.stdout)
    assert 1.5 * 8_000_000 > peak


async def test_the_environment_is_the_one_given() -> None:
    """With `env`, nothing of ours leaks into the command."""
    result = await run(["/usr/bin/env"], 10, env={"ONLY": "this"})

    assert b"ONLY=this\n" == result.stdout


async def test_our_own_secrets_are_handed_on_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an environment of its own a command has ours, but for keys that are meant for this program alone."""
    monkeypatch.setenv("RUNPOD_API_KEY", "canary")
    monkeypatch.setenv("HF_TOKEN", "canary")
    monkeypatch.setenv("LANG", "C.UTF-8")

    told = (await run(("env",), 5.0)).stdout

    assert (False, True) == (b"canary" in told, b"LANG=C.UTF-8" in told)


async def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """Time is over for the whole group, grandchildren included."""
    pids = tmp_path / "pids"
    with pytest.raises(ProcessError, match=r"sh did not end within 0.3 s and was killed"):
        await run(["/bin/sh", "-c", f"sleep 60 & echo $! $$ > {pids}; wait"], 0.3)

    assert [True, True] == [await ended(int(pid)) for pid in pids.read_text().split()]


async def test_a_cancelled_command_is_killed(tmp_path: Path) -> None:
    """Nobody waits any more, so nothing goes on."""
    pid_file = tmp_path / "pid"
    task = asyncio.create_task(run(["/bin/sh", "-c", f"echo $$ > {pid_file}; exec sleep 60"], 30))
    for _ in range(200):
        await asyncio.sleep(0.01)
        if pid_file.exists() and pid_file.read_text().strip():
            break
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await ended(int(pid_file.read_text()))


async def test_a_command_that_says_too_much_is_killed() -> None:
    """Output is bounded, however fast it comes."""
    with pytest.raises(ProcessError, match="wrote more than 100,000 bytes and was killed"):
        await run(["/bin/sh", "-c", "exec yes"], 10, max_output=100_000)


async def test_a_child_in_the_background_holds_nobody_up() -> None:
    """A command that leaves a child with its pipes is over when it ends itself, and the child lives on."""
    result = await run(["/bin/sh", "-c", "sleep 60 & echo $!"], 60)

    assert result.duration_s < 30
    pid = int(result.stdout)
    assert is_alive(pid)
    os.kill(pid, 9)


async def test_a_command_that_is_not_there_is_told() -> None:
    """What cannot be started is a sentence."""
    with pytest.raises(ProcessError, match="squeue-of-nowhere: no such command on this machine"):
        await run(["squeue-of-nowhere"], 1)
    with pytest.raises(ProcessError, match="not allowed to run it"):
        await run(["/etc/passwd"], 1)


async def test_a_command_that_reads_nothing_may_be_given_input() -> None:
    """Input nobody reads is no error."""
    assert (await run(["/bin/true"], 10, stdin=b"x" * 1_000_000)).ok
