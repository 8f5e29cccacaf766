"""The steps of a deployment as a ladder, and its plan as lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.deployment import Change, InfraPlan, State, Step, Told
from app.present.cells import line_text
from app.present.infra_ladder import MEANING, Rung, ladder, ladder_lines, text_of
from app.present.infra_plan import change_text, in_order, money_line, plan_lines, plan_state
from tests.present.fleets import NOW
from tests.present.infra_boards import LOOK, PLAIN, failed, text
from tests.tui.deployments import (
    FAILED,
    MENDING,
    PLAN,
    REACHED,
    READY,
    deployment,
    told,
)


def test_ladder_joins_record_and_events() -> None:
    """Done by the record, timed by the events."""
    rungs = ladder(deployment(State.DEPLOYING, 4, 4), REACHED, is_running=True)

    assert ["done"] * 4 + ["under way"] + ["waiting"] * 5 == [rung.state for rung in rungs]
    assert (1.0, 3.0, 89.0, 79.0) == tuple(rung.lasted(NOW) for rung in rungs[:4])
    assert Rung(Step.INSTALL, "under way", NOW - 170, None, 0.62, "lab-w2: apt-get install slurm-wlm munge") == rungs[4]


def test_step_begun_by_a_program_that_is_gone_is_stopped() -> None:
    """It neither goes on nor has failed."""
    rungs = ladder(deployment(State.DEPLOYING, 4, 4), REACHED, is_running=False)

    assert ("stopped", None) == (rungs[4].state, rungs[4].lasted(NOW))


def test_step_that_failed_is_where_the_trouble_is() -> None:
    """The trouble itself stands beside the steps."""
    rungs = ladder(failed().deployment, FAILED, is_running=False)

    assert ["done", "done", "failed", "waiting"] == [rung.state for rung in rungs[:4]]


def test_second_run_of_a_step_begins_its_rung_anew() -> None:
    """What the first run told of it is gone."""
    events = (*FAILED, told(10, Told.BEGUN, "pods begins", Step.PODS))
    rung = ladder(failed().deployment, events, is_running=True)[2]

    assert ("under way", 10.0, "") == (rung.state, rung.lasted(NOW), rung.said)


def test_done_says_what_was_told_last_where_it_says_no_more_itself() -> None:
    """`pods is done` beside a tick is no news."""
    events = (
        told(9, Told.BEGUN, "pods begins", Step.PODS),
        told(5, Told.NOTE, "3 of 4 in US-KS-2", Step.PODS),
        told(1, Told.DONE, "pods is done", Step.PODS),
        told(1, Told.BEGUN, "reach begins", Step.REACH),
        told(0, Told.DONE, "reach is done", Step.REACH),
    )
    lines = ladder_lines(ladder(deployment(State.READY, 10, 4), events, is_running=False), LOOK, 80)

    assert "3 of 4 in US-KS-2" in line_text(lines[2])
    assert MEANING[Step.REACH] in line_text(lines[3])


def test_step_done_before_keeps_its_time() -> None:
    """A later run passes over it; what the first told of it is the news."""
    events = (*READY, told(5, Told.SKIPPED, "reach was done before", Step.REACH))
    rung = ladder(deployment(State.READY, 10, 4), events, is_running=False)[3]

    assert ("done", 79.0, "4 host keys taken") == (rung.state, rung.lasted(NOW), rung.said)


def test_names_that_stand_before_a_text_are_not_repeated() -> None:
    """Neither the node's nor the step's."""
    assert "has 8 GPUs" == text_of(told(0, Told.NOTE, "lab-w1 has 8 GPUs", Step.GPUS, "lab-w1"))
    assert "is done" == text_of(told(0, Told.DONE, "gpus is done", Step.GPUS))
    assert "job 1 ran" == text_of(told(0, Told.DONE, "job 1 ran", Step.JOB))
    assert "laboratory" == text_of(told(0, Told.NOTE, "laboratory", Step.GPUS, "lab"))


@pytest.mark.parametrize("width", [30, 54, 80, 130])
def test_ladder_keeps_to_its_width(width: int) -> None:
    """Whatever was told, the time stands at the right."""
    events = (*REACHED, told(1, Told.PROGRESS, "x" * 500, Step.INSTALL, "lab-w2", fraction=0.7))
    lines = ladder_lines(ladder(deployment(State.DEPLOYING, 4, 4), events, is_running=True), LOOK, width)

    assert {True} == {len(line_text(one)) <= width for one in lines}
    assert line_text(lines[4]).endswith("3 min")
    assert "70 %" in line_text(lines[4])


def test_plan_shows_what_is_lost_first_and_the_money_last() -> None:
    """With the reason of each and what differs."""
    shown = text(plan_lines(MENDING, LOOK, 80))

    assert [
        "± replace w3  cannot be changed in place",
        "gpu_type_id",
        "+ rent    w2",
        "changed outside",
        "all pods",
    ] == [
        part
        for part in (
            "± replace w3  cannot be changed in place",
            "gpu_type_id",
            "+ rent    w2",
            "changed outside",
            "all pods",
        )
        if part in shown
    ]
    assert shown.index("w3") < shown.index("rent") < shown.index("changed outside") < shown.index("all pods")
    assert "$57.36/h → $76.88/h  +$19.52/h" in shown


def test_plan_is_counted_in_the_frame() -> None:
    """By what is done to how many."""
    assert "1 to replace · 1 to rent" == line_text(plan_state(MENDING, LOOK))
    assert "4 to rent" == line_text(plan_state(PLAN, LOOK))


def test_unknown_price_is_never_zero() -> None:
    """It is a dash, and said."""
    plan = replace(PLAN, per_hour_after=None)

    assert "all pods  $0.00/h → —  a price is not known" == line_text(money_line(plan, LOOK)).strip()


def test_empty_plan_says_so() -> None:
    """Nothing is to be changed, and the money stays as it is."""
    plan = InfraPlan((), (), "", 76.48, 76.48)

    assert "nothing is to be changed" in text(plan_lines(plan, LOOK, 80))


def test_plan_is_whole_in_ascii() -> None:
    """No sign that a plain terminal lacks."""
    assert text(plan_lines(MENDING, PLAIN, 80)).isascii()


def test_change_of_something_else_goes_by_its_address() -> None:
    """A network volume is no node; its address may come from anywhere and is cleaned."""
    change = Change("runpod_network_volume.models\x1b[2J", "create", "", (), "", 0.02)

    assert "rent runpod_network_volume.models [2J: +$0.02/h" in {
        change_text(change, LOOK),
        change_text(change, LOOK).replace("models[2J", "models [2J"),
    }


def test_changes_come_in_one_order() -> None:
    """Whatever order Terraform tells them in."""
    assert ["w3", "w2"] == [one.node for one in in_order(tuple(reversed(MENDING.changes)))]
