"""Findings say what is wrong, since when, by what evidence, at what cost, and the exact command against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.domain.finding import Finding
from app.domain.slurm import JobGpus, SlurmPicture
from app.domain.snapshot import Gpu
from app.engine.findings_slurm import slurm_findings
from app.engine.watch_slurm import SlurmWatch, step
from tests.engine.slurm_builders import HOUR_S, NOW, gpu, idle, job, node, picture, process, running, snapshot_with

HELD = picture([running(812, "gpu-1", 8)], [node("gpu-1", used=8)])
PRICES = {"H100": 2.0}


def after(
    seconds: int,
    gpus: Callable[[float], Iterable[Gpu]],
    seen: SlurmPicture = HELD,
    prices: Mapping[str, float] | None = None,
) -> list[Finding]:
    """What is found after so many seconds of looks every 30."""
    watch = SlurmWatch()
    for second in range(0, seconds + 1, 30):
        at = NOW + second
        shot = snapshot_with(replace(seen, at=at), gpus(at), at=at, prices=prices)
        watch = step(watch, shot, at)
    return list(slurm_findings(watch, shot, at))


def six_idle(at: float) -> list[Gpu]:
    return [idle("gpu-1", index, at) if index < 6 else gpu("gpu-1", index, at=at) for index in range(8)]


def test_allocated_but_idle() -> None:
    """Six of eight GPUs idle for 41 minutes: the minutes, the GPU-hours and the money."""
    (found,) = after(41 * 60, six_idle, prices=PRICES)

    assert "job 812 (ana): 6 of its 8 GPUs idle for 41 min; 4.1 GPU-hours, $8.20 lost" == found.title
    assert ("slurm.allocated_idle", "G10", "warning") == (found.fault, found.code, found.severity)
    assert (NOW, NOW + 41 * 60) == (found.first_seen, found.last_seen)
    assert (("812",), 6, 12.0) == (found.affects.jobs, found.affects.gpus, found.affects.cost_per_hour)
    assert "gpu-1/0 idle for 41 min, now 0 %" == found.evidence[0].text
    assert "scancel 812" == found.actions[1].command
    assert "a rank that ended or hangs" in found.explanation


def test_idle_for_less_is_nothing() -> None:
    """Half an hour is the everyday pause."""
    assert [] == after(29 * 60, six_idle)


def test_idle_without_a_price_claims_no_money() -> None:
    """Without a price there are GPU-hours and no dollars."""
    (found,) = after(41 * 60, six_idle)

    assert "job 812 (ana): 6 of its 8 GPUs idle for 41 min; 4.1 GPU-hours lost" == found.title
    assert None is found.affects.cost_per_hour


def test_no_process_on_a_held_gpu() -> None:
    """Ten minutes after the start nothing has opened two of the GPUs."""

    def boards(at: float) -> list[Gpu]:
        bare = {"gpu.memory_used": 4.0}
        return [
            idle("gpu-1", index, at, values=bare, processes=()) if index < 2 else gpu("gpu-1", index, at=at)
            for index in range(8)
        ]

    (found,) = after(12 * 60, boards)
    young = picture([running(812, "gpu-1", 8, start_at=NOW + 5 * 60)], [node("gpu-1", used=8)])

    assert "job 812 (ana) has no process on 2 GPUs it holds (gpu-1/0 and gpu-1/1)" == found.title
    assert [] == after(12 * 60, boards, young)


def test_a_process_that_slurm_knows_nothing_of() -> None:
    """Who works there, that Slurm gave it to nobody, and the commands to look and to end it."""
    free = picture(nodes=[node("gpu-1")])
    (found,) = after(180, lambda at: [gpu("gpu-1", 3, at=at, processes=(process(9, "eve"),))], replace(free, nodes={
        "gpu-1": node("gpu-1", gpus=1)}))  # fmt: skip

    assert "gpu-1/3 is used by pid 9 of eve: python3, 58.6 G, but Slurm gave it to nobody" == found.title
    assert ("B16", "gpu-1/3") == (found.code, str(found.subject))
    assert [
        "ssh gpu-1 ps -o user,pid,lstart,cmd -p 9",
        "ssh gpu-1 kill 9",
    ] == [action.command for action in found.actions]
    assert [False, True] == [action.gated for action in found.actions]


def test_a_straggler_is_found_after_several_looks() -> None:
    """A rank at a lower clock with the same use holds the others back; one look is not enough."""

    def boards(at: float) -> list[Gpu]:
        return [
            gpu("gpu-1", index, at=at, values={"gpu.sm_clock": 1200.0 if index == 5 else 1975.0 + index % 3})
            for index in range(8)
        ]

    assert [] == after(60, boards)
    (found,) = after(180, boards)
    assert ("job.straggler", "gpu-1/5", "812") == (found.fault, str(found.subject), found.subject.job)
    assert "gpu-1/5 holds back job 812 (ana): clock 1200 beside 1976 MHz of its siblings" == found.title


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"gpus_on": (JobGpus("gpu-1", 0, "h100", ()),)}, "Slurm gives it 0 GPUs on gpu-1"),
        ({"gpus_on": ()}, "no GPU is given away on gpu-1"),
    ],
)
def test_a_job_that_runs_without_its_gpus(said: dict[str, Any], why: str) -> None:
    """Asked for two, runs with none: by its own line, or because nothing is given away on its node."""
    lost = picture([running(25, "gpu-1", 2, **said)], [node("gpu-1", used=0)])
    (found,) = slurm_findings(SlurmWatch(), snapshot_with(lost), NOW)

    assert "job 25 (ana) asked for 2 GPUs and runs with none" == found.title
    assert why == found.evidence[0].text
    assert "scontrol requeue 25" == found.actions[0].command


def test_a_job_that_has_just_started_is_not_accused() -> None:
    """Within half a minute of the start the node's count may be older than the job."""
    young = picture([running(25, "gpu-1", 2, gpus_on=(), start_at=NOW - 5)], [node("gpu-1", used=0)])

    assert () == slurm_findings(SlurmWatch(), snapshot_with(young), NOW)


