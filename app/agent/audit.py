"""The agent's own log: every look, proposal and decision, one JSON object a line, only ever appended to.

`agent.jsonl` lies in the state folder, for its owner alone. What is done to the cluster stands in `audit.jsonl` too
(`app.services.audit`), with its outcome; here stands how it came to be proposed. Lines pass the door: no secrets.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.agent.door import inside_all
from app.config.paths import private_dir

FILE = "agent.jsonl"
LONGEST = 500
"""Characters of one text in a line."""


class AgentAudit:
    """Appends facts to the log of one state folder; called with one mapping a fact."""

    def __init__(self, folder: Path, user: str = "") -> None:
        self.path = folder / FILE
        self._user = user

    def __call__(self, fact: Mapping[str, Any]) -> None:
        """Write one fact down (`at`, epoch seconds, and `fact` among its keys). Raises OSError."""
        told = inside_all({**fact, "user": self._user}, LONGEST)
        line = json.dumps(told, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
        private_dir(self.path.parent)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        file = os.open(self.path, flags, 0o600)
        try:
            _append(file, line)
        finally:
            os.close(file)


def _append(file: int, line: bytes) -> None:
    """One line in one write; what a full disk left half written ends in no line break, and the next begins with one."""
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if found.st_mode & 0o077:
        os.fchmod(file, 0o600)
    if found.st_size and os.pread(file, 1, found.st_size - 1) != b"\n":
        line = b"\n" + line
    if os.write(file, line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
