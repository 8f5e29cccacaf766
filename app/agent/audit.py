"""The agent's own log: every look, proposal and decision, one JSON object a line, only ever appended to.

`agent.jsonl` lies in the state folder, for its owner alone. What is done to the cluster stands in `audit.jsonl` too
(`app.services.audit`), with its outcome; here stands how it came to be proposed. Lines pass the door: no secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.agent.door import inside_all
from app.config.paths import private_dir
from app.transport.append_only import append_line

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
        append_line(self.path, line)
