"""What people do to the simulated Slurm is felt: by the queue, by the GPUs, by whoever waits."""

from __future__ import annotations

import pytest

from tests.sim.slurm.calls import OPERATOR, SCRIPT, Slurm


@pytest.fixture
def slurm() -> Slurm:
    """Four nodes with nothing wrong."""
    return Slurm()


def hero(slurm: Slurm) -> str:
    """Id of the job on two nodes."""
    return slurm.by_name("llama3-70b-pretrain").id


def powers(slurm: Slurm, t: float, node: str = "gpu-01") -> set[float]:
    """Utilisation of a node's GPUs."""
    return {state.utilization for state in slurm.cluster.gpus_at(node, t)}


def test_a_cancelled_job_leaves_its_gpus(slurm: Slurm) -> None:
    """Its GPUs are empty at once, the queue says CANCELLED for five minutes, the accounts for good."""
    job = hero(slurm)
    before = slurm.cluster.gpus_at("gpu-01", 9.0)

    assert (0, b"") == (slurm.run(f"scancel {job}", 10.0).code, slurm.run("scancel 999999", 10.0).err)

    assert "CANCELLED" == slurm.state(job, 11.0)
    assert {0.0} == powers(slurm, 11.0)
    assert {4} == {state.memory_used for state in slurm.cluster.gpus_at("gpu-01", 11.0)}
    assert b"Invalid job id" in slurm.run(f"squeue -t all -j {job}", 400.0).err
    assert b"CANCELLED" in slurm.run("sacct", 400.0, words=("-X", "-n", "-P", "-j", job, "-o", "State")).out
    assert before == slurm.cluster.gpus_at("gpu-01", 9.0)


def test_the_next_in_line_gets_what_was_freed(slurm: Slurm) -> None:
    """Within minutes other jobs run on the nodes of the cancelled one, and none of them twice."""
    job = hero(slurm)
    slurm.run(f"scancel {job}", 10.0)
    jobs = slurm.jobs(600.0)
    held = [(place.node, index) for one in jobs.values() for place in one.gpus_on for index in place.indices or ()]

    assert len(held) == len(set(held))
    assert any("gpu-01" in one.nodes for one in jobs.values())


def test_users_may_not_touch_what_belongs_to_others(slurm: Slurm) -> None:
    """Slurm's own refusals and statuses; nothing happens."""
    job = hero(slurm)
    stranger = "ana" if slurm.jobs()[job].user != "ana" else "elif"
    cancel = slurm.run(f"scancel {job}", 1.0, user=stranger)
    hold = slurm.run(f"scontrol hold {job}", 1.0, user=stranger)
    drain = slurm.run("scontrol update NodeName=gpu-01 State=DRAIN Reason=x", 1.0, user=stranger)

    assert (210, f"scancel: error: Kill job error on job id {job}: Access/permission denied\n") == (
        cancel.code, cancel.err.decode(),
    )  # fmt: skip
    assert (1, f"Access/permission denied for job {job}\n") == (hold.code, hold.err.decode())
    assert (1, b"slurm_update error: Invalid user id\n") == (drain.code, drain.err)
    assert slurm.jobs(2.0)[job].is_running


def test_a_job_is_held_and_released(slurm: Slurm) -> None:
    """Priority and reason follow; releasing lets it wait for what it needs again."""
    job = slurm.by_name("llama3-405b-pretrain").id

    assert 0 == slurm.run(f"scontrol hold {job}", 1.0).code
    held = slurm.jobs(1.0)[job]
    slurm.run(f"scontrol release {job}", 2.0)
    released = slurm.jobs(2.0)[job]

    assert (0, "JobHeldAdmin", True) == (held.priority, held.reason, held.is_held)
    assert ("Resources", False) == (released.reason, released.is_held)


def test_holding_a_running_job_does_nothing(slurm: Slurm) -> None:
    """As with the real one: status 0, and it goes on."""
    job = hero(slurm)

    assert 0 == slurm.run(f"scontrol hold {job}", 1.0).code
    assert slurm.jobs(1.0)[job].is_running


