"""`scontrol show` text to fields: records of `Key=value`, in one line (`-o`) or over several.

Values hold blanks (`OS=Linux 5.15 #1 SMP`, a job's name), so a value ends where the next key begins. Within a job's
free texts only a key that Slurm prints later counts as one: `Command=/x.sh LR=3` is one command. The first of two
fields with one name is Slurm's own, since users' texts stand behind what they could imitate; only a job's name stands
in front, and who reads details holds it against the queue (`squeue.merge`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from app.sources.slurm.parsed import Skips, SlurmParseError, lines_of

LONGEST_RECORD = 1024 * 1024
"""Characters of one record; a longer one is skipped."""

# Begins with what stands in front of a key, so that the search skips over everything else.
_KEY = re.compile(r"([ \n\t\r]+[A-Z][A-Za-z0-9_/:\-]{0,40}=)")
_AFTER_NAME = frozenset({"UserId", "SLUID", "HetJobIdSet"})
_TAIL = (
    "Command", "SubmitLine", "WorkDir", "AdminComment", "SystemComment", "Comment", "Extra", "StdErr", "StdIn",
    "StdOut",
)  # fmt: skip
"""A job's free texts in the order in which Slurm prints them (src/scontrol/info_job.c)."""
_AFTER_TEXTS = frozenset(
    {
        "SegmentSize", "Switches", "BurstBuffer", "BurstBufferState", "CPU_max_freq", "CpuFreqReq", "Power",
        "OOMKillStep", "CpusPerTres", "MemPerTres", "TresBind", "TresFreq", "TresPerJob", "TresPerNode",
        "TresPerSocket", "TresPerTask", "MailUser", "NtasksPerTRES", "Runtime", "Container", "SELinuxContext",
        "ResvPorts",
    }
)  # fmt: skip
_FOLLOWERS = {
    "JobName": _AFTER_NAME,
    **{name: _AFTER_TEXTS.union(_TAIL[at + 1 :]) for at, name in enumerate(_TAIL)},
}
"""Free text of a job → the keys that may end it."""
_NOBODY = re.compile(r"No \w+ in the system|No \w+s? (?:found|in)")


def records(output: bytes, command: str, key: str, skips: Skips) -> Iterator[tuple[int, str]]:
    """(line, text) of each record; a record begins at a line that begins with its key.

    Raises SlurmParseError where there is output and none of it is a record.
    """
    begun, lines = 0, list[str]()
    start = f"{key}="
    stray: tuple[int, str] | None = None
    for number, line in enumerate(lines_of(output, command), 1):
        if line.startswith(start):
            if lines:
                yield from _whole(begun, lines, skips)
            begun, lines = number, [line]
        elif lines:
            lines.append(line)
        elif line and not line.isspace() and _NOBODY.match(line) is None:
            skips.add(number, f"not a record of {key}", line)
            stray = stray or (number, line)
    if lines:
        yield from _whole(begun, lines, skips)
    elif stray is not None:
        raise SlurmParseError(skips.notes[0])


def _whole(number: int, lines: list[str], skips: Skips) -> Iterator[tuple[int, str]]:
    text = "\n".join(lines).strip()
    if len(text) > LONGEST_RECORD:
        skips.add(number, f"a record of {len(text)} characters", text)
        return
    yield number, text


def pairs(record: str) -> list[tuple[str, str]]:
    """Key and value of each field of a record, in Slurm's order."""
    parts = _KEY.split(f" {record.rstrip()}")
    found: list[tuple[str, str]] = []
    key, begin = "", 0
    allowed: frozenset[str] | None = None
    for at in range(1, len(parts), 2):
        name = _name(parts[at])
        if allowed is not None and name not in allowed:
            continue
        if key:
            found.append((key, parts[begin] if at == begin + 1 else "".join(parts[begin:at])))
        key, begin = name, at + 1
        allowed = _FOLLOWERS.get(name)
    if key:
        found.append((key, "".join(parts[begin:])))
    return found


@lru_cache(maxsize=1024)
def _name(mark: str) -> str:
    """A key without the blanks before it and the sign behind it."""
    return mark.strip()[:-1]


class Fields(dict[str, str]):
    """The fields of a record by key; one that Slurm did not print is empty."""

    def __missing__(self, _key: str) -> str:
        return ""


def first_of_each(record: str) -> Fields:
    """The fields of a record by key; of two with one name the first."""
    found = Fields()
    for key, value in pairs(record):
        found.setdefault(key, value)
    return found
