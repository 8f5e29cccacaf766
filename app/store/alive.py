"""Whether the process that began something still runs: its name holds the machine's start and its own.

A process id alone is given again to others; with the moment it began, and the start of the machine, it is not.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_UNKNOWN = "-"


@cache
def _where() -> str:
    """This start of this machine and this space of process ids; `-` where the system does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}.{(_PROC / 'self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return _UNKNOWN


def own_name() -> str:
    """This process, so that no other one has the name."""
    pid = os.getpid()
    return f"{_where()} {pid} {_began(pid)}"


def is_alive(name: str) -> bool | None:
    """Whether the process of a name runs; None where it cannot be said, since it is another machine's."""
    where, _, rest = name.partition(" ")
    pid, _, began = rest.partition(" ")
    if where != _where() or where == _UNKNOWN or not pid.isdigit():
        return None
    return _began(int(pid)) == began


def _began(pid: int) -> str:
    """When a process began, in ticks of this start of the machine; empty: there is none, or it is dead already."""
    try:
        said = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The second field is the command's name in brackets, and may hold brackets itself.
    fields = said.rpartition(")")[2].split()
    return "" if len(fields) < 20 or fields[0] in {"Z", "X"} else fields[19]
