"""The one way to run a command: a list of words, a deadline, a bound on output, its whole group killed; no shell."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import PurePath

from app.domain.frozen import frozen

MAX_OUTPUT = 16 * 1024 * 1024
"""Bytes of stdout and stderr together that are taken before the command is killed."""
PIPE_BYTES = 1 << 20
"""What a command may write before we look: sixteen times as much as by itself, so megabytes wake us a few times."""
NEVER_HANDED_ON = frozenset({"RUNPOD_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY"})
"""Variables that are meant for this program: a child that needs one is given it, and ssh's connection outlives us."""
LINGER_S = 0.25
"""Seconds an ended command's pipes may stay open (a child in the background holds them) before they are let go."""


class ProcessError(Exception):
    """A command could not be started, took too long or said too much; the message is for a person."""


class TimedOutError(ProcessError):
    """A command took too long and was killed."""


@frozen
class Result:
    """What an ended command left."""

    command: str
    """Its name, for messages."""
    returncode: int
    """Exit status; negative: the signal that ended it."""
    stdout: bytes
    stderr: bytes
    duration_s: float

    @property
    def ok(self) -> bool:
        """It ended with status 0."""
        return self.returncode == 0


async def run(
    argv: Sequence[str],
    timeout_s: float,
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    max_output: int = MAX_OUTPUT,
) -> Result:
    """Run a command to its end.

    `env` is the whole environment (None: ours, as `handed_on` leaves it). The command gets a process group of its own,
    which is killed when time is over, when it says more than `max_output` bytes, and when the caller is cancelled. A
    child that it leaves in the background with its pipes does not hold us up.

    Raises ProcessError when it cannot be started, takes too long (TimedOutError) or says too much.
    """
    loop = asyncio.get_running_loop()
    name = PurePath(argv[0]).name
    started = loop.time()
    try:
        transport, output = await loop.subprocess_exec(
            lambda: _Output(max_output), *argv, env=handed_on() if env is None else env, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise ProcessError(_not_started(argv[0], error)) from error
    try:
        _write(transport, stdin)
        async with asyncio.timeout(timeout_s):
            await output.ended
    except TimeoutError as error:
        raise TimedOutError(f"{name} did not end within {timeout_s:g} s and was killed") from error
    finally:
        _kill_group(transport)
        transport.close()
    if output.is_over:
        raise ProcessError(f"{name} wrote more than {max_output:,} bytes and was killed")
    returncode = transport.get_returncode()
    assert returncode is not None, "the process has ended"  # noqa: S101 - what `ended` means
    stdout, stderr = (output.of[fd].getvalue() for fd in (1, 2))
    return Result(name, returncode, stdout, stderr, loop.time() - started)


def handed_on(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment (None: ours) without the secrets in it that are this program's alone."""
    return {
        name: value
        for name, value in (os.environ if environ is None else environ).items()
        if name not in NEVER_HANDED_ON
    }


class _Output(asyncio.SubprocessProtocol):
    """Collects what a command writes, up to a bound; `ended` is done when it is over."""

    def __init__(self, max_output: int) -> None:
        self.of = {1: BytesIO(), 2: BytesIO()}
        """By file descriptor, each in one block that grows: libc moves a large one page by page and copies nothing, and
        it is given out as it is, so that megabytes are never held twice."""
        self.is_over = False
        self._left = max_output
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport), "a command's"  # noqa: S101 - asyncio's promise
        pipe = transport.get_pipe_transport(1)
        # Refused where a user has many pipes; it then stays as it is.
        if pipe is not None and not pipe.is_closing() and hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):
                fcntl.fcntl(pipe.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self.is_over:
            return
        self.of[fd].write(data)
        self._left -= len(data)
        if self._left < 0:
            self.is_over = True
            self._end()

    def process_exited(self) -> None:
        # Its last words may still be in the pipes; connection_lost comes when these are drained and closed.
        asyncio.get_running_loop().call_later(LINGER_S, self._end)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _write(transport: asyncio.SubprocessTransport, stdin: bytes) -> None:
    pipe = transport.get_pipe_transport(0)
    if isinstance(pipe, asyncio.WriteTransport):
        pipe.write(stdin)
        pipe.write_eof()


def _kill_group(transport: asyncio.SubprocessTransport) -> None:
    """Kill a command that still runs, its children included; what ended by itself may leave children on purpose."""
    if transport.get_returncode() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)


def _not_started(command: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{command}: no such command on this machine"
    if isinstance(error, PermissionError):
        return f"{command}: not allowed to run it"
    return f"{command} could not be started: {error}"
