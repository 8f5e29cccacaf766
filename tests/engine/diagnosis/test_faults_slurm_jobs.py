"""Stories of Slurm's jobs: how they end and what they wait for, what is a fault of it and what is the queue at work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.finding import Evidence, Finding, FindingSubject
from app.domain.slurm import SlurmJob
from app.engine.findings_slurm import slurm_findings
from app.engine.job_ends import Ends
from app.engine.watch_slurm import SlurmWatch
from tests.engine.diagnosis.test_faults_slurm_nodes import out, silent
from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import HOUR_S, NOW, job, node, picture, running, snapshot_with


def at_work(*jobs: SlurmJob, nodes: int = 2) -> World:
    """A world with jobs, watched for a while."""
    world = World(nodes=nodes, jobs={one.id: one for one in jobs})
    world.run(20)
    return world


def end(world: World, key: str, state: str, **said: Any) -> None:  # noqa: ANN401 - fields of the value
    """A job that is over now, and still listed."""
    world.jobs[key] = replace(world.jobs[key], state=state, end_at=world.now, flags=(), **said)


def test_a_job_killed_for_memory_is_a_warning_to_its_owner() -> None:
    """OUT_OF_MEMORY is about the machine's memory; the finding outlives the job's listing."""
    world = at_work(running(812, "gpu-1", 8))
    end(world, "812", "OUT_OF_MEMORY", exit_code=0, exit_signal=125)
    world.run(10)
    found = world.one("G1")
    assert ("warning", "812", True) == (found.severity, found.subject.job, found.root)
    del world.jobs["812"]
    world.run(600)
    assert [("G1", "job 812")] == world.roots
    world.run(1800)
    assert [] == world.codes


def test_the_step_daemons_line_is_the_same_finding_as_the_jobs_end() -> None:
    """The log says it first, Slurm a moment later."""
    world = at_work(running(812, "gpu-1", 8))
    world.job_log(
        "slurmstepd: error: Detected 1 oom_kill event in StepId=812.batch. Some of the step tasks have been OOM Killed."
    )
    world.run(10)
    end(world, "812", "OUT_OF_MEMORY")
    world.run(10)
    assert [("G1", "job 812")] == world.roots


def test_tasks_of_one_array_that_end_alike_are_one_incident() -> None:
    """A thousand tasks short of memory are one mistake."""
    tasks = [
        replace(running(900 + i, "gpu-1", 0), id=f"900_{i}", array_job_id=900, array_task=str(i)) for i in range(60)
    ]
    world = at_work(*tasks)
    for one in tasks[:50]:
        end(world, one.id, "OUT_OF_MEMORY")
    world.run(10)
    end(world, "900_55", "OUT_OF_MEMORY")
    world.run(10)
    assert 1 == len(world.diagnosis.incidents)
    assert 2 == len(world.diagnosis.findings)


def test_a_job_that_went_with_its_node_follows_from_the_node() -> None:
    """NODE_FAIL is never the cause; it stays tied once the job is no longer listed."""
    world = at_work(running(812, "gpu-1,gpu-2", 8))
    silent(world)
    end(world, "812", "NODE_FAIL")
    world.run(10)
    assert [("F1", "gpu-1")] == world.roots
    assert ("critical", False) == (world.one("G2").severity, world.one("G2").root)
    del world.jobs["812"]
    world.run(600)
    assert [("F1", "gpu-1")] == world.roots
    assert ("812",) == world.diagnosis.incidents[0].affects.jobs


def test_a_job_that_vanishes_with_its_node_was_lost_even_where_ended_jobs_are_not_listed() -> None:
    """Some ways to Slurm list no ended job."""
    world = at_work(running(812, "gpu-1", 8), running(813, "gpu-2", 8))
    silent(world)
    del world.jobs["812"], world.jobs["813"]
    world.run(10)
    assert ["812"] == [one.subject.job for one in world.diagnosis.findings if one.code == "G2"]
    assert [("F1", "gpu-1")] == world.roots


def test_a_job_put_back_since_its_node_failed_is_milder() -> None:
    """It starts again by itself."""
    world = at_work(running(812, "gpu-1", 8))
    silent(world)
    world.jobs["812"] = job(812, reason="BeginTime", restarts=1)
    world.run(10)
    assert ("warning", "G4" in world.codes) == (world.one("G2").severity, False)


def test_a_gpu_that_falls_off_the_bus_explains_node_and_job() -> None:
    """Xid 79, the node reboots, the job is lost: one incident."""
    world = at_work(running(812, "gpu-1", 8))
    world.xid(79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", 3)
    world.lose(3)
    world.run(30)
    silent(world)
    end(world, "812", "NODE_FAIL")
    world.run(10)
    assert [("B1", "gpu-1/3")] == world.roots


@pytest.mark.parametrize("state", ["TIMEOUT", "DEADLINE", "PREEMPTED", "CANCELLED"])
def test_a_job_that_was_stopped_is_information_at_most(state: str) -> None:
    """Its limit, a job of higher priority, or a person: nobody is alarmed."""
    world = at_work(running(812, "gpu-1", 8))
    end(world, "812", state)
    world.run(10)
    assert ["info"] == [one.severity for one in world.diagnosis.findings]
    world.run(1000)
    assert [] == world.codes


def test_a_job_that_was_requeued_or_cancelled_while_waiting_is_no_fault() -> None:
    """A requeue is information; who cancels a job that never ran leaves no trace."""
    world = at_work(running(812, "gpu-1", 8), job(813))
    world.jobs["812"] = job(812, reason="BeginTime", restarts=1)
    end(world, "813", "CANCELLED")
    world.run(10)
    assert [("G4", "info")] == [(one.code, one.severity) for one in world.diagnosis.findings]


def test_a_job_that_completed_or_failed_by_itself_is_no_finding() -> None:
    """A program's own error is its owner's affair."""
    world = at_work(running(812, "gpu-1", 8), running(813, "gpu-2", 8))
    end(world, "812", "COMPLETED")
    end(world, "813", "FAILED", exit_code=1)
    world.run(10)
    assert [] == world.codes


def test_a_time_limit_after_idle_gpus_was_a_hang() -> None:
    """Watching had found its GPUs idle until the end."""
    world = at_work(running(812, "gpu-1", 8))
    world.found = (idle_found(world),)
    world.run(10)
    assert [("G10", "job 812")] == world.roots
    world.found = ()
    end(world, "812", "TIMEOUT")
    world.run(10)
    assert "warning" == world.one("G3").severity


def idle_found(world: World) -> Finding:
    """What watching says of a job whose GPUs do nothing."""
    return Finding(
        "slurm.allocated_idle", "G10", "job 812 (ana): all its 8 GPUs idle for 40 min", "warning",
        FindingSubject(job="812"), world.now - 2400, world.now, (Evidence("exporter", world.now, "idle"),), "idle",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "code", "severity"),
    [
        ("InvalidAccount", "G5", "warning"),
        ("InvalidQOS", "G5", "warning"),
        ("BadConstraints", "G5", "warning"),
        ("PartitionTimeLimit", "G5", "warning"),
        ("MaxMemPerLimit", "G5", "warning"),
        ("DependencyNeverSatisfied", "G5", "warning"),
        ("JobHeldUser", "G5", "info"),
        ("JobHeldAdmin", "G5", "info"),
        ("AssocGrpGRES", "G6", "info"),
        ("QOSMaxGRESPerUser", "G6", "info"),
        ("AssocGrpCPUMinutesLimit", "G6", "info"),
        ("ReqNodeNotAvail, UnavailableNodes:", "G7", "info"),
        ("launch failed requeued held", "G8", "warning"),
        ("launch failure limit exceeded requeued held", "G8", "warning"),
        ("user env retrieval failed requeued held", "G8", "warning"),
        ("JobHoldMaxRequeue", "G8", "warning"),
    ],
)
def test_what_a_job_waits_for_in_vain_is_told_by_its_reason(reason: str, code: str, severity: str) -> None:
    """At first sight, and over when the reason changes."""
    world = World(nodes=2, jobs={"812": job(812, reason=reason)})
    world.run(10)
    assert (severity, "812") == (world.one(code).severity, world.one(code).subject.job)
    world.jobs["812"] = job(812, reason="Priority")
    world.run(10)
    assert [] == world.codes


@pytest.mark.parametrize(
    "reason", ["Priority", "Resources", "BeginTime", "Dependency", "Licenses", "None", None, "Reservation", "Prolog",
               "ReqNodeNotAvail, Reserved for maintenance", "JobArrayTaskLimit", "SomethingNew"],
)  # fmt: skip
def test_the_queue_at_work_is_never_above_information(reason: str | None) -> None:
    """Waiting in line is what a queue is for."""
    world = World(nodes=2, jobs={"812": job(812, reason=reason)})
    world.run(60)
    assert [] == world.roots


def test_a_job_that_waits_for_a_broken_node_follows_from_it() -> None:
    """Of a node drained by a person it is information."""
    reason = "ReqNodeNotAvail, UnavailableNodes:gpu-1"
    world = World(nodes=2, jobs={"812": job(812, reason=reason)})
    silent(world)
    world.run(10)
    assert [("F1", "gpu-1")] == world.roots
    assert ("warning", False) == (world.one("G7").severity, world.one("G7").root)
    assert "gpu-1 (Not responding)" in world.one("G7").title
    world = World(nodes=2, jobs={"812": job(812, reason=reason)})
    out(world, "replacing DIMM", by="ana")
    world.run(10)
    assert ([], "info") == (world.roots, world.one("G7").severity)


def test_hundreds_of_jobs_that_wait_for_one_thing_are_one_incident() -> None:
    """One user's array and many single jobs: a few stand for all."""
    jobs = {str(n): job(n, reason="InvalidAccount", user="ben") for n in range(1, 401)}
    jobs |= {
        f"900_{n}": job(900 + n, id=f"900_{n}", array_job_id=900, reason="InvalidAccount", user="ben")
        for n in range(300)
    }
    world = World(nodes=1, jobs=jobs)
    world.run(10)
    assert (1, 5) == (len(world.diagnosis.incidents), len(world.diagnosis.findings))
    assert "and 400 more of ben's" in world.diagnosis.findings[0].title


