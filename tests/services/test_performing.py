"""Doing a plan on stand-in commands: what is run, how Slurm's refusals are told, what is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain.job_actions import Outcome, Plan
from app.services.action_errors import plain_words, refusal_of
from app.services.actions import plan
from app.services.audit import Actor, Audit
from app.services.jobs import READ_ONLY, Jobs
from app.services.performing import Answer, corrected, outcome_of, states_of
from app.services.slurm_access import SlurmAccess
from tests.engine.slurm_builders import NOW, node, picture
from tests.services.slurm_doors import jobs_of
from tests.standins.slurm_commands import FakeSlurm


@pytest.fixture
def slurm(tmp_path: Path) -> FakeSlurm:
    """Commands that say that all is well."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return FakeSlurm(folder)


def facts(state: Path) -> list[dict[str, object]]:
    """What the audit log holds."""
    path = state / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_a_plan_is_run_word_by_word_and_written_down(slurm: FakeSlurm, tmp_path: Path) -> None:
    """The commands that were shown, from the configured folder, between intent and outcome."""
    jobs = jobs_of(slurm, tmp_path)
    drain = plan("drain", ["gpu-1"], picture(nodes=[node("gpu-1")]), now=NOW, reason="fan swap")

    assert Outcome(True, "draining node gpu-1") == await jobs.perform(drain)
    assert [["scontrol", "update", "NodeName=gpu-1", "State=DRAIN", "Reason=fan swap"]] == slurm.argv
    intent, outcome = facts(tmp_path)
    assert [[str(slurm.folder / "scontrol"), *slurm.argv[0][1:]]] == intent["commands"]
    assert ("outcome", True) == (outcome["fact"], outcome["ok"])


