"""Why a job waits is told in numbers that the picture holds, and no others."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmPicture
from app.engine.pending import Explained, explain
from app.engine.reasons import reasons
from app.engine.supply import supply_of
from tests.engine.slurm_builders import DAY_S, HOUR_S, MINUTE_S, NOW, job, node, picture, running


def told(waiting: SlurmJob, seen: SlurmPicture) -> Explained:
    return explain(waiting, replace(seen, jobs={**(seen.jobs or {}), waiting.id: waiting}), NOW, UTC)


def four_h100(**said: object) -> SlurmJob:
    return job(820, **{"gpus": 4, "gpus_per_node": 4, "gpu_type": "h100", "user": "cy", **said})


BUSY = picture(
    [running(812, "gpu-1", 6, ends_in_s=70 * MINUTE_S), running(815, "gpu-2", 8, ends_in_s=5 * HOUR_S)],
    [node("gpu-1", used=6), node("gpu-2", used=8)],
)


def test_the_sentence() -> None:
    """What it needs, what the best node has, and whose end makes room when."""
    explained = told(four_h100(), BUSY)

    assert "needs 4 H100 on one node; the best has 2; job 812 frees 6 in 1 h 10" == explained.text
    assert (NOW + 70 * MINUTE_S, ("812",)) == (explained.frees_at, explained.blockers)
    assert "2 of 2 nodes of gpu can run it; free H100: gpu-1 2, gpu-2 0" in explained.more
    assert "room by 17:10 at the latest, when time is up for 812 (ana, train)" in explained.more


def test_several_jobs_must_end() -> None:
    """Where one end is not enough, all that must end are named, and the time is that of the last."""
    seen = picture(
        [
            running(812, "gpu-1", 2, indices=(0, 1), ends_in_s=HOUR_S),
            running(815, "gpu-1", 4, indices=(2, 3, 4, 5), ends_in_s=3 * HOUR_S),
        ],
        [node("gpu-1", used=6)],
    )

    assert (
        "needs 8 H100 on one node; the best has 2; jobs 812 and 815 free 6 in 3 h"
        == told(four_h100(gpus=8, gpus_per_node=8), seen).text
    )


def test_several_nodes_are_counted() -> None:
    """A job over two nodes is told how many nodes have its part free, and when the second has."""
    seen = picture([running(812, "gpu-1", 6)], [node("gpu-1", used=6), node("gpu-2"), node("gpu-3", gpus=2)])

    assert (
        "needs 8 H100 on each of 2 nodes; 1 of 2 nodes has that free; job 812 frees 6 in 1 h"
        == told(four_h100(node_count=2, gpus=16, gpus_per_node=8), seen).text
    )


def test_gpus_that_may_be_spread_are_not_said_to_be_on_one_node() -> None:
    """Where Slurm tells only the sum, the sum is compared, and the largest block named."""
    assert (
        "needs 4 H100; 2 free in all, at most 2 on one node; job 812 frees 6 in 1 h 10"
        == told(four_h100(gpus_per_node=None), BUSY).text
    )


def test_a_time_limit_without_end_frees_nothing() -> None:
    """A running job without a limit is not said to end."""
    seen = picture([running(812, "gpu-1", 6, ends_in_s=None, time_limit_s=float("inf"))], [node("gpu-1", used=6)])

    assert "needs 4 H100 on one node; the best has 2" == told(four_h100(), seen).text


def test_a_drained_node_is_not_counted_and_is_named() -> None:
    """Free GPUs on a drained node are no room; why it is drained stands below."""
    shut = node("gpu-2", flags=("DRAIN",), reason="fan swap", reason_by="root", reason_at=NOW - 3 * DAY_S)
    seen = picture([running(812, "gpu-1", 6)], [node("gpu-1", used=6), shut])
    explained = told(four_h100(), seen)

    assert "needs 4 H100 on one node; the best has 2; job 812 frees 6 in 1 h" == explained.text
    assert "gpu-2 (8 H100) takes no jobs: drained: fan swap (root, 3 d)" in explained.more


def test_all_nodes_out_of_service() -> None:
    """When every node that could is closed, that is the reason, with Slurm's own words explained."""
    down = node("gpu-1", state="DOWN", flags=("NOT_RESPONDING",), reason="Not responding", reason_at=NOW - 1200)

    assert (
        "needs 4 H100 on one node; the only node for it, gpu-1, is down: slurmd does not answer (20 min)"
        == told(four_h100(reason="ReqNodeNotAvail"), picture(nodes=[down])).text
    )


