"""Plans for jobs: the exact words, whom they hit, what undoes them, what a person should know first."""

from __future__ import annotations

import pytest

from app.domain.job_actions import JOB_VERBS
from app.services.action_jobs import RULES
from app.services.action_targets import ActionError
from app.services.actions import plan
from tests.engine.slurm_builders import HOUR_S, NOW, job, picture, running

ANAS = running(812, "gpu-1,gpu-2", 8, name="llama-ft")
WAITS = job(813)
HELD = job(814, priority=0, reason="JobHeldUser")
BOS = running(815, "gpu-3", 2, user="bo", name="sim")
TASKS = tuple(job(820 + number, id=f"820_{number}", array_job_id=820, array_task=str(number)) for number in range(3))
PARTS = tuple(
    running(830 + number, f"gpu-{number + 4}", 1, id=f"830+{number}", het_job_id=830, het_offset=number)
    for number in range(2)
)
QUEUE = picture([ANAS, WAITS, HELD, BOS, *TASKS, *PARTS])


@pytest.mark.parametrize(
    ("verb", "ids", "more", "commands"),
    [
        ("cancel", ["812"], {}, [("scancel", "812")]),
        ("cancel", ["812", "813", "820_[1-2%4]"], {}, [("scancel", "812", "813", "820_[1-2]")]),
        ("hold", ["813"], {}, [("scontrol", "hold", "813")]),
        ("hold", ["812", "813"], {}, [("scontrol", "hold", "812,813")]),
        ("release", ["814", "820_[1,2]"], {}, [("scontrol", "release", "814"), ("scontrol", "release", "820_[1,2]")]),
        ("requeue", ["812"], {}, [("scontrol", "requeue", "812")]),
        ("suspend", ["812"], {}, [("scontrol", "suspend", "812")]),
        ("resume", ["812"], {}, [("scontrol", "resume", "812")]),
        ("top", ["813", "820_1"], {}, [("scontrol", "top", "813,820_1")]),
        ("nice", ["813"], {"nice": -5}, [("scontrol", "update", "JobId=813", "Nice=-5")]),
        ("extend", ["812"], {"minutes": 90}, [("scontrol", "update", "JobId=812", "TimeLimit+=90")]),
        ("extend", ["812"], {"minutes": -30}, [("scontrol", "update", "JobId=812", "TimeLimit-=30")]),
        ("signal", ["812"], {"signal": "sigusr1"}, [("scancel", "--signal=USR1", "812")]),
        ("signal", ["812"], {"signal": "10", "whole": True}, [("scancel", "--signal=10", "--full", "812")]),
    ],
)
def test_commands(verb: str, ids: list[str], more: dict[str, object], commands: list[tuple[str, ...]]) -> None:
    """Each verb is Slurm's own command, with several ids in one where it takes them."""
    assert tuple(commands) == plan(verb, ids, QUEUE, now=NOW, **more).commands  # type: ignore[arg-type]  # by table


def test_every_verb_has_a_rule() -> None:
    """None of the verbs that a screen may offer is without its row."""
    assert list(JOB_VERBS) == list(RULES)


def test_a_cancel_tells_whom_it_hits_and_that_nothing_undoes_it() -> None:
    """User, name, time run, nodes and GPUs of the job, on one line."""
    found = plan("cancel", ["812"], QUEUE, now=NOW, user="ana")

    assert "cancel job 812 (ana, llama-ft)" == found.summary
    assert ("812 ana llama-ft: RUNNING for 3 h 00 min on gpu-[1-2] with 16 GPUs",) == found.hits
    assert found.is_severe
    assert found.undo.startswith("nothing undoes this")
    assert () == found.warnings


def test_a_waiting_job_loses_no_work() -> None:
    """Cancelling what has not begun is not severe."""
    assert not plan("cancel", ["813"], QUEUE, now=NOW, user="ana").is_severe


def test_an_array_is_all_of_its_tasks() -> None:
    """The number of the array hits every task; one task hits itself, and so does its own number."""
    whole = plan("cancel", ["820"], QUEUE, now=NOW)

    assert ["820_0", "820_1", "820_2"] == [line.split()[0] for line in whole.hits]
    assert "cancel 3 jobs: 820" == whole.summary
    assert ["820_1"] == [line.split()[0] for line in plan("cancel", ["820_1"], QUEUE, now=NOW).hits]
    assert ["820_1"] == [line.split()[0] for line in plan("cancel", ["821"], QUEUE, now=NOW).hits]
    assert ["820_1", "820_2"] == [line.split()[0] for line in plan("hold", ["820_[1-2]"], QUEUE, now=NOW).hits]