def test_a_requeued_job_begins_again_after_two_minutes(slurm: Slurm) -> None:
    """It waits with BeginTime and one restart, its GPUs empty; then it runs under the same id."""
    job = hero(slurm)

    assert 0 == slurm.run(f"scontrol requeue {job}", 10.0).code
    waits = slurm.jobs(11.0)[job]
    again = next(found for t in range(130, 20000, 60) if (found := slurm.jobs(float(t))[job]).is_running)

    assert ("PENDING", "BeginTime", 1) == (waits.state, waits.reason, waits.restarts)
    runs = slurm.run("sacct", 40000.0, words=("-X", "-D", "-n", "-P", "-j", job, "-o", "State")).out.decode().split()

    assert 1 == again.restarts
    assert 16 == again.gpus
    assert "REQUEUED" == runs[0]


def test_a_suspended_job_stands_still_and_goes_on(slurm: Slurm) -> None:
    """Its GPUs do nothing and keep their memory, its clock stands; resumed, it has that time yet to come."""
    job = hero(slurm)
    full = slurm.cluster.gpus_at("gpu-01", 9.0)[0].memory_used

    assert 0 == slurm.run(f"scontrol suspend {job}", 10.0).code
    standing = slurm.jobs(100.0)[job]
    assert "SUSPENDED" == standing.state
    assert {0.0} == powers(slurm, 100.0)
    assert full == slurm.cluster.gpus_at("gpu-01", 100.0)[0].memory_used
    assert standing.run_s == slurm.jobs(50.0)[job].run_s

    assert 0 == slurm.run(f"scontrol resume {job}", 110.0).code
    assert slurm.jobs(111.0)[job].is_running
    assert max(powers(slurm, 150.0)) > 50
    assert f"Job is not suspended for job {job}\n" == slurm.run(f"scontrol resume {job}", 112.0).err.decode()


def test_a_limit_is_extended_and_shortened(slurm: Slurm) -> None:
    """The new limit is told; one that has passed ends the job with TIMEOUT."""
    job = hero(slurm)

    assert 0 == slurm.run(f"scontrol update JobId={job} TimeLimit+=60", 1.0).code
    assert 25 * 3600.0 == slurm.jobs(1.0)[job].time_limit_s
    assert 0 == slurm.run(f"scontrol update JobId={job} TimeLimit=00:10:00", 2.0).code
    assert "TIMEOUT" == slurm.state(job, 3.0)


def test_the_order_of_waiting_jobs_is_changed(slurm: Slurm) -> None:
    """Top puts one first, nice sets one back; a held one is refused."""
    job, held = slurm.by_name("protein-fold-eval").id, slurm.by_name("dpo-run5").id
    slurm.run(f"scontrol top {job}", 1.0)
    highest = max(one.priority or 0 for one in slurm.jobs(1.0).values() if one.is_pending)
    top = slurm.jobs(1.0)[job].priority
    slurm.run(f"scontrol update JobId={job} Nice=500", 2.0)

    assert highest == top
    assert highest - 500 == slurm.jobs(2.0)[job].priority
    assert b"Job is in held state, pending scheduler release" in slurm.run(f"scontrol top {held}", 2.0).err


def test_a_drained_node_gets_no_new_job(slurm: Slurm) -> None:
    """What runs goes on to its end; hours later the node is empty; given back, it works again."""
    words = ("NodeName=gpu-03", "State=DRAIN", "Reason=fan 2 is loud")
    refused = slurm.run("scontrol update NodeName=gpu-03 State=DRAIN", 1.0)
    assert 0 == slurm.run("scontrol update", 1.0, words=words).code
    at_once, late = slurm.nodes(2.0)["gpu-03"], slurm.nodes(40000.0)["gpu-03"]
    slurm.run("scontrol update NodeName=gpu-03 State=RESUME", 40001.0)

    assert b"You must specify a reason" in refused.err
    assert (True, "fan 2 is loud", OPERATOR) == (at_once.is_draining, at_once.reason, at_once.reason_by)
    assert "ALLOCATED" == at_once.state
    assert "IDLE" == late.state
    states = (slurm.nodes(float(t))["gpu-03"].state for t in range(40060, 60000, 60))
    assert "ALLOCATED" == next(state for state in states if state != "IDLE")