def test_too_few_nodes_take_jobs() -> None:
    """A job over two nodes, one of which is drained, cannot start whatever ends."""
    seen = picture([running(812, "gpu-1", 6)], [node("gpu-1", used=6), node("gpu-2", flags=("DRAIN",))])

    assert (
        "needs 4 H100 on each of 2 nodes; only 1 of the 2 nodes for it takes jobs"
        == told(four_h100(node_count=2, gpus=8), seen).text
    )


def test_use_that_is_not_known_is_not_called_free() -> None:
    """Without gres_used and without jobs, a mixed node has an unknown number of free GPUs."""
    seen = picture(nodes=[node("gpu-1", used=None, state="MIXED")])

    assert "needs 4 H100 on one node; how many are free is not known" == told(four_h100(), seen).text


def test_use_is_counted_from_jobs_where_the_node_does_not_say() -> None:
    """What the jobs on a node hold is taken off where the node's own count is missing."""
    seen = picture([running(812, "gpu-1", 6)], [node("gpu-1", used=None, state="MIXED")])

    assert "needs 4 H100 on one node; the best has 2; job 812 frees 6 in 1 h" == told(four_h100(), seen).text


def test_cpus_that_are_missing_are_told() -> None:
    """GPUs are free, but the CPUs beside them are not: that is said, not `the best has 8`."""
    seen = picture(nodes=[node("gpu-1", cpus_used=62)])

    assert "needs 4 H100 on one node; gpu-1 has 8 free, but 2 of 64 CPUs" == told(four_h100(cpus=32), seen).text


def test_memory_that_is_missing_is_told() -> None:
    """GPUs and CPUs are free, but the memory is given away."""
    seen = picture(nodes=[node("gpu-1", memory_used_mib=950_000.0)])

    assert (
        "needs 4 H100 on one node; gpu-1 has 8 free, but 49 G of memory where it asks for 195 G"
        == told(four_h100(memory_mib=200_000.0), seen).text
    )


def test_those_ahead_come_first() -> None:
    """Under Priority the jobs ahead are counted, and room that is free is probably theirs."""
    first = job(810, user="bo", priority=5000, gpus=8, gpus_per_node=8, reason="Resources")
    held = job(811, priority=9000, reason="JobHeldUser")
    explained = told(four_h100(reason="Priority"), picture([first, held], [node("gpu-1")]))

    assert (
        "1 job is ahead; needs 4 H100 on one node; there is room on gpu-1, probably kept for others" == explained.text
    )
    assert "1 job of higher priority waits in gpu, asking for 8 GPUs" in explained.more
    assert "first in line: job 810 (bo, train)" in explained.more


def test_no_node_is_large_enough() -> None:
    """A job that no node can ever hold is told so, with the largest there is."""
    assert (
        "needs 9 H100 on one node; no node of gpu has so many: the most on one is 8"
        == told(four_h100(gpus=9, gpus_per_node=9, reason="BadConstraints"), BUSY).text
    )


def test_a_model_nobody_has() -> None:
    """A GPU type that no node of the partition has."""
    assert "needs 4 A100 on one node; none has A100 in gpu" == told(four_h100(gpu_type="a100"), BUSY).text


