"""What happened to a deployment, on disk: `events.ndjson` for programs and the screen, `deploy.log` for people.

Every text passes the redactor on its way. Lines are appended in one write, so that whoever follows never sees half of
one that is not still being written; a journal that cannot be written never holds up a run that costs money.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.deployment import STEPS, DeployEvent, Step, Told
from app.domain.naming import clean
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.secrets import Redact

LONGEST_TEXT = 2000
LONGEST_LINE = 256 * 1024
PART_BYTES = 1024 * 1024
"""Most that one look at a journal reads."""


class Journal:
    """Appends to the two files of one deployment."""

    def __init__(self, folder: DeploymentFolder, redact: Redact) -> None:
        self._folder = folder
        self._redact = redact
        self.problem = ""
        """Why the last event could not be written; empty: it was."""

    def append(self, event: DeployEvent) -> DeployEvent:
        """Write an event down; gives it as it was written, without secrets."""
        kept = self._clean(event)
        self.problem = ""
        self._write(self._folder.events, json.dumps(as_json(kept), separators=(",", ":")) + "\n")
        self._write(self._folder.log, f"{log_line(kept)}\n")
        return kept

    def log(self, at: float, text: str) -> None:
        """A line for people alone: what Terraform or a pod said."""
        self._write(self._folder.log, f"{_time(at)}   {self._redact(clean(text, LONGEST_TEXT))}\n")

    def _clean(self, event: DeployEvent) -> DeployEvent:
        data = {clean(str(key), 60): self._value(value) for key, value in event.data.items()}
        return replace(event, text=self._redact(clean(event.text, LONGEST_TEXT)), data=data)

    def _value(self, value: object, depth: int = 0) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping) and depth < 5:
            return {clean(str(key), 60): self._value(one, depth + 1) for key, one in value.items()}
        if isinstance(value, list | tuple) and depth < 5:
            return [self._value(one, depth + 1) for one in value[:1000]]
        return self._redact(clean(str(value), LONGEST_TEXT))

    def _write(self, path: Path, line: str) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.write(descriptor, line.encode("utf-8", "replace"))
            finally:
                os.close(descriptor)
        except OSError as error:
            self.problem = f"{path}: {error.strerror or error}"


def follow(path: Path, offset: int = 0) -> tuple[tuple[DeployEvent, ...], int]:
    """The events of a journal from an offset on, and the offset after them; a line still being written waits.

    A journal that is shorter than the offset was begun anew: it is read from its start.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = offset if offset <= size else 0
            file.seek(start)
            part = file.read(PART_BYTES)
    except OSError:
        return (), offset
    end = part.rfind(b"\n") + 1
    if not end and len(part) == PART_BYTES:  # no line of ours is this long
        return (), start + len(part)
    events = tuple(event for line in part[:end].splitlines() if (event := _read(line)) is not None)
    return events, start + end


def as_json(event: DeployEvent) -> dict[str, object]:
    """An event as a line of `deploy --json`: what is not known is left out."""
    told: dict[str, object] = {"at": round(event.at, 3), "told": event.told.value, "text": event.text}
    if event.step is not None:
        told["step"] = event.step.value
    if event.node:
        told["node"] = event.node
    for key, value, digits in (
        ("fraction", event.fraction, 3),
        ("per_hour", event.per_hour, 4),
        ("spent", event.spent, 4),
    ):
        if value is not None:
            told[key] = round(value, digits)
    if event.data:
        told["data"] = dict(event.data)
    return told


def log_line(event: DeployEvent) -> str:
    """An event as a line for people."""
    where = " ".join(part for part in (event.step.value if event.step else "", event.node) if part)
    return f"{_time(event.at)} {event.told.value:<8} {f'[{where}] ' if where else ''}{event.text}"


def _read(line: bytes) -> DeployEvent | None:
    """An event out of a line; None: it is none, or of a version that has kinds we do not know."""
    if len(line) > LONGEST_LINE:
        return None
    try:
        found: Any = json.loads(line)
        told, step = found["told"], found.get("step")
        return DeployEvent(
            float(found["at"]),
            Told(told),
            clean(str(found["text"]), LONGEST_TEXT),
            Step(step) if step in STEPS else None,
            clean(str(found.get("node", "")), 80),
            _number(found.get("fraction")),
            _number(found.get("per_hour")),
            _number(found.get("spent")),
            data if isinstance(data := found.get("data"), dict) else {},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
