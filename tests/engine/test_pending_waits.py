"""Jobs that wait for a time, another job, a partition, a node or a limit are told which, and how it stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from app.domain.slurm import SlurmJob, SlurmPicture
from app.engine.pending import TELLERS, Explained, explain
from app.engine.reasons import reasons
from tests.engine.slurm_builders import DAY_S, HOUR_S, NOW, job, node, partition, picture, running


def told(waiting: SlurmJob, seen: SlurmPicture | None = None) -> Explained:
    seen = seen or picture()
    return explain(waiting, replace(seen, jobs={**(seen.jobs or {}), waiting.id: waiting}), NOW, UTC)


def test_every_teller_has_its_reason() -> None:
    """A teller for a code that the registry does not know would never be asked."""
    assert set() == set(TELLERS) - {reason.code for reason in reasons().values()}


@pytest.mark.parametrize("code", sorted(reason.code for reason in reasons().values()))
def test_every_reason_can_be_told(code: str) -> None:
    """Whatever the reason, and however little is known, one line comes out that is not the bare code."""
    for bare in (job(9, reason=code, user="", account="", qos="", partition=""), job(9, reason=code, gpus=4, cpus=8)):
        explained = told(bare)

        assert explained.text
        assert code != explained.text
        assert "{" not in explained.do + explained.see


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"eligible_at": NOW + 70 * 60}, "starts not before 17:10, in 1 h 10"),
        ({"eligible_at": NOW + 2 * DAY_S}, "starts not before Wed 16:00, in 2 d"),
        ({"eligible_at": NOW - 5}, "its begin time has come: the scheduler looks at it in its next round"),
        (
            {"eligible_at": NOW + 60, "restarts": 1},
            "starts not before 16:01, in 60 s; it was requeued 1 time",
        ),
        ({}, "its earliest start time has not come yet"),
    ],
)
def test_begin_time(said: dict[str, object], text: str) -> None:
    """The time it may start, in clock time and from now; a requeue is told."""
    assert text == told(job(9, reason="BeginTime", **said)).text


@pytest.mark.parametrize(
    ("dependency", "text"),
    [
        (
            "afterok:812(unfulfilled)",
            "waits for job 812 (ana, train) to end well: it runs, at most 1 h more",
        ),
        ("afterany:813(unfulfilled)", "waits for job 813 (ana, train) to end: it waits"),
        ("afterok:999(unfulfilled)", "waits for job 999 to end well: not in the queue"),
        ("afterany:820_*(unfulfilled)", "waits for jobs 820_* to end: 2 running, 1 pending"),
        (
            "after:812+10(unfulfilled)",
            "waits for job 812 (ana, train) to start, and 10 min more: it runs, at most 1 h more",
        ),
        ("singleton(unfulfilled)", "waits for ana's other jobs named train"),
        (
            "afterok:812(unfulfilled),afternotok:813(unfulfilled)",
            "waits for job 812 (ana, train) to end well: it runs, at most 1 h more; and 1 more",
        ),
        ("afterok:811(fulfilled),afterany:813(unfulfilled)", "waits for job 813 (ana, train) to end: it waits"),
        ("afterok:812:813", "waits for job 812 (ana, train) to end well: it runs, at most 1 h more; and 1 more"),
        ("what is this", "it waits for another job"),
        (None, "it waits for another job"),
    ],
)  # fmt: skip
def test_dependencies(dependency: str | None, text: str) -> None:
    """Which job it waits for, for what, and how that job stands now."""
    tasks = [
        running(821, "gpu-1", 1, id="820_1", array_job_id=820, array_task="1"),
        running(822, "gpu-1", 1, id="820_2", array_job_id=820, array_task="2"),
        job(820, id="820_[3-9]", array_job_id=820, array_task="3-9"),
    ]
    seen = picture([running(812, "gpu-1", 2), job(813), *tasks])

    assert text == told(job(9, reason="Dependency", dependency=dependency), seen).text


def test_one_of_several_dependencies_may_be_enough() -> None:
    """Separated by question marks, any one will do; by commas, all must come true."""
    seen = picture([job(1), job(2)])

    assert (
        "any one of them is enough"
        == told(job(9, reason="Dependency", dependency="afterok:1?afterok:2"), seen).more[-1]
    )
    assert (
        "all of them must come true"
        == told(job(9, reason="Dependency", dependency="afterok:1,afterok:2"), seen).more[-1]
    )


def test_a_dependency_that_can_never_come_true() -> None:
    """The job that ended the other way is named, with how it ended; the command to mend it is ready."""
    seen = picture([job(812, state="FAILED", reason="NonZeroExitCode")])
    explained = told(
        job(9, reason="DependencyNeverSatisfied", dependency="afterok:812(failed),afterok:7(unfulfilled)"), seen
    )

    assert "can never start: waited for job 812 (ana, train) to end well: it ended with an error" == explained.text
    assert "cancel it, or drop the dependency: scontrol update jobid=9 dependency=" == explained.do


def test_holds() -> None:
    """Held jobs are told by whom, and how to release them."""
    assert (
        "it is held by its owner or a coordinator of the account",
        "release it: scontrol release 9",
    ) == (told(job(9, reason="JobHeldUser")).text, told(job(9, reason="JobHeldUser")).do)
    assert "launch_failed_requeued_held" != told(job(9, reason="launch_failed_requeued_held")).text


@pytest.mark.parametrize(
    ("reason", "said", "text"),
    [
        ("PartitionDown", {"state": "DOWN"}, "partition gpu is DOWN"),
        ("PartitionDown", {}, "its partition takes no jobs: it is DOWN"),
        (
            "PartitionTimeLimit",
            {"time_limit_s": 4 * HOUR_S},
            "asks for 24 h; partition gpu allows 4 h: it cannot start as it is",
        ),
        ("PartitionNodeLimit", {"max_nodes": 0}, "asks for 1 node; partition gpu allows 0 nodes to a job"),
    ],
)
def test_partitions(reason: str, said: dict[str, Any], text: str) -> None:
    """A partition's state and limits are told in numbers where they are known."""
    assert text == told(job(9, reason=reason), picture(partitions=[partition(**said)])).text