@pytest.mark.parametrize(
    ("features", "text"),
    [
        ("ib", "needs 4 H100 on one node; the best has 1"),
        ("ib|nvme", "needs 4 H100 on one node; the best has 3"),
        ("ib&nvme", "needs 4 H100 on one node; no node of gpu fits feature ib&nvme"),
    ],
)
def test_features_choose_nodes(features: str, text: str) -> None:
    """Only nodes with the features asked for are counted."""
    nodes = [node("gpu-1", used=7, features=("ib",)), node("gpu-2", used=5, features=("nvme",)), node("gpu-3")]

    assert text == told(four_h100(features=features, reason="Resources"), picture(nodes=nodes)).text


def test_features_that_are_not_read_are_not_reckoned_with() -> None:
    """Brackets and counts are left to Slurm: what is told is the most it can be, and no end is promised."""
    explained = told(four_h100(features="[rack1*2]"), BUSY)

    assert "needs 4 H100 on one node; the best has 2 at most" == explained.text
    assert "only nodes with [rack1*2], not checked here" in explained.more
    assert None is explained.frees_at


def test_a_job_of_a_reservation_is_told_of_its_nodes() -> None:
    """Nodes that name the reservation are the job's; where none does, nothing is promised."""
    nodes = [node("gpu-1", used=6, flags=("RESERVED",), reservation="night"), node("gpu-2")]
    explained = told(four_h100(reservation="night"), picture([running(812, "gpu-1", 6)], nodes))

    assert "needs 4 H100 on one node; the best has 2; job 812 frees 6 in 1 h" == explained.text
    assert "in reservation night" in explained.more


def test_required_and_excluded_nodes() -> None:
    """`-w` and `-x` choose nodes, and are told."""
    nodes = [node("gpu-1", used=7), node("gpu-2", used=5), node("gpu-3")]
    explained = told(four_h100(excluded_nodes="gpu-[2-3]"), picture(nodes=nodes))

    assert "needs 4 H100 on one node; the best has 1" == explained.text
    assert "not on gpu-2 and gpu-3" in explained.more
    assert (
        "needs 4 H100 on one node; the best has 3" == told(four_h100(required_nodes="gpu-2"), picture(nodes=nodes)).text
    )


def test_slurms_estimate_has_an_age() -> None:
    """Slurm's own start estimate is told with the time of its last reckoning, and called old when it is."""
    explained = told(four_h100(start_at=NOW + 2 * HOUR_S, evaluated_at=NOW - 20 * MINUTE_S), BUSY)

    assert (NOW + 2 * HOUR_S, NOW - 20 * MINUTE_S) == (explained.starts_at, explained.evaluated_at)
    assert "Slurm expects it to start at 18:00, in 2 h; reckoned 20 min ago, which is old" == explained.more[-1]
    assert told(four_h100(start_at=NOW - 60), BUSY).starts_at is None


def test_an_old_picture_says_so() -> None:
    """What is told of a stale picture carries its age."""
    assert "this is how Slurm stood 40 s ago" == told(four_h100(), replace(BUSY, at=NOW - 40)).more[-1]


def test_a_picture_without_nodes_claims_nothing_of_them() -> None:
    """Where the source lists no nodes, the text is the reason's own."""
    assert "what it asks for is not free now; it is next in line" == told(four_h100(), picture()).text


def test_a_job_without_gpus_is_told_of_cpus() -> None:
    """CPU jobs are counted in CPUs."""
    seen = picture(nodes=[node("cpu-1", gpus=0, cpus_used=60), node("cpu-2", gpus=0, cpus_used=40)])

    assert "needs 32 CPUs on one node; the best has 24" == told(job(9, gpus=0, cpus=32), seen).text


def test_a_held_job_with_an_old_reason() -> None:
    """Priority 0 means held, whatever reason was left on it."""
    assert "it is held: its priority is 0" == told(four_h100(priority=0, reason="Priority"), BUSY).text


