"""Running Terraform so that nothing leaks: a session of its own, output into files, one SIGINT and then patience.

Its output goes into files and not through pipes, since a pipe whose reader was killed would kill Terraform in the
middle of a create; so it ends its work, writes its state, and the next run finds both.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from app.domain.frozen import frozen
from app.services.deploy.ports import InfraError
from app.transport.lines import LineCutter

POLL_S = 0.05
"""How often the output is looked at."""
BOUNCE_S = 1.0
"""A second wish to stop within this time is the first one, told twice."""
HURRY_S = 20.0
"""Seconds it gets to end after a second SIGINT; it then needs about two."""
LONGEST_LINE = 16 << 20
MOST_STDERR = 64 << 10
OUT, ERR = "terraform.out", "terraform.err"


@frozen
class Ended:
    """What came of a command."""

    returncode: int
    """Negative: the signal that ended it."""
    stderr: str
    was_interrupted: bool
    """We sent it a signal."""


class Patience:
    """Which signal is due when. Pure: time is an argument.

    The first wish to stop is one SIGINT: it starts nothing new and waits for what is under way. A second wish, or the
    end of the grace, is another SIGINT: it gives up what is under way, and a pod that is being made may stay behind.
    Only then is it killed.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._sent = 0
        self._at = 0.0

    @property
    def was_asked(self) -> bool:
        """Somebody wanted it to stop."""
        return self._sent > 0

    def asked(self, now: float) -> signal.Signals | None:
        """Somebody wants it to stop."""
        if self._sent and now - self._at < BOUNCE_S:
            return None
        return self._next(now)

    def due(self, now: float) -> signal.Signals | None:
        """Time has passed."""
        if not self._sent or self._sent > 2:
            return None
        return self._next(now) if now - self._at >= (self._grace_s if self._sent == 1 else HURRY_S) else None

    def _next(self, now: float) -> signal.Signals:
        self._sent += 1
        self._at = now
        return signal.SIGINT if self._sent <= 2 else signal.SIGKILL


async def follow(
    argv: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    heard: Callable[[bytes], None],
    *,
    grace_s: float,
) -> Ended:
    """Run a command in a folder, hand each line of its output on, and return when it has ended.

    Cancelled, it asks the command to stop as `Patience` says, waits for its end, and only then raises CancelledError:
    whoever catches that finds a finished state. Raises InfraError when it cannot be started.
    """
    loop = asyncio.get_running_loop()
    process = await _start(argv, folder, env)
    patience, is_cancelled = Patience(grace_s), False
    cutter = LineCutter(LONGEST_LINE)
    with (folder / OUT).open("rb") as output:
        while process.returncode is None:
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await process.wait()
            except asyncio.CancelledError:
                is_cancelled = True
                _send(process, patience.asked(loop.time()))
            _send(process, patience.due(loop.time()))
            _hand_on(cutter, output.read(), heard)
        _hand_on(cutter, output.read(), heard)
        for line in cutter.split(b""):
            heard(line)
    if process.returncode < 0:
        _kill_rest(process.pid)
    stderr = _tail(folder / ERR)
    for name in (OUT, ERR):
        (folder / name).unlink(missing_ok=True)
    if is_cancelled:
        raise asyncio.CancelledError
    return Ended(process.returncode, stderr, patience.was_asked)


async def _start(argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    files: list[int] = []
    try:
        for name in (OUT, ERR):
            # A Terraform that outlived its run may still write to the old one.
            (folder / name).unlink(missing_ok=True)
            files.append(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600))
        # A session of its own: a terminal's Ctrl-C would reach the provider as well, and count as a second one.
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=files[0],
            stderr=files[1],
            start_new_session=True,
            umask=0o077,
        )
    except OSError as error:
        name = PurePath(argv[0]).name
        raise InfraError(f"{name} could not be started in {folder}: {error.strerror or error}", "missing") from error
    finally:
        for file in files:
            os.close(file)


def _send(process: asyncio.subprocess.Process, which: signal.Signals | None) -> None:
    if which is None:
        return
    with suppress(ProcessLookupError, PermissionError):
        if which is signal.SIGKILL:
            os.killpg(process.pid, which)  # the providers, too
        else:
            process.send_signal(which)  # only its own pid: it tells the providers itself


def _kill_rest(group: int) -> None:
    """End the providers of a Terraform that was killed: nobody else does, and they cannot save what they do."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _hand_on(cutter: LineCutter, read: bytes, heard: Callable[[bytes], None]) -> None:
    if read:
        for line in cutter.split(read):
            heard(line)


def _tail(file: Path) -> str:
    try:
        return file.read_bytes()[-MOST_STDERR:].decode("utf-8", "replace")
    except OSError:
        return ""