def test_a_node_with_jobs_is_not_deleted(slurm: Slurm) -> None:
    """Slurm's refusal; an empty one is gone."""
    busy = slurm.run("scontrol delete NodeName=gpu-01", 1.0)
    slurm.run("scontrol update NodeName=gpu-03 State=DRAIN Reason=x", 1.0)
    gone = slurm.run("scontrol delete NodeName=gpu-03", 40000.0)

    said = "delete_node nodename=gpu-01: Requested nodes are busy"
    assert (1, said) == (busy.code, busy.err.decode().splitlines()[1])
    assert 0 == gone.code
    assert "gpu-03" not in slurm.nodes(40001.0)


def test_cancelling_a_model_server_is_its_fault(slurm: Slurm) -> None:
    """The page of the server is down, its GPUs are empty, the job is CANCELLED."""
    job = slurm.by_name("vllm-llama-70b").id
    slurm.run(f"scancel {job}", 5.0)

    assert "CANCELLED" == slurm.state(job, 6.0)
    assert {4} == {state.memory_used for state in slurm.cluster.gpus_at("gpu-04", 6.0)[:4]}
    assert ["vllm-down"] == [placed.kind.name for placed in slurm.cluster.faults]


def test_one_task_of_an_array_is_cancelled_alone(slurm: Slurm) -> None:
    """The others stay; the whole array goes by its number."""
    task = next(job for job in slurm.jobs().values() if job.array_task == "9")
    slurm.run(f"scancel {task.id}", 1.0)
    tasks = [job for job in slurm.jobs(1.0).values() if job.array_job_id == task.array_job_id]
    left = [job for job in tasks if not job.is_ended]
    slurm.run(f"scancel {task.array_job_id}", 2.0)

    assert 16 == len(left)
    last = [job for job in slurm.jobs(2.0).values() if job.array_job_id == task.array_job_id]
    assert [] == [job for job in last if not job.is_ended]


def test_a_submitted_job_runs_where_there_is_room(slurm: Slurm) -> None:
    """It waits under its submitter's name, comes first once a GPU is free, and works there."""
    job = slurm.run("sbatch --parsable", 1.0, stdin=SCRIPT).out.decode().strip()
    assert OPERATOR == slurm.jobs(1.0)[job].user
    runs = next(one for t in range(2, 7200, 10) if (one := slurm.jobs(float(t))[job]).is_running)
    (place,) = runs.gpus_on
    assert runs.start_at is not None
    states = slurm.cluster.gpus_at(place.node, runs.start_at - 1_764_000_000.0 + 120.0)

    assert ("hello", 1, 1800.0) == (runs.name, runs.gpus, runs.time_limit_s)
    assert states[(place.indices or (0,))[0]].memory_used > 1000
    assert b"echo hi" in slurm.run(f"scontrol write batch_script {job} -", 2.0).out


def test_room_that_somebody_makes_is_taken_by_who_asked(slurm: Slurm) -> None:
    """A whole-node job of the keyboard starts at once when the large job is cancelled."""
    script = SCRIPT.replace("--gpus=1", "--gres=gpu:8").replace("-p shared", "-p train")
    job = slurm.run("sbatch --parsable", 1.0, stdin=script).out.decode().strip()
    assert slurm.jobs(2.0)[job].is_pending
    slurm.run(f"scancel {hero(slurm)}", 3.0)

    assert (("gpu-01",), True) == (slurm.jobs(4.0)[job].nodes, slurm.jobs(4.0)[job].is_running)


def test_the_past_does_not_change_by_what_is_done() -> None:
    """GPUs before the moment of the deed show what they showed."""
    slurm = Slurm()
    names = [node.name for node in slurm.cluster.layout.nodes]
    before = [slurm.cluster.gpus_at(name, t) for name in names for t in (-7000.0, -60.0, 0.0)]
    slurm.run(f"scancel {hero(slurm)}", 1.0)
    slurm.run("scontrol update NodeName=gpu-03 State=DRAIN Reason=x", 1.0)
    slurm.run("sbatch", 1.0, stdin=SCRIPT)
    slurm.jobs(4000.0)

    assert before == [slurm.cluster.gpus_at(name, t) for name in names for t in (-7000.0, -60.0, 0.0)]