def test_a_part_of_a_heterogeneous_job_is_itself_where_slurm_can() -> None:
    """Slurm ends one running part by its own number, but requeues the whole only, and that is said."""
    assert (("scancel", "831"),) == plan("cancel", ["830+1"], QUEUE, now=NOW).commands
    whole = plan("requeue", ["830+1"], QUEUE, now=NOW)
    assert (("scontrol", "requeue", "830"),) == whole.commands
    assert any("whole heterogeneous job" in line for line in whole.warnings)
    assert 2 == len([line for line in whole.hits if line.startswith("830+")])


def test_somebody_elses_job_is_said() -> None:
    """A person sees whose work they are about to end, and that Slurm may refuse."""
    found = plan("cancel", ["812", "815"], QUEUE, now=NOW, user="ana")

    assert ("jobs of bo, not yours: Slurm lets only operators do this",) == found.warnings
    assert () == plan("cancel", ["812"], QUEUE, now=NOW, user="").warnings


@pytest.mark.parametrize(
    ("verb", "number", "said"),
    [
        ("hold", "812", "job 812 runs: it goes on, and is held only if it is requeued"),
        ("hold", "814", "job 814 is held already"),
        ("release", "813", "job 813 is not held"),
        ("requeue", "813", "job 813 waits already"),
        ("suspend", "813", "job 813 does not run"),
        ("resume", "812", "job 812 is not suspended"),
        ("top", "812", "job 812 does not wait"),
        ("cancel", "999", "not in Slurm's queue: 999"),
    ],
)
def test_a_state_that_it_does_not_fit_is_said(verb: str, number: str, said: str) -> None:
    """The plan is made all the same: Slurm's word counts, and the picture may be old."""
    assert said in plan(verb, [number], QUEUE, now=NOW).warnings  # type: ignore[arg-type]  # by table


def test_jobs_that_wait_for_it_are_told() -> None:
    """What depends on a job that is cancelled may never start."""
    chained = picture(
        [
            ANAS,
            job(840, dependency="afterok:812(unfulfilled),afterany:1"),
            job(841, dependency="afterany:812(unfulfilled)"),
            job(842, dependency="afterok:8120(unfulfilled)"),
        ]
    )
    hits = plan("cancel", ["812"], chained, now=NOW).hits

    assert ("840 ana train: then never starts (afterok)", "841 ana train: then may start (afterany)") == hits[1:]


def test_a_job_submitted_not_to_be_requeued_is_said() -> None:
    """--no-requeue is known before Slurm says no."""
    fixed = picture([running(812, "gpu-1", is_requeueable=False)])

    assert (
        "job 812 was submitted with --no-requeue: Slurm will refuse"
        in plan("requeue", ["812"], fixed, now=NOW).warnings
    )


def test_undo_is_the_command_that_undoes() -> None:
    """What can be undone says by what."""
    assert "scontrol release 813" == plan("hold", ["813"], QUEUE, now=NOW).undo
    assert "scontrol update JobId=812 TimeLimit-=60" == plan("extend", ["812"], QUEUE, now=NOW, minutes=60).undo


def test_hundreds_of_jobs_are_a_few_lines() -> None:
    """A plan stays readable: the running ones first, a sum for the rest."""
    many = picture([running(number, "gpu-1", 1) for number in range(1, 301)])
    found = plan("cancel", [str(number) for number in range(1, 301)], many, now=NOW)

    assert 13 == len(found.hits)
    assert "and 288 more jobs, 288 of them running with 288 GPUs" == found.hits[-1]
    assert "cancel 300 jobs: 1, 2, 3, 4, 5, 6, 7, 8 and 292 more" == found.summary


@pytest.mark.parametrize(
    ("verb", "more"), [("extend", {}), ("extend", {"minutes": 10**9}), ("nice", {}), ("signal", {}), ("explode", {})]
)
def test_what_is_not_said_is_not_guessed(verb: str, more: dict[str, object]) -> None:
    """A verb without its number, and a verb that is none, are refused."""
    with pytest.raises(ActionError):
        plan(verb, ["812"], QUEUE, now=NOW, **more)  # type: ignore[arg-type]  # by table


def test_without_a_picture_the_command_is_the_same() -> None:
    """A queue that could not be read changes what is told, never what is run."""
    found = plan("cancel", ["812"], None, now=NOW)

    assert ((("scancel", "812"),), ("nobody that is known here",), ()) == (found.commands, found.hits, found.warnings)


def test_names_from_outside_are_clean() -> None:
    """A job's name cannot move the cursor of who reads the plan."""
    odd = picture([running(812, "gpu-1", name="\x1b[2Jx\u202e\n" + "y" * 10_000, start_at=NOW - HOUR_S)])
    found = plan("cancel", ["812"], odd, now=NOW)

    shown = "".join((found.summary, *found.hits))
    assert shown.isprintable()
    assert len(shown) < 300