async def test_read_only_runs_nothing(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Neither a command nor a line in the log."""
    jobs = jobs_of(slurm, tmp_path, read_only=True)

    assert Outcome(False, READ_ONLY) == await jobs.perform(plan("cancel", ["812"], None, now=NOW))
    assert READ_ONLY == (await jobs.submit("#!/bin/sh\n")).text
    assert ([], []) == (slurm.argv, facts(tmp_path))


async def test_without_its_log_nothing_is_done(slurm: FakeSlurm, tmp_path: Path) -> None:
    """An audit log that cannot be written refuses the action in a sentence."""
    (tmp_path / "audit.jsonl").mkdir()

    outcome = await jobs_of(slurm, tmp_path).perform(plan("hold", ["812"], None, now=NOW))

    assert not outcome.ok
    assert outcome.text.startswith("nothing was done: the audit log")
    assert [] == slurm.argv


async def test_slurms_own_error_is_told_in_plain_words(slurm: FakeSlurm, tmp_path: Path) -> None:
    """What it means and what to do; Slurm's own line beside it."""
    slurm.says("scontrol requeue", stderr="Access/permission denied for job 812\n", code=1)
    outcome = await jobs_of(slurm, tmp_path).perform(plan("requeue", ["812"], None, now=NOW))

    assert not outcome.ok
    assert (
        "requeue job 812: not done: Slurm does not let ana do this: it belongs to somebody else, "
        "or is for operators only; ask one of them"
    ) == outcome.text
    assert ("Access/permission denied for job 812",) == outcome.details
    assert outcome.text == facts(tmp_path)[1]["text"]


async def test_a_cancel_of_nothing_is_found_out(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Scancel is silent about an id that nobody knows: the queue is asked."""
    slurm.says("squeue", stderr="slurm_load_jobs error: Invalid job id specified\n", code=1)
    outcome = await jobs_of(slurm, tmp_path).perform(plan("cancel", ["999"], None, now=NOW))

    assert Outcome(False, "Slurm knows no job 999: it ended some time ago, or never was") == outcome
    assert ["scancel", "squeue"] == [words[0] for words in slurm.argv]


async def test_a_cancel_is_believed_where_the_queue_does_not_answer(slurm: FakeSlurm, tmp_path: Path) -> None:
    """What cannot be checked stays as scancel said it."""
    slurm.says("squeue", stderr="Unable to contact slurm controller (connect failure)\n", code=1)

    assert (await jobs_of(slurm, tmp_path).perform(plan("cancel", ["812"], None, now=NOW))).ok


async def test_a_command_that_hangs_leaves_it_open(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed, and the sentence says so."""
    monkeypatch.setattr("app.services.performing.TIMEOUT_S", 0.3)
    slurm.says("scontrol hold", sleep=30)
    outcome = await jobs_of(slurm, tmp_path).perform(plan("hold", ["812"], None, now=NOW))

    assert not outcome.ok
    assert "did not end within 0.3 s" in outcome.text


async def test_by_an_exporter_nothing_is_done(tmp_path: Path) -> None:
    """Where there are neither commands nor slurmrestd it says what is needed."""
    nowhere = SlurmAccess("exporter", "http://head:9341", "ana")
    outcome = await Jobs(nowhere, Audit(tmp_path, Actor("ana", 1)), lambda: NOW).perform(
        plan("hold", ["812"], None, now=NOW)
    )

    assert "hold needs Slurm's commands" in outcome.text


def answer(*words: str, code: int = 1, said: tuple[str, ...] = ()) -> Answer:
    """What a command left."""
    return Answer(words, code, said)


HOLD = Plan("hold", ("1", "2", "3"), (("scontrol", "hold", "1,2,3"),), "hold 3 jobs")


def test_some_of_several_are_told_apart() -> None:
    """Those that Slurm names were refused, the others were done."""
    outcome = outcome_of(
        HOLD, [answer("scontrol", "hold", "1,2,3", said=("Job has already finished for job 2",))], "ana"
    )

    assert (
        Outcome(False, "held 2 of 3; not 2: it has ended already", ("Job has already finished for job 2",)) == outcome
    )


def test_a_silent_failure_is_a_failure() -> None:
    """A status without a word."""
    assert (
        "scontrol ended with status 1 and no word"
        in outcome_of(HOLD, [answer("scontrol", "hold", "1,2,3")], "ana").text
    )


def test_a_known_refusal_counts_with_status_0() -> None:
    """Some versions say no and end well."""
    said = ("Kill job error on job id 1: Job/step already completing or completed",)

    assert not outcome_of(HOLD, [answer("scancel", "1", "2", "3", code=0, said=said)], "ana").ok


def test_unknown_words_are_quoted() -> None:
    """A line nobody has met is told as it came, without controls."""
    refusal = refusal_of(("\x1b[31mThe moon is full.",), "ana")

    assert refusal is not None
    assert ("Slurm says: [31mThe moon is full", False) == (refusal.text, refusal.is_known)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("scancel: error: Kill job error on job id 5: Access/permission denied", "does not let ana"),
        ("slurm_update error: Invalid user id", "operators and administrators"),
        ("Invalid job id specified for job 999", "no such job"),
        ("Requested nodes are busy", "jobs are still there"),
        ("Job is pending execution for job 812", "waits already"),
        ("Unable to contact slurm controller (connect failure)", "slurmctld does not answer"),
        ("Batch job submission failed: Requested node configuration is not available", "no node of the partition"),
        ("sbatch: error: Batch script contains DOS line breaks (\\r\\n)", "Windows line ends"),
        ("Requested operation is presently disabled for job 5", "turned off"),
    ],
)
def test_known_lines(line: str, said: str) -> None:
    """Slurm's own texts, wherever in a line they stand."""
    assert said in (plain_words(line, "ana") or "")


def test_states_after_a_cancel() -> None:
    """What had ended before was not cancelled; an array counts by its tasks."""
    states = states_of(b"812 COMPLETED\n820_0 COMPLETED\n820_1 CANCELLED\n821 RUNNING\nnoise\n")
    done = Plan("cancel", ("812", "820", "821", "999"), (), "")

    assert {"812": "COMPLETED", "820_0": "COMPLETED", "820_1": "CANCELLED", "821": "RUNNING"} == states
    assert (
        "cancelled 2 of 4; Slurm knows no job 999: it ended some time ago, or never was; "
        "had ended before: 812 (COMPLETED)"
    ) == corrected(done, Outcome(True, "x"), states).text
