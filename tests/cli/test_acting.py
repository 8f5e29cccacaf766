"""Commands that act: they show the plan, ask, do exactly that, tell what came of it, and refuse what they must."""

from __future__ import annotations

import io
import json
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from tests.cli.conftest import Run, schema
from tests.standins.slurm_commands import FakeSlurm

NODE = "NodeName=pod-1 State=DOWN+DYNAMIC_NORM+NOT_RESPONDING Gres=gpu:h100:8 Partitions=gpu\n"


class Terminal(io.StringIO):
    """A person at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("words", "run_words"),
    [
        (["cancel", "812"], ["scancel", "812"]),
        (["hold", "812", "813"], ["scontrol", "hold", "812,813"]),
        (["release", "813"], ["scontrol", "release", "813"]),
        (["requeue", "812"], ["scontrol", "requeue", "812"]),
        (["suspend", "812"], ["scontrol", "suspend", "812"]),
        (["resume", "812"], ["scontrol", "resume", "812"]),
        (["top", "813"], ["scontrol", "top", "813"]),
        (["nice", "813", "--by=-10"], ["scontrol", "update", "JobId=813", "Nice=-10"]),
        (["extend", "812", "--by=1h30m"], ["scontrol", "update", "JobId=812", "TimeLimit+=90"]),
        (["extend", "812", "--by=-30m"], ["scontrol", "update", "JobId=812", "TimeLimit-=30"]),
        (["signal", "812", "--name", "usr1"], ["scancel", "--signal=USR1", "812"]),
        (["signal", "812", "--name", "usr1", "--script"], ["scancel", "--signal=USR1", "--full", "812"]),
        (
            ["drain", "node-1", "--reason", "fan; $(id)"],
            ["scontrol", "update", "NodeName=node-1", "State=DRAIN", "Reason=fan; $(id)"],
        ),
        (["undrain", "node-1"], ["scontrol", "update", "NodeName=node-1", "State=RESUME"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_each_command_runs_slurms_own(run: Run, slurm: FakeSlurm, words: list[str], run_words: list[str]) -> None:
    """With --yes: exactly one command, the one that is shown; what came of it fits the schema."""
    answer = run(*words, "--yes", "--json")

    assert errors.OK == answer.code, answer.err
    assert [run_words] == slurm.acts
    jsonschema.validate(answer.json, schema("action"))
    assert [[str(slurm.folder / run_words[0]), *run_words[1:]]] == answer.json["commands"]
    assert str(slurm.folder / run_words[0]) in answer.err


def test_a_dead_node_is_deleted(run: Run, slurm: FakeSlurm) -> None:
    """And a live one is not."""
    slurm.says("scontrol -o -d show node", stdout=NODE)
    assert errors.OK == run("delete-node", "pod-1", "--yes").code
    assert [["scontrol", "delete", "NodeName=pod-1"]] == slurm.acts

    slurm.says("scontrol -o -d show node", stdout=NODE.replace("DOWN+DYNAMIC_NORM+NOT_RESPONDING", "IDLE+DYNAMIC_NORM"))
    answer = run("delete-node", "pod-1", "--yes")
    assert errors.USAGE == answer.code
    assert "pod-1 is alive" in answer.err


def test_the_plan_is_shown_before_anybody_is_asked(
    run: Run,
    slurm: FakeSlurm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Command, whom it hits, what undoes it; a bare Enter is no."""
    monkeypatch.setattr("sys.stdin", Terminal("\n"))
    answer = run("cancel", "812")

    assert (errors.NOT_DONE, "") == (answer.code, answer.out)
    for said in (
        "scancel 812",
        "train: RUNNING",
        "with 2 GPUs",
        "nothing undoes this",
        "do it? [y/N]",
        "nothing was done",
    ):
        assert said in answer.err
    assert [] == slurm.acts


