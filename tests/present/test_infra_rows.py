"""Deployments and their nodes as rows: how they stand, what they cost, what is astray."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.deployment import Billing, PodStatus, State
from app.present.cells import line_text
from app.present.infra_rows import deployment_rows, deployments_state, node_rows, nodes_state
from app.present.infra_view import Held, InfraRun, RunVerb, state_word
from tests.present.fleets import NOW
from tests.present.infra_boards import LOOK, failed, ready
from tests.tui.deployments import (
    ENDED,
    REACHED,
    READY,
    TROUBLE,
    deployment,
    pod,
    wish,
)


def test_row_tells_state_nodes_money_and_when_it_ends() -> None:
    """Everything that is asked first of a cluster that is paid for by the hour."""
    row = deployment_rows([ready()], LOOK)[0]

    assert ("●", "lab", "ready", "4/4", "8 × H100 80GB HBM3", "$76.48/h", "$84.98", "", "10 h 53") == row.text


def test_question_outweighs_everything_on_a_row() -> None:
    """Who has to say yes is waited for, whatever else is wrong."""
    run = InfraRun("deploy", NOW - 5, asks=True)
    row = deployment_rows([ready(run=run, drift={"lab-w1": "its pod was terminated outside"})], LOOK)[0]

    assert ("?", "deploying", "waits for your word on its plan") == (row.text[0], row.text[2], row.text[7])


def test_orphan_is_named_before_drift() -> None:
    """What costs money for nothing comes first."""
    stray = replace(pod(deployment(State.READY, 10, 4).nodes[1]), id="stray")
    held = ready(orphans=(stray,), drift={"lab-w2": "its pod was terminated outside"})

    assert ("▲", "an orphan at $19.12/h") == (
        deployment_rows([held], LOOK)[0].text[0],
        deployment_rows([held], LOOK)[0].text[7],
    )
    assert "▲ 1 orphan · $95.60/h · spent $84.98" == line_text(deployments_state([held], LOOK))


def test_failed_row_says_what_happened() -> None:
    """The trouble's own sentence."""
    row = deployment_rows([failed()], LOOK)[0]

    assert ("▲", "failed", TROUBLE.what) == (row.text[0], row.text[2], row.text[7])


def test_run_tells_its_step_and_how_far_it_is() -> None:
    """The last thing told stands in the list, so that one need not look into each."""
    held = Held(deployment(State.DEPLOYING, 4, 4), REACHED, InfraRun("deploy", NOW - 372))

    assert "install 62 % apt-get install slurm-wlm munge" == deployment_rows([held], LOOK)[0].text[7]


def test_half_done_is_stopped_where_nobody_works_on_it() -> None:
    """A record that says `deploying` and no process behind it is no run."""
    held = Held(deployment(State.DEPLOYING, 4, 4), REACHED)

    assert "stopped" == state_word(held).text


def test_stopping_is_told_until_it_has_stopped() -> None:
    """Terraform may take a while to end what it is at."""
    held = ready(run=InfraRun("scale", NOW, is_stopping=True))

    assert "stopping" == state_word(held).text


def test_destroyed_row_says_since_when_nothing_is_left() -> None:
    """No price, no nodes, what it cost."""
    one = replace(deployment(State.DESTROYED, 0, 0), billing=Billing(84.98, 0.0, NOW - 60), destroyed_at=NOW - 60)
    row = deployment_rows([Held(one, ENDED)], LOOK)[0]

    assert ("✓", "lab", "destroyed", "—") == row.text[:4]
    assert ("—", "$84.98", "nothing is left, 60 s ago", "—") == row.text[5:]


@pytest.mark.parametrize(
    ("left_s", "shown", "tone"), [(43200.0, "12 h 00", "quiet"), (600.0, "10 min", "look"), (-5.0, "overdue", "bad")]
)
def test_deadline_is_told_louder_the_nearer_it_is(left_s: float, shown: str, tone: str) -> None:
    """Half an hour before the end it asks to be seen."""
    held = ready()
    held = replace(held, deployment=replace(held.deployment, deadline_at=NOW + left_s))
    cell = deployment_rows([held], LOOK)[0].cells[8][0]

    assert (shown, tone) == (cell.text, cell.tone)