def test_a_prolog_that_fails_explains_the_job_that_was_held() -> None:
    """The node is drained, the job goes back and waits for somebody."""
    world = at_work(running(812, "gpu-1", 8))
    out(world, "Prolog error", age_s=0)
    world.jobs["812"] = job(812, reason="launch failed requeued held", priority=0, restarts=1)
    world.run(10)
    assert [("F6", "gpu-1")] == world.roots
    assert any("scontrol release 812" == one.command and one.gated for one in world.one("G8").actions)


def test_a_job_that_takes_long_to_end_is_told_after_five_minutes() -> None:
    """Some minutes of epilog are fine; where it began is known at the first look."""
    world = at_work(running(812, "gpu-1", 8))
    over = running(812, "gpu-1", 8, state="COMPLETED", flags=("COMPLETING",))
    world.jobs["812"] = replace(over, end_at=world.now)
    world.run(280)
    assert "G9" not in world.codes
    world.run(40)
    assert [("G9", "job 812")] == world.roots
    world.jobs["812"] = replace(over, end_at=world.now, flags=())
    world.run(10)
    assert "G9" not in world.codes
    first = World(jobs={"812": replace(over, end_at=NOW - 900)})
    assert "G9" in [one.code for one in first.run(5).findings]


def test_a_collective_that_timed_out_is_a_symptom_of_what_stopped_one_rank() -> None:
    """The line names the job by the node it is from; a port that went down before is the cause."""
    line = (
        "[rank3]:[E] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=203441, OpType=GATHER, "
        "NumelIn=1, Timeout(ms)=600000) ran for 600020 milliseconds before timing out."
    )
    world = at_work(running(812, "gpu-1,gpu-2", 8))
    world.job_log(line)
    world.run(10)
    found = world.one("G13")
    assert ("critical", "812", True) == (found.severity, found.subject.job, found.root)
    assert found.explanation.startswith("A symptom whose cause was not seen.")
    assert "rank 3, GATHER" in found.title
    world = at_work(running(812, "gpu-1,gpu-2", 8))
    world.xid(79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", 3, "gpu-2")
    world.lose(3, "gpu-2")
    world.run(620)
    world.job_log(line)
    world.run(10)
    assert [("B1", "gpu-2/3")] == world.roots


def test_a_crash_in_nccl_is_told_of_the_job_on_that_node() -> None:
    """The kernel names a process only; a segfault elsewhere is nobody's fault here."""
    world = at_work(running(812, "gpu-1", 8), running(813, "gpu-2", 8))
    world.kernel("pt_main_thread[2536443]: segfault at 7f79 ip 00007f7c sp 00007f7c error 4 in libnccl.so.2[7f7c+d3d3]")
    world.run(10)
    assert [("G14", "job 812")] == world.roots
    world = at_work(running(812, "gpu-1", 8))
    world.kernel("python3[99]: segfault at 0 ip 00007f7c sp 00007f7c error 4 in libpython3.11.so[7f7c+d3d3]")
    world.run(10)
    assert [] == world.roots


@pytest.mark.parametrize("state", ["BOOT_FAIL", "LAUNCH_FAILED"])
def test_a_job_that_could_not_be_started_names_where(state: str) -> None:
    """Its node did not boot, or the launch failed."""
    world = at_work(running(812, "gpu-1", 8))
    end(world, "812", state)
    world.run(10)
    assert ("warning", "job 812: could not be started on gpu-1") == (world.one("G8").severity, world.one("G8").title)


def test_jobs_lost_since_somebody_took_the_node_down_are_information() -> None:
    """Whoever sets a node down ends what runs on it."""
    world = at_work(running(812, "gpu-1", 8))
    world.set_node(state="DOWN", reason="decommissioned", reason_by="ana", reason_at=world.now)
    end(world, "812", "NODE_FAIL")
    world.run(10)
    assert ([], (world.one("F10").id,)) == (world.roots, world.one("G2").caused_by)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("slurm.allocated_idle", "G10"),
        ("slurm.no_process", "G10"),
        ("slurm.gres_missing", "F4"),
        ("slurm.gpu_count", "F4"),
        ("slurm.version", "F17"),
        ("slurm.dead_node", "F1"),
        ("slurm.fragmentation", "G12"),
        ("slurm.lemon_node", "G11"),
        ("slurm.failure_rate", "G15"),
    ],
)
def test_what_watching_finds_is_a_fault_of_the_list(key: str, code: str) -> None:
    """Its own words and severity stay."""
    world = at_work(running(812, "gpu-1", 8))
    subject = FindingSubject(node="gpu-1") if code in ("F1", "F4", "F17", "G11") else FindingSubject(job="812")
    found = Finding(key, code, "as watched", "info", subject, world.now, world.now, (), "why")
    world.found = (found,)
    world.run(10)
    assert (code, "info", "as watched") == (world.one(code).code, world.one(code).severity, world.one(code).title)


