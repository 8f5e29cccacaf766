"""What a burn-in prints: one JSON object a line, each written at once and short enough never to be torn.

srun passes lines of up to 1,024 bytes whole, and a pipe or a file that is appended to takes them in one piece, so the
lines of many processes may share one output.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from typing import Any, Mapping  # noqa: UP035 - the nodes' Python may be 3.8

LONGEST = 1000
"""Bytes of a line with its end; srun cuts at 1,024."""
_LONGEST_TEXT = 400


@dataclass(frozen=True)
class Who:
    """Which process of a burn-in speaks, and of what."""

    host: str
    rank: int
    device: int
    """Of its node, from 0."""
    kind: str
    """`cuda`, or `cpu` where no GPU is used."""
    model: str
    uuid: str | None = None


class Lines:
    """Writes the lines of one process; safe to use from several threads."""

    def __init__(self, out: int, who: Who) -> None:
        """`out` is a file descriptor: a line is one `write`, past every buffer."""
        self._out = out
        self._who = who
        self._lock = threading.Lock()

    def start(self, detail: Mapping[str, Any]) -> None:
        """The process begins; `detail` says with what."""
        self._write("start", "", None, "", detail)

    def result(self, phase: str, value: float | None, unit: str, detail: Mapping[str, Any]) -> None:
        """A phase ended; a value of None says that it was left out, `detail` why."""
        self._write("result", phase, value, unit, detail)

    def error(self, phase: str, text: str) -> None:
        """A phase failed; the others go on."""
        self._write("error", phase, None, "", {"text": text})

    def end(self, detail: Mapping[str, Any]) -> None:
        """The process is done; without this line it broke off."""
        self._write("end", "", None, "", detail)

    def _write(self, event: str, phase: str, value: float | None, unit: str, detail: Mapping[str, Any]) -> None:
        who = self._who
        line: dict[str, Any] = {
            "stress": 1,
            "event": event,
            "host": who.host[:64],
            "rank": who.rank,
            "device": who.device,
            "kind": who.kind,
            "uuid": who.uuid,
            "model": who.model[:80],
            "phase": phase,
            "value": value,
            "unit": unit,
            "detail": {key: _short(one) for key, one in detail.items()},
        }
        raw = _dump(line)
        if len(raw) > LONGEST:
            line["detail"] = {"text": str(detail.get("text", ""))[:100], "is_cut": True}
            raw = _dump(line)
        with self._lock:
            while raw:
                raw = raw[os.write(self._out, raw) :]


def _dump(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def _short(value: object) -> object:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value