def test_price_of_what_the_provider_lists_beats_our_own_clock() -> None:
    """A pod that somebody ended costs nothing any more, whatever the record says."""
    held = ready()
    fewer = {key: one for key, one in (held.pods or {}).items() if key in {"head", "w1"}}

    assert 38.24 == pytest.approx(replace(held, pods=fewer).per_hour)
    assert 76.48 == pytest.approx(replace(held, pods=None).per_hour)


def test_node_row_tells_pod_price_place_and_age() -> None:
    """As the provider tells them."""
    row = node_rows(ready(), LOOK)[0]

    assert ("●", "lab-head", "running", "8 × H100 80GB HBM3", "US-KS-2", "$19.12/h", "67 min") == row.text[:7]


def test_node_whose_pod_is_gone_is_marked() -> None:
    """With the sentence of what happened, in the tone of what is to be looked at."""
    held = ready(drift={"lab-w2": "its pod was terminated outside"})
    held = replace(held, pods={key: one for key, one in (held.pods or {}).items() if key != "w2"})
    row = node_rows(held, LOOK)[2]

    assert ("▲", "lab-w2", "gone", "its pod was terminated outside") == (*row.text[:3], row.text[8])
    assert {"look"} == {row.cells[at][0].tone for at in (0, 2, 8)}


@pytest.mark.parametrize(("verb", "said"), [("deploy", "rented"), ("plan", "gone"), ("destroy", "gone")])
def test_pod_that_is_just_being_made_is_not_gone(verb: RunVerb, said: str) -> None:
    """What the provider listed a moment ago is older than it; only who makes pods has some that are not listed yet."""
    held = ready(run=InfraRun(verb, NOW))
    held = replace(held, pods={key: one for key, one in (held.pods or {}).items() if key != "w2"})

    assert said == node_rows(held, LOOK)[2].text[2]


def test_what_is_just_made_is_billed_already() -> None:
    """While pods are made the record knows more than the provider's last list; afterwards the list is the truth."""
    before = ready(pods={}, run=InfraRun("deploy", NOW))

    assert 4 == before.billed
    assert 76.48 == pytest.approx(before.per_hour)
    assert (0, 0.0) == (replace(before, run=None).billed, replace(before, run=None).per_hour)


def test_orphans_stand_last_with_their_price() -> None:
    """A pod that is billed and no node of it has a row, in the warning tone."""
    stray = replace(pod(deployment(State.READY, 10, 4).nodes[1]), id="stray", created_at=NOW - 7300)
    row = node_rows(ready(orphans=(stray,)), LOOK)[-1]

    assert ("orphan stray", "orphan", "$19.12/h", "2 h 02") == (row.key, row.text[1], row.text[5], row.text[6])
    assert {"look"} == {cell[0].tone for cell in row.cells if cell}


def test_wished_nodes_are_shown_before_any_is_placed() -> None:
    """So that one sees what would come to be."""
    held = Held(deployment(State.NEW, 0, 0))

    assert ["lab-head", "lab-w1", "lab-w2", "lab-w3"] == [row.text[1] for row in node_rows(held, LOOK)]


@pytest.mark.parametrize(
    ("status", "sign"),
    [(PodStatus.PROVISIONING, "▸"), (PodStatus.RUNNING, "●"), (PodStatus.EXITED, "◌"), (PodStatus.ERROR, "x")],
)
def test_pod_status_has_a_sign_of_its_own(status: PodStatus, sign: str) -> None:
    """Never by colour alone."""
    held = ready()
    pods = {**(held.pods or {}), "w1": pod(held.deployment.nodes[1], status)}

    assert sign == node_rows(replace(held, pods=pods), LOOK)[1].text[0]


def test_provider_that_does_not_answer_is_told_in_place_of_an_age() -> None:
    """And what is known of the pods is then our own record."""
    held = replace(ready(), pods=None, asked_at=None, refusal="RunPod does not take the API key")

    assert "RunPod does not take the API key · $76.48/h" == line_text(nodes_state(held, LOOK))
    assert "rented" == node_rows(held, LOOK)[0].text[2]


def test_presenters_stand_a_deployment_of_one_node() -> None:
    """The head alone."""
    held = Held(deployment(State.READY, 10, 1, of=wish(nodes=1)), READY)

    assert 1 == len(node_rows(held, LOOK))
    assert "1/1" == deployment_rows([held], LOOK)[0].text[3]
