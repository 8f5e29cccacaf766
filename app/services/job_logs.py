"""Reading a job's output as it grows: by offset, a bounded part at a time, here or on the host the commands run on.

A file that became shorter, is another one (its inode), or no longer holds what stood before the offset begins anew: a
requeued job truncates its output unless it was submitted with `--open-mode=append`. A file that is not there may only
be late: NFS shows new files after some seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import posixpath
import re
import stat
import threading
from dataclasses import replace
from typing import Literal

from app.domain.frozen import frozen
from app.domain.job_actions import LogChunk
from app.domain.naming import clean
from app.transport.destination import SshError
from app.transport.process import ProcessError, Result
from app.transport.runner import Runner

CHUNK = 256 * 1024
"""Bytes of one part."""
LONGEST_LINE = 10_000
"""Characters of a line; a line of more bytes than `_LONGEST_OPEN` is shown before it ends."""
_LONGEST_OPEN = 16 * 1024
_REMEMBERED = 64
"""Bytes before the mark by which a file is known again."""
FROM_END = -1
"""The offset that asks for the last part of the file."""
_TIMEOUT_S = 10.0
_LOCAL_TIMEOUT_S = 5.0
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])"
)
_STAT = re.compile(rb"^(?P<inode>\d+) (?P<size>\d+) (?P<mode>[0-9a-f]+)\s*$")


@frozen
class Mark:
    """Where somebody has read to, and how to know the place again."""

    offset: int
    """`FROM_END`: nowhere yet, begin with the last part."""
    inode: int | None = None
    before: bytes = b""
    """The bytes that stood just before it; empty where they are not known."""


@frozen
class Part:
    """Bytes of a file as they are, and what the file is now."""

    raw: bytes
    offset: int
    """Where they begin."""
    size: int
    inode: int
    was_replaced: bool


class LogError(Exception):
    """A file that cannot be read; the message says why, `kind` whether waiting can help."""

    def __init__(self, kind: Literal["missing", "denied", "other"], text: str) -> None:
        super().__init__(text)
        self.kind = kind


async def read_chunk(
    runner: Runner | None, path: str, offset: int, inode: int | None, *, is_over: bool = False
) -> LogChunk:
    """The next part of a file, as `read_on` reads it, for who remembers offset and inode only."""
    return (await read_on(runner, path, Mark(offset, inode), is_over=is_over))[0]


async def read_on(runner: Runner | None, path: str, mark: Mark, *, is_over: bool = False) -> tuple[LogChunk, Mark]:
    """The next part of a file, and the mark for the one after it.

    `runner` is None for a file of this machine; `is_over`: nobody writes to it any more, so its last line is whole.
    """
    if not posixpath.isabs(path) or len(path) > 4096 or not path.isprintable():
        return LogChunk(clean(path, 200), "", 0, 0, note="the path of this output is no usable one"), mark
    try:
        part = await _read(runner, path, mark)
    except LogError as error:
        return LogChunk(path, "", max(0, mark.offset), 0, mark.inode, note=str(error)), mark
    return chunk_of(path, part, mark, is_over=is_over)


async def _read(runner: Runner | None, path: str, mark: Mark) -> Part:
    """The bytes behind the mark; those of the beginning where the file is no longer what was read."""
    reader = _Here() if runner is None else _There(runner)
    begin = mark.offset if mark.offset == FROM_END else mark.offset - len(mark.before)
    part = await reader.read(path, begin, mark.inode)
    if not mark.before or part.was_replaced:
        return part
    if not part.raw.startswith(mark.before):
        return replace(await reader.read(path, 0, None), was_replaced=True)
    return replace(part, raw=part.raw[len(mark.before) :], offset=mark.offset)


def chunk_of(path: str, part: Part, mark: Mark, *, is_over: bool) -> tuple[LogChunk, Mark]:
    """Whole lines of a part, cleaned; what is no whole line yet is left for the next time. Pure."""
    raw, begin = part.raw, part.offset
    if mark.offset == FROM_END and begin > 0:  # from the end: the first line is a piece of one
        cut = raw.find(b"\n") + 1
        raw, begin = raw[cut:], begin + cut
    reaches_end = begin + len(raw) >= part.size
    if not (is_over and reaches_end):
        raw = raw[: _whole(raw)]
    chunk = LogChunk(path, log_text(raw), begin + len(raw), part.size, part.inode, was_truncated=part.was_replaced)
    before = raw[-_REMEMBERED:] if raw or part.was_replaced else mark.before
    return chunk, Mark(chunk.offset, part.inode, before)


def _whole(raw: bytes) -> int:
    """How many bytes are whole lines; a progress bar's carriage return ends one too, and an endless line is cut."""
    for end in (b"\n", b"\r"):
        if at := raw.rfind(end) + 1:
            return at
    return len(raw) if len(raw) >= _LONGEST_OPEN else 0


