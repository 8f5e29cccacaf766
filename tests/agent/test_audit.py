"""The agent's own log."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from app.agent.audit import AgentAudit

SECRET = "hf_" + "abcdefghijklmnopqrstuvwxyz"


def test_facts_are_lines_for_their_owner_alone(tmp_path: Path) -> None:
    """One JSON object a line, appended; nobody else may read them, whatever the file was before."""
    audit = AgentAudit(tmp_path / "state", "ana")
    audit({"at": 1.0, "fact": "look", "tool": "jobs"})
    audit.path.chmod(0o644)
    audit({"at": 2.0, "fact": "approval", "id": "p-1"})

    lines = [json.loads(line) for line in audit.path.read_text().splitlines()]
    assert [("look", "ana"), ("approval", "ana")] == [(one["fact"], one["user"]) for one in lines]
    assert 0o600 == stat.S_IMODE(audit.path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(audit.path.parent.stat().st_mode)


def test_what_is_written_passed_the_door(tmp_path: Path) -> None:
    """No secret, no escape, no line that is two."""
    audit = AgentAudit(tmp_path)
    audit({"at": 1.0, "fact": "look", "arguments": {"x": f"{SECRET}\x1b[31m\n{'y' * 5000}"}})

    (line,) = audit.path.read_text().splitlines()
    assert SECRET not in line
    assert 500 == len(json.loads(line)["arguments"]["x"])


def test_half_a_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    """What a full disk left is ended first."""
    audit = AgentAudit(tmp_path)
    audit.path.write_text('{"at": 1, "fa')
    audit({"at": 2.0, "fact": "look"})

    assert "look" == json.loads(audit.path.read_text().splitlines()[-1])["fact"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A link or a pipe in its place is not written to."""
    os.mkfifo(tmp_path / "agent.jsonl")
    with pytest.raises(OSError, match=r"device|address|file|Errno"):
        AgentAudit(tmp_path)({"fact": "look"})

    (tmp_path / "agent.jsonl").unlink()
    (tmp_path / "agent.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        AgentAudit(tmp_path)({"fact": "look"})
    assert not (tmp_path / "other").exists()
