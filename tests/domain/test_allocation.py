"""Which job works on which GPU, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.allocation import NOBODY, allocations
from app.domain.apply import apply
from app.domain.filtering import parse_filter
from app.domain.reading import GpuProcess, GpuReading, NodeReading, PageHealth, Reading, SourceSpec
from app.domain.slurm import Gres, JobGpus, SlurmJob, SlurmNode, SlurmReading
from app.domain.snapshot import Snapshot

NOW = 100.0
SLURM = SourceSpec("slurm", "slurm", "squeue (local)", 5.0)
DCGM = SourceSpec("dcgm", "exporter", "http://n1:9400/metrics", 5.0)


def cluster(
    jobs: Sequence[SlurmJob],
    *,
    gpus: int = 4,
    counted: int = 4,
    used: tuple[Gres, ...] | None = None,
    page_name: str = "n1",
    hpc: dict[int, tuple[str, ...]] | None = None,
    users: dict[int, str] | None = None,
    workers: dict[int, str] | None = None,
) -> Snapshot:
    """One node with `gpus` GPUs on an exporter's page, of which Slurm counts `counted`."""
    said = tuple(
        GpuReading(
            index,
            f"GPU-{index:04x}",
            {"gpu.utilization": 90.0 if index == 0 else 0.0},
            hpc_jobs=(hpc or {}).get(index, ()),
            processes=tuple(
                GpuProcess(1, "python", (users or {}).get(index), job_id=(workers or {}).get(index))
                for _ in range(index in {**(users or {}), **(workers or {})})
            ),
        )
        for index in range(gpus)
    )
    page = Reading("dcgm", NOW, 0.01, nodes=(NodeReading(page_name, gpus=said),), page=PageHealth("dcgm-exporter"))
    node = SlurmNode("n1", "MIXED", gres=(Gres("gpu", "h100", counted),), gres_used=used)
    look = Reading("slurm", NOW, 0.01, slurm=SlurmReading("commands", tuple(jobs), (node,)))
    return apply(apply(Snapshot(), DCGM, page).snapshot, SLURM, look).snapshot


def job(number: int = 812, *on: JobGpus, **changes: object) -> SlurmJob:
    """A running job on n1."""
    total = sum(one.count for one in on)
    ours = SlurmJob(str(number), number, "llama", "ana", state="RUNNING", nodes=("n1",), gpus=total, gpus_on=on)
    return replace(ours, **changes)  # type: ignore[arg-type]  # fields of SlurmJob


def holders(snapshot: Snapshot) -> list[tuple[bool | None, tuple[str, ...], str]]:
    """(allocated, jobs, certainty) of each GPU."""
    join = allocations(snapshot, NOW)
    return [(held.allocated, held.job_ids, held.certainty) for held in map(join.held, snapshot.gpus())]


def test_indices_tie_a_job_to_its_gpus() -> None:
    """IDX 1-2 of four: two GPUs are its own, two are free."""
    snapshot = cluster([job(812, JobGpus("n1", 2, "h100", (1, 2)))], used=(Gres("gpu", "h100", 2, (1, 2)),))

    free, mine = (False, (), "unknown"), (True, ("812",), "exact")
    assert [free, mine, mine, free] == holders(snapshot)
    assert "ana" == allocations(snapshot, NOW).held(next(g for g in snapshot.gpus() if g.index == 1)).user


def test_a_longer_name_on_the_page_is_the_same_node() -> None:
    """The exporter says n1.lab, Slurm n1."""
    snapshot = cluster([job(812, JobGpus("n1", 1, None, (0,)))], page_name="n1.lab")

    assert (True, ("812",), "exact") == holders(snapshot)[0]


def test_counts_that_differ_make_an_index_a_guess() -> None:
    """The driver shows four, Slurm counts eight: index 0 may be another board."""
    snapshot = cluster([job(812, JobGpus("n1", 1, None, (0,)))], counted=8)
    only = (snapshot.slurm.jobs or {})["812"] if snapshot.slurm else job()

    assert (True, ("812",), "guess") == holders(snapshot)[0]
    assert "guess" == allocations(snapshot, NOW).certainty(only)


def test_an_exporter_that_names_another_job_makes_it_a_guess() -> None:
    """dcgm-exporter's hpc_job and Slurm's index disagree."""
    snapshot = cluster([job(812, JobGpus("n1", 1, None, (0,)))], hpc={0: ("799",)})

    assert (True, ("812",), "guess") == holders(snapshot)[0]


def test_a_whole_node_needs_no_indices() -> None:
    """Four of four are all of them."""
    snapshot = cluster([job(812, JobGpus("n1", 4))])

    assert [(True, ("812",), "exact")] * 4 == holders(snapshot)


def test_without_indices_a_lone_job_has_its_node_only() -> None:
    """Two of four, no IDX: the node is sure, the GPU is not; its user's process makes one a guess."""
    snapshot = cluster([job(812, JobGpus("n1", 2))], users={0: "ana"}, used=(Gres("gpu", "h100", 2),))
    only = (snapshot.slurm.jobs or {})["812"] if snapshot.slurm else job()

    assert [(None, ("812",), "guess"), *[(None, (), "unknown")] * 3] == holders(snapshot)
    assert "node" == allocations(snapshot, NOW).certainty(only)


def test_an_array_task_is_found_by_its_own_number() -> None:
    """An exporter names 823, which is task 820_3."""
    task = job(823, id="820_3", array_job_id=820, array_task="3", gpus=1)
    snapshot = cluster([task], hpc={2: ("823",)})

    held = allocations(snapshot, NOW).held(next(g for g in snapshot.gpus() if g.index == 2))

    assert task == held.job
    assert parse_filter("job:820").keeps(
        next(g for g in snapshot.gpus() if g.index == 2), NOW, allocations(snapshot, NOW)
    )


def test_a_process_names_its_job_where_slurm_gives_no_index() -> None:
    """Two of four, no IDX: the process on GPU 3 says that it belongs to 812."""
    snapshot = cluster([job(812, JobGpus("n1", 2))], workers={3: "812"})
    alone = cluster([], workers={3: "999"})

    assert (True, ("812",), "exact") == holders(snapshot)[3]
    assert (False, (), "unknown") == holders(alone)[3]


def test_a_process_of_another_job_makes_the_index_a_guess() -> None:
    """Slurm gave GPU 0 to 812, and 813 works there."""
    snapshot = cluster([job(812, JobGpus("n1", 1, None, (0,)))], workers={0: "813"})

    assert (True, ("812",), "guess") == holders(snapshot)[0]


def test_past_its_age_the_picture_holds_nothing() -> None:
    """Slurm silent for long: allocation is unknown, not free."""
    snapshot = cluster([job(812, JobGpus("n1", 4))])

    assert NOBODY == allocations(snapshot, NOW + 60).held(next(snapshot.gpus()))


def test_the_filter_knows_jobs_users_and_waste() -> None:
    """`user:ana`, `wasted` and `free` see what Slurm says."""
    snapshot = cluster([job(812, JobGpus("n1", 2, None, (0, 1)))], used=(Gres("gpu", "h100", 2, (0, 1)),))
    join = allocations(snapshot, NOW)

    def kept(text: str) -> list[int]:
        return [gpu.index for gpu in snapshot.gpus() if parse_filter(text).keeps(gpu, NOW, join)]

    assert [0, 1] == kept("user:ana")
    assert [0, 1] == kept("job:812")
    assert [1] == kept("wasted")
    assert [2, 3] == kept("free")
