"""The audit log: intent before, outcome after, for its owner alone, whole lines, and no secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from time import thread_time

import pytest

from app.domain.job_actions import Outcome, Plan
from app.services.audit import Actor, Audit, AuditError, actor_of, masked

NOW = 1_764_000_000.0
PLAN = Plan("cancel", ("812",), (("scancel", "812"),), "cancel job 812 (ana, train)")


def lines(path: Path) -> list[dict[str, object]]:
    """The facts of a log."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_action_is_two_facts(tmp_path: Path) -> None:
    """Who, where, what, the exact words; then what came of it under the same id."""
    audit = Audit(tmp_path / "state", Actor("ana", 1000, "alice", "ana@head", "10.0.0.9", "screen"))
    fact = audit.intend(PLAN, PLAN.commands, NOW)
    audit.conclude(fact, PLAN, Outcome(True, "cancelled job 812"), NOW + 1)

    intent, outcome = lines(audit.path)
    who = {
        "user": "ana",
        "uid": 1000,
        "runs_as": "alice",
        "where": "ana@head",
        "ssh_client": "10.0.0.9",
        "face": "screen",
    }
    assert {
        "at": NOW, "id": fact, "fact": "intent", **who, "verb": "cancel", "targets": ["812"],
        "commands": [["scancel", "812"]], "summary": "cancel job 812 (ana, train)",
    } == intent  # fmt: skip
    assert (fact, "outcome", True, "cancelled job 812") == tuple(outcome[key] for key in ("id", "fact", "ok", "text"))


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """0600 in a folder of 0700, also where it was left looser."""
    audit = Audit(tmp_path / "state", Actor("ana", 1000))
    audit.intend(PLAN, PLAN.commands, NOW)
    audit.path.chmod(0o644)
    audit.intend(PLAN, PLAN.commands, NOW)

    assert 0o600 == audit.path.stat().st_mode & 0o777
    assert 0o700 == audit.path.parent.stat().st_mode & 0o777


def test_it_is_only_appended_to(tmp_path: Path) -> None:
    """What was written stays, and a line that a full disk cut short does not spoil the next."""
    audit = Audit(tmp_path, Actor("ana", 1000))
    audit.path.write_text('{"at": 1, "fact": "int')
    audit.intend(PLAN, PLAN.commands, NOW)

    torn, whole = audit.path.read_text().splitlines()
    assert '{"at": 1, "fact": "int' == torn
    assert "intent" == json.loads(whole)["fact"]


def test_what_cannot_be_written_is_an_error_for_a_person(tmp_path: Path) -> None:
    """A folder in its place, a device, a link to somewhere else: no action without its line."""
    for name in ("folder", "device", "link"):
        state = tmp_path / name
        state.mkdir()
        place = state / "audit.jsonl"
        if name == "folder":
            place.mkdir()
        else:
            place.symlink_to("/dev/full" if name == "device" else tmp_path / "elsewhere")
        with pytest.raises(AuditError, match="nothing is done without it"):
            Audit(state, Actor("ana", 1000)).intend(PLAN, PLAN.commands, NOW)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line is no line."""
    monkeypatch.setattr("os.write", lambda _file, data: len(data) // 2)

    with pytest.raises(AuditError, match="No space left"):
        Audit(tmp_path, Actor("ana", 1000)).intend(PLAN, PLAN.commands, NOW)


def test_secrets_stay_out(tmp_path: Path) -> None:
    """Neither a script nor the value of an option that may carry a secret is kept."""
    words = ("sbatch", "--export=ALL,HF_TOKEN=hf_secret", "--comment=hf_secret", "--job-name=a")
    plan = Plan("submit", (), (words,), "submit x", stdin="#!/bin/bash\nexport KEY=hf_secret\n")
    audit = Audit(tmp_path, Actor("ana", 1000))
    audit.conclude(audit.intend(plan, plan.commands, NOW), plan, Outcome(False, "HF_TOKEN=hf_secret"), NOW)

    assert "hf_secret" not in audit.path.read_text()
    assert ["sbatch", "--export=***", "--comment=***", "--job-name=a"] == lines(audit.path)[0]["commands"][0]  # type: ignore[index]  # JSON


def test_hostile_words_stay_one_line(tmp_path: Path) -> None:
    """A name with line breaks and controls is one JSON line that reads the same."""
    plan = Plan("drain", ("gpu-1\n{}",), (("scontrol", "Reason=\x1b[2J\n\u2028x" + "y" * 9000),), "drain\n\x00")
    audit = Audit(tmp_path, Actor("ana\n", 1000))
    audit.intend(plan, plan.commands, NOW)

    text = audit.path.read_text()
    assert 1 == text.count("\n")
    assert len(text) < 1500
    assert text.isascii()


def test_the_actor_is_the_process_and_its_ssh_client() -> None:
    """SSH_CONNECTION names who came from where; acting as oneself is not told twice."""
    found = actor_of(
        {"SSH_CONNECTION": "10.0.0.9 51234 10.0.0.1 22"}, "ana", runs_as="ana", where="here", face="screen"
    )

    assert ("ana", "", "10.0.0.9") == (found.user, found.runs_as, found.client)


@pytest.mark.parametrize(
    "word",
    [
        "--token=abc", "api_key=abc", "AWS_SECRET_ACCESS_KEY=abc", "https://u:abc@host/x", "https://u:p@abc@host/x",
        "max_tokens=abc", "token='(abc)'", "http://h/?sig=a,abc", "passphrase=abc", "--wrap=hf_abcdefghijklmnop",
        "Authorization: Bearer abcdefgh",
    ],
)  # fmt: skip
def test_telltale_words_are_masked(word: str) -> None:
    """By their names, wherever they stand."""
    assert "abc" not in masked(f"--x,{word}")


def test_hostile_word_costs_little() -> None:
    """No word of a command makes the search go back and forth."""
    began = thread_time()
    shown = [masked(word) for word in ("token" * 7_000, "a-" * 16_000, "a://" + "u" * 30_000, "aws_" * 8_000)]

    assert all(len(one) <= 501 for one in shown)
    assert thread_time() - began < 1.0