def test_nodes_that_slurm_names() -> None:
    """The first named node that takes no jobs is told with its state and reason, the others by name."""
    nodes = [
        node("gpu-1", flags=("DRAIN",), reason="gres/gpu count reported lower than configured (7 < 8)"),
        node("gpu-2", state="DOWN"),
    ]

    assert (
        "needs gpu-1, which is drained: it registered with fewer GPUs than configured; gpu-2 too"
        == told(job(9, reason="ReqNodeNotAvail,_UnavailableNodes:gpu-[1-2]"), picture(nodes=nodes)).text
    )
    assert (
        "needs gpu-9, which Slurm does not list (any more)"
        == told(job(9, reason="ReqNodeNotAvail", required_nodes="gpu-9"), picture(nodes=nodes)).text
    )


def test_named_nodes_that_are_back() -> None:
    """Where the nodes Slurm named take jobs again, that is what is told, not a fault that is over."""
    assert (
        "Slurm found gpu-1 not available; it takes jobs again: it is looked at in the scheduler's next round"
        == told(job(9, reason="ReqNodeNotAvail, UnavailableNodes:gpu-1"), picture(nodes=[node("gpu-1")])).text
    )


def test_a_reservation() -> None:
    """The reservation is named, with its nodes where they carry it."""
    waiting = job(9, reason="Reservation", reservation="night")

    assert (
        "waits for reservation night (gpu-1)" == told(waiting, picture(nodes=[node("gpu-1", reservation="night")])).text
    )
    assert "waits for reservation night; no node is in it now, so it has probably not begun" == told(waiting).text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("QOSMaxGRESPerUser", "ana in QOS normal holds 6 GPUs in 2 jobs; 4 more would pass the limit for one user"),
        (
            "AssocGrpGRES",
            "account lab holds 10 GPUs in 3 jobs; 4 more would pass the limit of the account or one above it",
        ),
        ("QOSGrpCpuLimit", "QOS normal holds 24 CPUs in 3 jobs; 16 more would pass the limit of the QOS"),
        (
            "MaxNodePerAccount",
            "account lab in QOS normal holds 3 nodes in 3 jobs; 1 more would pass the limit for one account",
        ),
        ("QOSMaxJobsPerUserLimit", "ana in QOS normal runs 2 jobs, as many as one user may"),
        ("AssocGrpJobsLimit", "account lab runs 3 jobs, as many as it or one above it may"),
        ("QOSMaxGRESPerJob", "asks for 4 GPUs, more than one job of QOS normal may: it cannot start as it is"),
        (
            "AssocMaxWallDurationPerJobLimit",
            "asks for 24 h, more than one job of account lab may: it cannot start as it is",
        ),
        ("QOSMinGRES", "asks for 4 GPUs, less than a job of QOS normal must: it cannot start as it is"),
        (
            "AssocGrpGRESMinutes",
            (
                "its account, or one above it, has used up its minutes of GPUs (or other generic resources) "
                "(past and running jobs)"
            ),
        ),
    ],
)
def test_limits_are_told_with_what_is_held(code: str, text: str) -> None:
    """Whose limit, what is held under it now, and what this job would add."""
    mine = [running(1, "gpu-1", 4), running(2, "gpu-2", 2)]
    others = [running(3, "gpu-3", 4, user="bo"), running(4, "gpu-4", 8, account="x", qos="x")]
    seen = picture([*mine, *others])

    assert text == told(job(9, reason=code, gpus=4, cpus=16), seen).text


def test_nothing_is_claimed_of_limits_without_jobs() -> None:
    """Where the queue shows no job under the limit, the registry's words stand alone."""
    assert (
        "with it, the user's jobs in its QOS would hold more" in told(job(9, reason="QOSMaxGRESPerUser", gpus=4)).text
    )


def test_array_throttle() -> None:
    """Running tasks of the array are counted; the throttle is told where it is known."""
    tasks = [running(821 + n, "gpu-1", 1, id=f"820_{n}", array_job_id=820, array_task=str(n)) for n in range(4)]
    rest = job(820, id="820_[7-99%4]", array_job_id=820, array_task="7-99%4", reason="JobArrayTaskLimit")

    assert "4 tasks of array 820 run; it allows 4 at once" == told(rest, picture(tasks)).text


def test_a_reason_of_tomorrow() -> None:
    """An unknown code is shown raw, said to be unknown, and the numbers are given below it."""
    explained = told(
        job(9, reason="FluxLimit", gpus=4, gpus_per_node=4, gpu_type="h100"), picture(nodes=[node("a", used=6)])
    )

    assert "Slurm says 'FluxLimit', which this version has no words for" == explained.text
    assert "needs 4 H100 on one node; the best has 2" == explained.more[0]