def test_yes_at_the_terminal_is_yes(run: Run, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """One letter is enough."""
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))

    assert (errors.OK, "cancelled job 812\n") == (run("cancel", "812").code, run("cancel", "812", "--yes").out)


def test_without_a_terminal_nothing_is_done(run: Run, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script must say --yes; a `y` from a pipe is no person."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    answer = run("cancel", "812")

    assert errors.USAGE == answer.code
    assert "--yes" in answer.err
    assert [] == slurm.acts


def test_read_only_shows_and_refuses(run: Run, slurm: FakeSlurm) -> None:
    """--yes does not change that."""
    answer = run("cancel", "812", "--yes", "--read-only")

    assert errors.NOT_DONE == answer.code
    assert "scancel 812" in answer.err
    assert "read-only" in answer.out
    assert [] == slurm.acts


def test_slurms_refusal_is_exit_1_with_what_to_do(run: Run, slurm: FakeSlurm) -> None:
    """Plain words on stdout, Slurm's own on stderr."""
    slurm.says("scontrol hold", stderr="Access/permission denied for job 813\n", code=1)
    answer = run("hold", "813", "--yes")

    assert errors.FOUND == answer.code
    assert "belongs to somebody else" in answer.out
    assert "Slurm: Access/permission denied for job 813" in answer.err


def test_a_slurm_that_does_not_answer_is_unavailable(run: Run, slurm: FakeSlurm) -> None:
    """Nothing is tried blindly."""
    slurm.says("squeue", stderr="slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", code=1)
    answer = run("cancel", "812", "--yes")

    assert errors.UNAVAILABLE == answer.code
    assert "slurmctld does not answer" in answer.err
    assert [] == slurm.acts


def test_without_slurm_it_says_what_is_missing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No commands and none configured."""
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = run("cancel", "812", "--yes")

    assert errors.UNAVAILABLE == answer.code
    assert "slurm.bin_dir" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cancel", "all"], "no job id"),
        (["cancel"], "required"),
        (["cancel", "812", "--user=root"], "unknown option"),
        (["drain", "node-1"], "--reason"),
        (["drain", "node-1", "--reason", " "], "say why"),
        (["drain", "node-1;id", "--reason", "x"], "no node"),
        (["extend", "812", "--by", "soon"], "--by"),
        (["extend", "812", "--by", "90s"], "whole minutes"),
        (["nice", "812", "--by", "x"], "--by"),
        (["signal", "812", "--name", "-9"], "no signal"),
    ],
)
def test_wrong_words_are_64(run: Run, slurm: FakeSlurm, words: list[str], said: str) -> None:
    """And nothing is run."""
    answer = run(*words, *(["--yes"] if words != ["cancel"] else []))

    assert errors.USAGE == answer.code
    assert said in answer.err
    assert [] == slurm.acts


def test_every_action_is_in_the_audit_log(run: Run, slurm: FakeSlurm, own_home: Path) -> None:
    """Two lines, for their owner alone, with who and from where."""
    run("cancel", "812", "--yes")

    path = own_home / "state" / "audit.jsonl"
    facts = [json.loads(line) for line in path.read_text().splitlines()]
    assert [("intent", "cancel"), ("outcome", "cancel")] == [(one["fact"], one["verb"]) for one in facts]
    assert {"command line"} == {one["face"] for one in facts}
    assert 0o600 == path.stat().st_mode & 0o777


def test_names_from_slurm_cannot_move_the_cursor(run: Run, slurm: FakeSlurm) -> None:
    """Nor anything it answers."""
    slurm.queue({**dict(slurm.rows[0]), "Name": "x\x1b[2J\u202e", "UserName": "bo\x07"})
    slurm.says("scontrol hold", stderr="\x1b[31mno\x1b[0m\n", code=1)
    answer = run("hold", "812", "--yes")

    assert errors.FOUND == answer.code
    assert "\x1b" not in answer.out + answer.err
    assert "\u202e" not in answer.err