def test_a_node_that_joined_without_its_gpus() -> None:
    """Slurm has Gres=(null), the driver shows eight: no job can ask for them."""
    nodes = [node("gpu-1", gpus=0, flags=("DYNAMIC_NORM",)), node("gpu-2")]
    (found,) = slurm_findings(
        SlurmWatch(), snapshot_with(picture(nodes=nodes), [gpu("gpu-1", index) for index in range(8)]), NOW
    )

    assert "gpu-1 joined Slurm without its 8 GPUs" == found.title
    assert "scontrol delete nodename=gpu-1" == found.actions[1].command


def test_a_cluster_without_gres_is_told_once() -> None:
    """Where Slurm has no GPU anywhere, there is one finding, not one a node."""
    nodes = [node("gpu-1", gpus=0), node("gpu-2", gpus=0)]
    boards = [gpu(name, index) for name in ("gpu-1", "gpu-2") for index in range(8)]
    (found,) = slurm_findings(SlurmWatch(), snapshot_with(picture(nodes=nodes), boards), NOW)

    assert "Slurm knows of no GPU, though 2 nodes of its own show 16" == found.title
    assert "info" == found.severity


def test_counts_that_differ() -> None:
    """Slurm has eight and the driver seven: a warning; a silent GPU is no reason to conclude."""
    seven = [gpu("gpu-1", index) for index in range(7)]
    (found,) = slurm_findings(SlurmWatch(), snapshot_with(picture(nodes=[node("gpu-1")]), seven), NOW)
    silent = [*seven, gpu("gpu-1", 7, at=NOW - 3600)]

    assert ("Slurm counts 8 GPUs on gpu-1, the driver shows 7", "warning") == (found.title, found.severity)
    assert () == slurm_findings(SlurmWatch(), snapshot_with(picture(nodes=[node("gpu-1")]), silent), NOW)


@pytest.mark.parametrize(
    ("version", "severity"),
    [("25.05.1", "warning"), ("24.05.3", "info"), ("23.02.7", "info"), ("22.05.8", "warning"), ("24.11.1", None)],
)
def test_versions_that_differ(version: str, severity: str | None) -> None:
    """Newer than slurmctld or too old is a warning, an upgrade under way is told, another patch is nothing."""
    seen = picture(nodes=[node("gpu-1", version=version), node("gpu-2")])
    found = slurm_findings(SlurmWatch(), snapshot_with(seen), NOW)

    assert ([severity] if severity else []) == [one.severity for one in found]


def test_a_dead_dynamic_node_can_be_deleted() -> None:
    """A dynamic node gone for an hour leaves a record; with its GPUs still answering it is slurmd that died."""
    gone = node(
        "pod-7", state="DOWN", flags=("DYNAMIC_NORM", "NOT_RESPONDING"), reason="Not responding", reason_at=NOW - HOUR_S
    )
    (found,) = slurm_findings(SlurmWatch(), snapshot_with(picture(nodes=[gone])), NOW)
    (alive,) = slurm_findings(
        SlurmWatch(), snapshot_with(picture(nodes=[gone]), [gpu("pod-7", index) for index in range(8)]), NOW
    )

    assert ("pod-7 left 60 min ago and is still on record", "scontrol delete nodename=pod-7") == (
        found.title.replace("1 h", "60 min"),
        found.actions[0].command,
    )
    assert "pod-7 is down for Slurm, but its GPUs answer" == alive.title
    assert () == slurm_findings(SlurmWatch(), snapshot_with(picture(nodes=[replace(gone, reason_at=NOW - 60)])), NOW)


def test_fragmentation_is_found() -> None:
    """Eight are free and not together: how many wait for that, and the small job that could move."""
    nodes = [node("gpu-1", used=1), node("gpu-2", used=4), node("gpu-3", used=4)]
    jobs = [running(1, "gpu-1", 1), running(2, "gpu-2", 4), running(3, "gpu-3", 4)]
    eight = job(820, gpus=8, gpus_per_node=8, gpu_type="h100")
    (found,) = slurm_findings(SlurmWatch(), snapshot_with(picture([*jobs, eight], nodes)), NOW)

    assert "15 H100 are free, but not together: job 820 needs 8 H100 on one node" == found.title
    assert ("G12", "scontrol requeue 1") == (found.code, found.actions[0].command)


def test_an_old_picture_finds_nothing() -> None:
    """Past its age Slurm's word is no evidence."""
    assert () == slurm_findings(SlurmWatch(), snapshot_with(HELD, at=NOW + 3600), NOW + 3600)
