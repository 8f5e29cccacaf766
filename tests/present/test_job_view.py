"""A job in words: facts, use, cost; the dialogue before a deed; nodes and partitions as rows; colours by job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from app.domain.allocation import allocations
from app.domain.job_actions import Outcome, Plan, SubmitCheck
from app.present.cells import line_text, line_width
from app.present.dialogue import outcome_lines, plan_lines
from app.present.glyphs import UNICODE
from app.present.job_gpus import job_gpu_rows
from app.present.job_steps import step_columns, step_rows
from app.present.job_view import cost_of, fact_lines, job_facts, summary_lines, use_facts, use_of
from app.present.look import Look
from app.present.paint import FREE, Kinds, holder_paint, idle_paint
from app.present.slurm_rows import node_state_rows, partition_rows
from app.present.submit_lines import check_lines
from tests.present.fleets import NOW
from tests.present.slurm_fleet import HOSTILE, picture, slurm_fleet

SNAPSHOT = slurm_fleet()
JOIN = allocations(SNAPSHOT, NOW)
LOOK = Look(NOW, tz=UTC, held=JOIN.held)
JOB = dict(picture(SNAPSHOT).jobs or {})["812"]
GPUS = JOIN.gpus_of(JOB)


def test_cost_follows_the_models_and_the_limit() -> None:
    """Twelve GPUs at $2.98 for 3 h 12, and for the 24 h it may run."""
    cost = cost_of(JOB, GPUS, SNAPSHOT.prices, NOW)

    assert (12 * 2.98, round(12 * 2.98 * 3.2, 2), 12 * 2.98 * 24) == (
        cost.per_hour, round(cost.so_far or 0, 2), cost.to_limit,
    )  # fmt: skip


def test_cost_without_a_price_is_unknown() -> None:
    """No price is not a price of nothing."""
    assert cost_of(JOB, GPUS, {}, NOW).per_hour is None


def test_facts_fit_any_width_and_lose_nothing_of_a_path() -> None:
    """Long values go on below, within the width."""
    for width in (30, 50, 90):
        lines = fact_lines(job_facts(JOB, LOOK, "exact", NOW), width)
        assert max(map(line_width, lines)) <= width
        assert "train.sbatch" in "".join(line_text(one).strip() for one in lines)


def test_doubt_about_the_gpus_is_said() -> None:
    """A guess is called one."""
    shown = dict(job_facts(JOB, LOOK, "guess", NOW))

    assert "a guess" in line_text(shown["GPUs"])


def test_use_counts_the_idle_ones() -> None:
    """One of twelve does nothing."""
    use = use_of(GPUS, NOW)
    shown = dict(use_facts(use, cost_of(JOB, GPUS, SNAPSHOT.prices, NOW), JOB, LOOK, 50.0))

    assert "1 of 12 idle" in line_text(shown["in use now"])
    assert "$57.22 of it" == line_text(shown["unused"])


def test_summary_is_three_lines() -> None:
    """Title, what it holds, how it uses that."""
    first, second, third = summary_lines(JOB, LOOK, use_of(GPUS, NOW), cost_of(JOB, GPUS, SNAPSHOT.prices, NOW), NOW)

    assert "llama-ft" in line_text(first)
    assert "12 GPUs h100" in line_text(second)
    assert "1 of 12 idle" in line_text(third)


def test_gpus_stand_in_the_order_of_ranks_and_name_who_is_behind() -> None:
    """Rank 3 says why."""
    rows = job_gpu_rows(GPUS, {"gpu-01/3": "0 % beside 97 %"}, LOOK)

    assert ("3", "gpu-01/3") == rows[3].text[1:3]
    assert "behind its job: 0 % beside 97 %" == rows[3].text[-1]


def test_steps_have_a_column_for_each_field_that_is_told() -> None:
    """Fields nobody fills take no column; unknown ones are left out."""
    steps = ({"JobID": "812.0", "State": "RUNNING", "Odd": "x"}, {"JobID": "812.1", "State": ""})

    assert ["JobID", "State"] == [one.key for one in step_columns(steps)]
    assert ("812.0", "RUNNING") == step_rows(steps)[0].text


def test_plan_shows_everything_before_it_is_done() -> None:
    """Summary, whom it hits, warnings, what undoes it, the exact command."""
    plan = Plan(
        "cancel", ("1",), (("scancel", "1 2"),), "cancel job 1", ("1 ana",), "nothing undoes this", True, ("others'",)
    )
    text = "\n".join(line_text(one) for one in plan_lines(plan, 60, UNICODE))

    for part in ("cancel job 1", "1 ana", "nothing undoes this", "others'", "$ scancel '1 2'"):
        assert part in text


def test_hostile_plan_and_outcome_stay_within_the_box() -> None:
    """Whatever Slurm or a job says, every line is printable and no wider than the box."""
    plan = Plan("cancel", ("1",), (("scancel", HOSTILE),), HOSTILE, (HOSTILE,) * 30, HOSTILE, False, (HOSTILE,))
    lines = (*plan_lines(plan, 50, UNICODE), *outcome_lines(Outcome(False, HOSTILE, (HOSTILE,)), 50, UNICODE))

    assert all(line_text(one).isprintable() or not one for one in lines)
    assert max(map(line_width, lines)) <= 50


def test_nodes_that_take_no_jobs_come_first_with_their_reason() -> None:
    """The drained one, who drained it, when, and what that means."""
    rows = node_state_rows(
        picture(SNAPSHOT).nodes.values(), {"gpu-03": 3}, lambda _: "new jobs do not start here", LOOK
    )

    assert ("gpu-03", "gpu-01", "gpu-02") == rows.keys
    assert "GPU 7: uncorrectable ECC  root 2 h 00 ago · new jobs do not start here" == rows[0].text[-1]


def test_partition_says_who_may() -> None:
    """Groups where it is limited, everybody else."""
    rows = partition_rows(picture(SNAPSHOT).partitions.values(), ())

    assert {"debug": "everybody", "gpu": "everybody", "serve": "groups ops"} == {row.key: row.text[-1] for row in rows}


def test_kinds_keep_their_letters() -> None:
    """A name keeps its number while it is there; a new one takes the lowest that is free."""
    kinds = Kinds()
    kinds.of(["a", "b", "c"])

    assert {"a": 0, "c": 2, "d": 1} == kinds.of(["a", "c", "d"])


def test_paint_by_job_tells_holders_and_the_free() -> None:
    """GPUs of one job share a code, those of nobody are free."""
    paint = holder_paint(tuple(SNAPSHOT.gpus()), LOOK, Kinds(), by_user=False)
    code = {gpu.id: paint.code(gpu) for gpu in SNAPSHOT.gpus()}

    assert code["gpu-01/0"] == code["gpu-03/3"] != code["gpu-03/4"]
    assert FREE == code["gpu-02/7"]
    assert "812" == paint.names[code["gpu-01/0"]]


def test_paint_by_idle_time_grows_with_it() -> None:
    """Just now is the lowest level, a night the highest; at work is none."""
    one, two, three = GPUS[:3]
    since = {one.id: 5.0, two.id: 30_000.0}
    paint = idle_paint(GPUS[:3], lambda gpu: since.get(gpu.id))

    assert (0, 9, FREE) == (paint.code(one), paint.code(two), paint.code(three))


def test_check_says_when_and_what_speaks_against_it() -> None:
    """The estimate as a span and a clock; findings below."""
    found = SubmitCheck(True, NOW + 4200, ("gpu-02",), "", ("8 GPUs asked for, 2 free",))
    lines = [line_text(one) for one in check_lines(found, "", LOOK, 80)]

    assert "● Slurm would take it · starts in 70 min, at 17:10 by Slurm's estimate · on gpu-02" == lines[0]
    assert "  8 GPUs asked for, 2 free" == lines[1]


def test_waiting_job_costs_nothing_so_far() -> None:
    """Only what it would cost to its limit is told."""
    waiting = dict(picture(SNAPSHOT).jobs or {})["831"]
    shown = dict(use_facts(use_of((), NOW), cost_of(waiting, (), SNAPSHOT.prices, NOW), waiting, LOOK, None))

    assert "so far" not in line_text(shown["cost"])
    assert cost_of(replace(waiting, gpu_type=None), (), SNAPSHOT.prices, NOW).per_hour is None