def ended(number: int, on: str, state: str, user: str, ago_s: float = 60.0) -> SlurmJob:
    """A job that is over."""
    return replace(running(number, on, 8, user=user), state=state, end_at=NOW - ago_s)


def watched(*jobs: SlurmJob) -> list[tuple[str, str, str]]:
    """What watching finds of jobs that ended, as (code, whom, how grave)."""
    snapshot = snapshot_with(picture(jobs, [node("gpu-1"), node("gpu-2"), node("gpu-3")]))
    watch = SlurmWatch(ends=Ends().after(snapshot, NOW))
    return [(one.code, str(one.subject), one.severity) for one in slurm_findings(watch, snapshot, NOW)]


def test_a_node_where_jobs_of_several_users_fail_while_others_pass_is_a_lemon() -> None:
    """Three failures of two users here, none elsewhere; a day later it is forgotten."""
    passing = [ended(n, "gpu-2", "COMPLETED", "ana", 4 * HOUR_S) for n in range(20, 26)]
    failing = [ended(n, "gpu-1", "FAILED", user, 3 * HOUR_S) for n, user in enumerate(("ana", "ben", "ben"), 1)]
    assert [("G11", "gpu-1", "warning")] == watched(*passing, *failing)
    assert [] == watched(*passing, *(replace(one, user="ben") for one in failing))
    assert [] == watched(*(replace(one, state="FAILED") for one in passing), *failing)
    assert [] == watched(*failing)