def log_text(raw: bytes) -> str:
    """Text of a log, harmless: no escapes, no controls; of a line that a carriage return overwrote the last state."""
    lines = _ESCAPES.sub(b"", raw).decode("utf-8", "replace").split("\n")
    return "\n".join(clean(_last_state(line).expandtabs(8), LONGEST_LINE) for line in lines)


def _last_state(line: str) -> str:
    states = [state for state in line.split("\r") if state]
    return states[-1] if states else ""


def _begin(offset: int, inode: int | None, size: int, now: int) -> tuple[int, bool]:
    """Where to read on, and whether the file is another one than before."""
    if offset == FROM_END:
        return max(0, size - CHUNK), False
    if (inode is not None and inode != now) or size < offset:
        return 0, offset > 0
    return offset, False


class _Here:
    """Files of this machine."""

    async def read(self, path: str, offset: int, inode: int | None) -> Part:
        """The bytes from an offset. Raises LogError."""
        try:
            async with asyncio.timeout(_LOCAL_TIMEOUT_S):
                return await _apart(path, offset, inode)
        except TimeoutError as error:
            raise LogError("other", f"{clean(path, 200)}: its file system does not answer") from error
        except OSError as error:
            raise _trouble(path, error.strerror or str(error)) from error


class _There:
    """Files of a host, by its stat and dd: both take the path as one word, and dd ends after what is asked for."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def read(self, path: str, offset: int, inode: int | None) -> Part:
        """The bytes from an offset. Raises LogError."""
        told = await _run(self._runner, path, "stat", "-L", "-c", "%i %s %f", "--", path)
        found = _STAT.match(told.stdout)
        if found is None:
            raise LogError("other", f"{clean(path, 200)}: `stat` of {self._runner.where} says nothing that can be read")
        _check_kind(path, int(found["mode"], 16))
        size, now = int(found["size"]), int(found["inode"])
        begin, is_new = _begin(offset, inode, size, now)
        if begin >= size:
            return Part(b"", begin, size, now, is_new)
        words = (f"if={path}", "bs=65536", "iflag=skip_bytes,count_bytes,fullblock", f"skip={begin}", f"count={CHUNK}")
        body = await _run(self._runner, path, "dd", *words, "status=none")
        return Part(body.stdout, begin, max(size, begin + len(body.stdout)), now, is_new)


async def _apart(path: str, offset: int, inode: int | None) -> Part:
    """Read in a daemon thread: a hung network file system holds that thread, and neither the screen nor our end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Part] = loop.create_future()

    def tell(part: Part | None, error: OSError | LogError | None) -> None:
        if not done.done():
            done.set_result(part) if part is not None else done.set_exception(error or OSError(path))

    def work() -> None:
        part: Part | None = None
        failure: OSError | LogError | None = None
        try:
            part = _read_now(path, offset, inode)
        except (OSError, LogError) as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(tell, part, failure)

    threading.Thread(target=work, name="job output", daemon=True).start()
    return await done


def _read_now(path: str, offset: int, inode: int | None) -> Part:
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        found = os.fstat(file)
        _check_kind(path, found.st_mode)
        begin, is_new = _begin(offset, inode, found.st_size, found.st_ino)
        return Part(os.pread(file, CHUNK, begin), begin, found.st_size, found.st_ino, is_new)
    finally:
        os.close(file)


async def _run(runner: Runner, path: str, *words: str) -> Result:
    try:
        result = await runner.run(words, _TIMEOUT_S, max_output=2 * CHUNK)
    except (ProcessError, SshError) as error:
        raise LogError("other", clean(str(error), 300)) from error
    if not result.ok:
        said = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _trouble(path, clean(said[-1], 200) if said else f"{words[0]} failed", runner.where)
    return result


def _check_kind(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise LogError("other", f"{clean(path, 200)} is a folder")
    if not stat.S_ISREG(mode):
        raise LogError("other", f"{clean(path, 200)} keeps nothing (it is a device or a pipe)")


def _trouble(path: str, said: str, where: str = "this machine") -> LogError:
    shown = clean(path, 200)
    if "No such file" in said:
        text = f"{shown} is not there yet: the job has written nothing, NFS shows it late, or {where} does not see it"
        return LogError("missing", text)
    if "ermission denied" in said:
        return LogError("denied", f"{shown}: not allowed to read it; it belongs to the job's user")
    return LogError("other", f"{shown}: {said}")
