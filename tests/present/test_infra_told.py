"""What a deployment tells: its trouble, its end, its log; how a first one begins."""

from __future__ import annotations

from dataclasses import replace

from app.domain.deployment import Billing, DeployEvent, State, Told, Turn
from app.present.cells import line_text
from app.present.infra_told import (
    Need,
    astray_lines,
    beginning_lines,
    billed_text,
    ending_lines,
    log_lines,
    over_lines,
    trouble_lines,
    turn_lines,
)
from app.present.infra_view import Held, InfraRun, money, ssh_text
from tests.present.fleets import NOW
from tests.present.infra_boards import LOOK, failed, ready, text
from tests.tui.deployments import (
    ENDING,
    REACHED,
    TROUBLE,
    deployment,
    pod,
    told,
)


def test_trouble_says_what_happened_what_is_billed_and_what_to_do() -> None:
    """In this order, and the reason of each candidate below; nothing of it while a run mends it."""
    shown = text(trouble_lines(failed(), LOOK, 100, "g"))
    mended = trouble_lines(replace(failed(), run=InfraRun("deploy", NOW)), LOOK, 100, "g")

    assert () == mended
    assert TROUBLE.what in shown
    assert "billed  3 pods at $57.36/h, $5.93 so far" in shown
    assert "do      Run it again later" in shown
    assert shown.index("what") < shown.index("billed") < shown.index("do  ") < shown.index("no instances available")


def test_run_that_is_gone_says_how_to_go_on() -> None:
    """A killed program leaves no trouble of its own."""
    held = Held(deployment(State.DESTROYING, 10, 4), ENDING)

    assert "the run that was to destroy it is gone" in text(trouble_lines(held, LOOK, 80, "g"))
    assert "X goes on where it stopped" in text(trouble_lines(held, LOOK, 80, "X"))


def test_nodes_that_are_still_to_be_replaced_are_named_with_the_command_that_goes_on() -> None:
    """One whose pod is another by now is not among them; while a run is at it, nothing is said."""
    one = deployment(State.READY, 10, 4)
    turns = tuple(Turn(node.key, node.pod_id) for node in one.nodes[2:])
    held = Held(replace(one, turns=(Turn("w1", "former"), *turns)))
    last = Held(replace(one, turns=turns[1:]))

    assert (
        " replace lab-w2, lab-w3 still have the pods they were to lose; to go on: "
        "gpu-watchdog deploy lab --replace lab-w2 --replace lab-w3"
    ) == text(turn_lines(held, 200))
    assert "lab-w3 still has the pod it was to lose" in text(turn_lines(last, 200))
    assert () == turn_lines(replace(held, run=InfraRun("replace", NOW)), 200)
    assert () == turn_lines(Held(one), 200)


def test_nothing_billed_is_said_in_words() -> None:
    """And what it cost so far."""
    assert "nothing is billed now; $0.00 so far" == billed_text(Held(deployment(State.NEW, 0, 0)), NOW)


def test_drift_and_orphans_are_told_one_by_one() -> None:
    """Each with what it is and what it costs."""
    stray = replace(pod(deployment(State.READY, 10, 4).nodes[1]), id="stray", created_at=NOW - 7300)
    shown = text(astray_lines(ready(orphans=(stray,), drift={"lab-w2": "its pod was terminated outside"}), LOOK, 200))

    assert "drift   lab-w2: its pod was terminated outside" in shown
    assert "gw-lab-3f9a1c07-w1 is billed at $19.12/h for 2 h 02 and belongs to nothing" in shown


def test_destroying_tells_what_is_done_and_what_is_billed_still() -> None:
    """The steps of the way up say nothing any more."""
    held = Held(deployment(State.DESTROYING, 10, 4), ENDING, InfraRun("destroy", NOW - 21))

    assert "now     lab-w1: ended 75 %" in text(ending_lines(held, LOOK, 80))


def test_destroyed_ends_with_its_proof() -> None:
    """The proof's own sentence, where it was told."""
    proof = DeployEvent(NOW - 1, Told.DONE, "the provider was asked 3 times and lists no pod", data={"looks": 3})
    one = replace(deployment(State.DESTROYED, 0, 0), billing=Billing(84.98, 0.0, NOW - 1), destroyed_at=NOW - 1)
    shown = text(over_lines(Held(one, (proof,)), LOOK, 100))

    assert "cost    $84.98, by our own clock" in shown
    assert "proof   the provider was asked 3 times and lists no pod" in shown


def test_destroyed_that_is_billed_still_says_so_instead() -> None:
    """A proof is no proof against what the provider lists now."""
    stray = replace(pod(deployment(State.READY, 10, 4).nodes[1]), id="stray")
    one = replace(deployment(State.DESTROYED, 0, 0), destroyed_at=NOW - 1)

    assert "yet a pod at $19.12/h" in text(over_lines(Held(one, (), pods={}, orphans=(stray,)), LOOK, 100))


def test_log_line_has_time_step_node_and_text() -> None:
    """In steady columns, so that they are read downwards."""
    assert " 15:54:49 pods    ▲ lab-w2 no capacity for 8 x H100 80GB HBM3 in US-KS-2; trying again" == line_text(
        log_lines(REACHED[7:8], replace(LOOK, tz=None))[0]
    )


def test_log_is_harmless() -> None:
    """What a pod's log says is neither markup nor control characters."""
    shown = line_text(log_lines((told(0, Told.NOTE, "[red]\x1b]0;x\x07 done\u202e"),), LOOK)[0])

    assert "[red]" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_beginning_names_what_is_missing() -> None:
    """And the key that begins, whatever is missing: it is checked again then."""
    needs = (
        Need("API key", is_met=False, said="none: set RUNPOD_API_KEY"),
        Need("ssh", is_met=True, said="/usr/bin/ssh"),
    )
    shown = text(beginning_lines(needs, LOOK, 80, "N"))

    assert "▲ API key     none: set RUNPOD_API_KEY" in shown
    assert "✓ ssh         /usr/bin/ssh" in shown
    assert "N fills the form in" in shown


def test_ssh_command_names_the_home_folder_shortly() -> None:
    """And quotes what a shell would split."""
    held = ready(ssh_config="/home/ana/.local/state/gpu-watchdog/deployments/lab/ssh_config")

    assert "ssh -F ~/.local/state/gpu-watchdog/deployments/lab/ssh_config lab-w1" == ssh_text(
        held, "lab-w1", "/home/ana"
    )
    assert "ssh -F '/tmp/a b/ssh_config' lab-w1" == ssh_text(
        replace(held, ssh_config="/tmp/a b/ssh_config"), "lab-w1", ""
    )
    assert "" == ssh_text(replace(held, ssh_config=""), "lab-w1", "")


def test_money_has_a_sign_where_it_is_a_difference() -> None:
    """And is never a rounded nothing with a minus."""
    assert ("$1,234.50/h", "+$2.39/h", "-$2.39/h", "—") == (
        money(1234.5),
        money(2.39, signed=True),
        money(-2.39, signed=True),
        money(None),
    )