def test_failures_of_several_users_at_once_are_the_clusters() -> None:
    """A tenth is a warning, a quarter critical; of one user it is the program."""
    passing = [ended(n, "gpu-2", "COMPLETED", "ana") for n in range(20, 40)]
    failing = [ended(n, f"gpu-{n % 3 + 1}", "FAILED", f"u{n}") for n in range(1, 4)]
    assert [("G15", "cluster", "warning")] == watched(*passing, *failing)
    many = [ended(n, f"gpu-{n % 3 + 1}", "FAILED", f"u{n}") for n in range(1, 10)]
    assert ("G15", "cluster", "critical") in watched(*passing, *many)
    assert [("G15", "cluster", "info")] == watched(*passing, *(replace(one, user="ben") for one in failing))
    assert [] == watched(*passing, *failing[:2])
    array = [replace(ended(n, "gpu-1", "FAILED", "ben"), array_job_id=900) for n in range(50, 90)]
    assert [] == watched(*passing, *array)


def test_ends_that_were_seen_are_kept_when_jobs_are_no_longer_listed() -> None:
    """And the same jobs are not looked at twice."""
    first = snapshot_with(picture([ended(1, "gpu-1", "FAILED", "ana")], [node("gpu-1")]))
    ends = Ends().after(first, NOW)
    assert ends is ends.after(first, NOW)
    later = snapshot_with(picture([job(2)], [node("gpu-1")]))
    assert ["1"] == list(ends.after(later, NOW).known)