def test_names_from_outside_cannot_harm() -> None:
    """Escape sequences in names are gone from every line, and commands quote what they fill in."""
    evil = "x\x1b[2J'; rm -rf /"
    explained = told(
        four_h100(user=evil, account=evil, qos=evil, partition=evil, reason="QOSMaxGRESPerUser"), picture()
    )

    assert "\x1b" not in "".join((explained.text, explained.see, explained.do, *explained.more))
    assert "qos='x[2J'\"'\"'; rm -rf /'" in explained.see


def test_a_running_job_is_not_explained() -> None:
    """There is nothing to wait for."""
    assert "" == told(running(812, "gpu-1", 4), BUSY).text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"state": "TIMEOUT", "reason": "TimeLimit"}, "it ran into its time limit"),
        ({"state": "FAILED", "reason": "NonZeroExitCode", "exit_code": 3},
         "its script or program ended with an error (exit code 3)"),
        ({"state": "FAILED", "reason": "RaisedSignal:9(Killed)", "exit_signal": 9}, "a signal ended it (signal 9)"),
        ({"state": "COMPLETED", "reason": None}, "ended well"),
        ({"state": "CANCELLED", "reason": "ReqNodeNotAvail"}, "was cancelled"),
        ({"state": "FAILED", "reason": "BadConstraints", "exit_signal": 1},
         "no node can ever give it what it asks for (features, GPUs, memory, CPUs on one node)"),
    ],
)  # fmt: skip
def test_how_a_job_ended(said: dict[str, object], text: str) -> None:
    """Ended jobs are told by their reason, else by their state."""
    assert text == told(four_h100(**said), BUSY).text


WORDS = st.one_of(
    st.none(), st.text(max_size=20), st.sampled_from(["ib&nvme|x", "[a*2&b]", "gpu-[1-", "afterok:1:2?x", "%"])
)
NUMBERS = st.one_of(st.none(), st.integers(0, 100))
REASONS = st.one_of(st.text(max_size=40), st.sampled_from(sorted(one.code for one in reasons().values())))


@given(REASONS, WORDS, WORDS, NUMBERS, NUMBERS, st.one_of(st.none(), st.floats()))
def test_whatever_comes_in_a_line_comes_out(
    reason: str, text: str | None, more: str | None, number: int | None, other: int | None, when: float | None
) -> None:
    """No reason, name, list or number, however odd, breaks an explanation or gets control characters into it."""
    odd = four_h100(
        reason=reason, dependency=text, features=more, required_nodes=more, user=text or "", partition="gpu,x",
        node_count=number, gpus=other, gpus_per_node=number, cpus=other, priority=number, eligible_at=when,
        start_at=when, time_limit_s=when, array_task=text, array_job_id=other, evaluated_at=when,
    )  # fmt: skip
    explained = told(odd, BUSY)

    assert explained.text
    assert all(
        line == clean(line, len(line)) for line in (explained.text, explained.do, explained.see, *explained.more)
    )


def test_ten_thousand_pending_jobs_cost_little_each() -> None:
    """Turning the picture around once, an explanation costs well under a millisecond, also for new shapes."""
    nodes = [node(f"gpu-{number}", used=number % 9) for number in range(1, 1001)]
    busy = [running(number, f"gpu-{number % 1000 + 1}", 1, ends_in_s=60.0 * number) for number in range(1, 3001)]
    waiting = [
        job(10_000 + n, gpus=n % 9, gpus_per_node=n % 9, gpu_type="h100", priority=n, reason="Priority", cpus=8)
        for n in range(10_000)
    ]
    seen = picture([*busy, *waiting], nodes)
    began = time.process_time()
    supply_of(seen)
    turned = time.process_time()
    for one in waiting[::20]:
        explain(one, seen, NOW)
    each_s = (time.process_time() - turned) / 500

    assert turned - began < 2.0
    assert each_s < 0.003
