"""Whatever people do to the simulated Slurm, and in whatever order, it stays a cluster."""

from __future__ import annotations

import random

import pytest

from tests.sim.slurm.calls import SCRIPT, Slurm

DEEDS = (
    *("scancel {job}", "scontrol hold {job}", "scontrol release {job}", "scontrol requeue {job}"),
    *("scontrol suspend {job}", "scontrol resume {job}", "scontrol top {job}", "scontrol update JobId={job} Nice=50"),
    *("scontrol update JobId={job} TimeLimit+=30", "scontrol update JobId={job} TimeLimit=5"),
    *("scontrol update NodeName={node} State=DRAIN Reason=test", "scontrol update NodeName={node} State=RESUME"),
    *("sbatch --gres=gpu:{gpus} -p gpu", "sbatch --gpus=1 --array=0-5%2", "scontrol delete NodeName={node}"),
)


@pytest.mark.parametrize("seed", range(6))
def test_no_gpu_has_two_jobs_and_every_line_is_read(seed: int) -> None:
    """Sixty deeds over some hours: GPUs are held once, answers parse, the past keeps its jobs, power adds up."""
    chance = random.Random(seed)
    slurm, t = Slurm("showcase", nodes=8), 60.0
    before = slurm.cluster.jobs_at(-600.0)
    for _ in range(60):
        jobs = list(slurm.jobs(t).values())
        deed = chance.choice(DEEDS).format(
            job=chance.choice(jobs).id, node=f"gpu-0{chance.randint(1, 8)}", gpus=chance.choice((1, 2, 4, 8))
        )
        slurm.run(deed, t, stdin=SCRIPT.replace(" --gpus=1", "").replace("-p shared", "-p gpu"))
        t += chance.choice((1.0, 20.0, 120.0, 900.0))
        check(slurm, t)

    assert [job.id for job in before] == [job.id for job in slurm.cluster.jobs_at(-600.0)]
    check_energy(slurm, t)


def check(slurm: Slurm, t: float) -> None:
    """The queue is whole at a moment."""
    held = [
        (place.node, index) for job in slurm.jobs(t).values() for place in job.gpus_on for index in place.indices or ()
    ]
    assert len(held) == len(set(held))
    for node in slurm.nodes(t).values():
        mine = frozenset(index for name, index in held if name == node.name)
        assert mine == (node.indices_used or frozenset())
    for name in ("gpu-01", "gpu-08"):
        for state in slurm.cluster.gpus_at(name, t):
            assert state.memory_used >= 4
            assert state.power > 20


def check_energy(slurm: Slurm, t: float) -> None:
    """Over two minutes around deeds the counter grows by the power shown."""
    for start in (61.0, t + 5.0):
        for index in range(8):
            before, after = (slurm.cluster.gpus_at("gpu-03", start + s)[index] for s in (0.0, 120.0))
            if before.is_lost or after.is_lost:
                continue
            read = sum(slurm.cluster.gpus_at("gpu-03", start + 0.5 + s)[index].power for s in range(120))
            assert read == pytest.approx((after.energy_mj - before.energy_mj) / 1000.0, rel=0.03)
