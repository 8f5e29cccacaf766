"""What Terraform says while it works (`-json`): one JSON object a line, turned into values. Pure.

Unknown types are left out, since newer versions bring more of them; a line that is no JSON is something said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from app.domain.frozen import frozen
from app.domain.naming import clean

UI = "1"
"""The major version of the messages that is understood."""
LONGEST = 1200
"""Characters of one text that are kept."""

Stage = Literal["start", "progress", "complete", "errored"]
_STAGES: dict[str, Stage] = {
    "apply_start": "start",
    "apply_progress": "progress",
    "apply_complete": "complete",
    "apply_errored": "errored",
}


@frozen
class Versions:
    """The first line: who speaks."""

    program: str
    """`Terraform 1.11.4`, `OpenTofu 1.9.0`."""
    ui: str


@frozen
class Diagnostic:
    """A warning or an error; after an apply in parallel they come at the end."""

    is_error: bool
    summary: str
    detail: str = ""
    address: str = ""
    """Empty: it belongs to no resource."""
    where: str = ""
    """`main.tf:12`; empty: not in a file."""

    @property
    def words(self) -> str:
        """In one line; the file of what belongs to a resource is ours, and tells nobody anything."""
        told = f"{self.summary}: {self.detail}" if self.detail else self.summary
        return f"{self.where}: {told}" if self.where and not self.address else told


@frozen
class Doing:
    """Something happens to a resource."""

    stage: Stage
    address: str
    action: str
    """`create`, `update`, `delete`, …"""
    id: str = ""
    """The provider's, once it is known."""
    elapsed_s: float = 0.0


@frozen
class Planned:
    """One resource will be changed, or (`is_drift`) was changed outside."""

    address: str
    action: str
    reason: str = ""
    is_drift: bool = False


@frozen
class Counted:
    """The summary: only after what went well."""

    operation: str
    add: int
    change: int
    remove: int


@frozen
class Said:
    """Anything else, for the log."""

    text: str
    waits_for_lock: bool = False


Event = Versions | Diagnostic | Doing | Planned | Counted | Said


def parse_event(line: bytes) -> Event | None:
    """Read one line; None: an empty one, or of a kind that is of no use here."""
    if not line.strip():
        return None
    try:
        message = json.loads(line)
    except ValueError:
        return Said(clean(line.decode("utf-8", "replace").rstrip(), LONGEST))
    if not isinstance(message, dict):
        return Said(clean(line.decode("utf-8", "replace").rstrip(), LONGEST))
    return _event(message)


def parse_diagnostic(body: object) -> Diagnostic | None:
    """Read a diagnostic; None: it is none."""
    if not isinstance(body, dict):
        return None
    place = _dict(body, "range")
    line = _dict(place, "start").get("line")
    where = f"{_text(place, 'filename')}:{line}" if isinstance(line, int) else ""
    is_error = _text(body, "severity") == "error"
    return Diagnostic(is_error, _text(body, "summary"), _text(body, "detail"), _text(body, "address"), where)


def _event(message: Mapping[str, object]) -> Event | None:
    kind = message.get("type")
    if kind == "version":
        program = "Terraform" if "terraform" in message else "OpenTofu"
        number = _text(message, "terraform") or _text(message, "tofu")
        return Versions(f"{program} {number}", _text(message, "ui"))
    if kind == "diagnostic":
        return parse_diagnostic(message.get("diagnostic"))
    if isinstance(kind, str) and kind in _STAGES:
        return _doing(_STAGES[kind], _dict(message, "hook"))
    if kind in {"planned_change", "resource_drift"}:
        change = _dict(message, "change")
        address = _text(_dict(change, "resource"), "addr")
        return Planned(address, _text(change, "action"), _text(change, "reason"), kind == "resource_drift")
    if kind == "change_summary":
        changes = _dict(message, "changes")
        add, change_, remove = (_count(changes, name) for name in ("add", "change", "remove"))
        return Counted(_text(changes, "operation"), add, change_, remove)
    if kind in {"log", "init_output", "state_lock_acquire"}:
        return Said(_text(message, "@message"), kind == "state_lock_acquire")
    return None


def _doing(stage: Stage, hook: Mapping[str, object]) -> Doing:
    elapsed = hook.get("elapsed_seconds")
    return Doing(
        stage,
        _text(_dict(hook, "resource"), "addr"),
        _text(hook, "action"),
        _text(hook, "id_value"),
        float(elapsed) if isinstance(elapsed, int | float) else 0.0,
    )


def _dict(of: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _text(of: Mapping[str, object], name: str) -> str:
    value = of.get(name)
    return clean(value, LONGEST).strip() if isinstance(value, str) else ""


def _count(of: Mapping[str, object], name: str) -> int:
    value = of.get(name)
    return value if isinstance(value, int) else 0
