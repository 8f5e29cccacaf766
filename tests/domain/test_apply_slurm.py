"""How looks at Slurm become part of the picture: sharing, nodes that only Slurm knows, events, deltas."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from app.domain.apply import apply
from app.domain.apply_slurm import changes_of, job_order
from app.domain.codec import decode, encode
from app.domain.fleet import cluster_facts, node_state
from app.domain.reading import GpuReading, NodeReading, PageHealth, Reading, SourceSpec
from app.domain.slurm import Gres, SlurmJob, SlurmNode, SlurmReading
from app.domain.snapshot import Snapshot

SLURM = SourceSpec("slurm", "slurm", "squeue (local)", 5.0)
DCGM = SourceSpec("dcgm", "exporter", "http://n1:9400/metrics", 5.0)
EIGHT = (Gres("gpu", "h100", 8),)


def job(id: str = "812", **changes: object) -> SlurmJob:  # noqa: A002 - the field's own name
    """A running job of one node."""
    ours = SlurmJob(
        id, int(id.partition("_")[0]), "llama", "ana", state="RUNNING", nodes=("n1",), gpus=8, start_at=50.0
    )
    return replace(ours, **changes)  # type: ignore[arg-type]  # fields of SlurmJob


def node(name: str = "n1", **changes: object) -> SlurmNode:
    """A node with eight GPUs."""
    return replace(SlurmNode(name, "MIXED", gres=EIGHT), **changes)  # type: ignore[arg-type]  # fields of SlurmNode


def look(*jobs: SlurmJob, nodes: tuple[SlurmNode, ...] | None = None, at: float = 100.0) -> Reading:
    """A look at Slurm."""
    return Reading("slurm", at, 0.01, slurm=SlurmReading("commands", jobs, nodes))


def grown(*readings: Reading, start: Snapshot | None = None) -> Snapshot:
    """The snapshot after some looks."""
    snapshot = start or Snapshot()
    for one in readings:
        snapshot = apply(snapshot, SLURM if one.source == "slurm" else DCGM, one).snapshot
    return snapshot


def test_a_job_that_did_not_change_is_the_same_object() -> None:
    """The next picture shares every job that is equal, so that comparing costs nothing."""
    first = grown(look(job("812"), job("813")))
    second = grown(look(job("812"), job("813", state="COMPLETED")), start=first)

    assert first.slurm is not None
    assert second.slurm is not None
    assert first.slurm.jobs is not None
    assert second.slurm.jobs is not None
    assert first.slurm.jobs["812"] is second.slurm.jobs["812"]
    assert "COMPLETED" == second.slurm.jobs["813"].state


def test_jobs_stand_in_the_order_of_their_numbers() -> None:
    """Slurm's own order moves with priority; ours does not."""
    snapshot = grown(look(job("820_10"), job("820_2"), job("9")))

    assert snapshot.slurm is not None
    assert ["9", "820_2", "820_10"] == list(snapshot.slurm.jobs or {})


def test_jobs_that_come_and_go_leave_the_order_as_it_was() -> None:
    """Whatever came, went, changed, or took another number between two looks, jobs stand as if all had come at once."""
    dice = Random(3)
    snapshot = grown(look())
    numbers = list(range(400))
    for _ in range(40):
        some = dice.sample(numbers, dice.choice((3, 150, 300, 301, 302)))
        jobs = [job(str(number), job_id=number, name=dice.choice("ab")) for number in some]
        jobs += [job(f"{number}_7", job_id=number + dice.randrange(9), array_job_id=number) for number in some[:5]]
        snapshot = grown(look(*jobs), start=snapshot)

        assert snapshot.slurm is not None
        assert [one.id for one in sorted(jobs, key=job_order)] == list(snapshot.slurm.jobs or ())


def test_a_part_that_was_not_asked_for_stays() -> None:
    """A look that brought jobs only keeps the nodes of the look before."""
    snapshot = grown(look(job(), nodes=(node(),)), look(job(), at=105.0))

    assert snapshot.slurm is not None
    assert ["n1"] == list(snapshot.slurm.nodes)


def test_a_node_that_only_slurm_knows_is_shown_with_what_it_should_have() -> None:
    """No exporter there: no GPU is seen, eight are expected."""
    snapshot = grown(look(nodes=(node(),)))

    assert 8 == snapshot.nodes["n1"].gpus_expected
    assert () == snapshot.nodes["n1"].gpus
    assert "up" == node_state(snapshot, snapshot.nodes["n1"], 101.0)


def test_a_node_that_only_slurm_knew_goes_when_it_is_deleted() -> None:
    """A dynamic node that is deleted leaves; one that an exporter speaks of stays."""
    page = Reading(
        "dcgm", 100.0, 0.01, nodes=(NodeReading("n2.lab", gpus=(GpuReading(0),)),), page=PageHealth("dcgm-exporter")
    )
    before = grown(page, look(nodes=(node("n1"), node("n2"))))
    after = grown(look(nodes=(), at=105.0), start=before)

    assert ["n1", "n2.lab"] == list(before.nodes)
    assert ["n2.lab"] == list(after.nodes)
    assert ("dcgm",) == after.nodes["n2.lab"].sources


def test_events_tell_what_happened_and_nothing_at_first_sight() -> None:
    """Started, ended badly, requeued, drained, down: one line each."""
    before = grown(
        look(job("1"), job("2", state="PENDING", nodes=()), job("3"), nodes=(node("n1"), node("n2"), node("n3")))
    )
    reading = look(
        job("1", state="FAILED"),
        job("2"),
        job("3", state="PENDING", reason="BeginTime"),
        nodes=(node("n1", flags=("DRAIN",), reason="bad fan", reason_by="root"), node("n2", state="DOWN")),
        at=105.0,
    )

    told = [(event.kind, event.severity, event.text) for event in apply(before, SLURM, reading).events]

    assert [
        ("job.ended", "warning", "job 1 (ana, llama) ended: FAILED"),
        ("job.started", "info", "job 2 (ana, llama) started on n1"),
        ("job.requeued", "warning", "job 3 (ana, llama) was requeued: BeginTime"),
        ("node.drained", "warning", "n1 is draining by root: bad fan"),
        ("node.down", "critical", "n2 is DOWN"),
        ("node.deleted", "info", "n3 left Slurm"),
    ] == told
    assert () == apply(Snapshot(), SLURM, reading).events


def test_what_nodes_measure_is_nothing_that_happened() -> None:
    """Load and free memory move at every look; a node that drains meanwhile is told of."""
    before = grown(look(job(), nodes=(node(cpu_load=1.0), node("n2", cpu_load=1.0))))
    after = look(job(), nodes=(node(cpu_load=2.0), node("n2", cpu_load=3.0, flags=("DRAIN",))))

    assert ["node.drained"] == [one.kind for one in apply(before, SLURM, after).events]


def test_a_look_that_changed_no_job_leaves_the_jobs_as_they_are() -> None:
    """The same mapping: whoever has sorted it need not do it again."""
    before = grown(look(job("812"), job("813")))
    after = grown(look(job("813"), job("812"), at=105.0), start=before)

    assert before.slurm is not None
    assert after.slurm is not None
    assert before.slurm.jobs is after.slurm.jobs


def test_a_burst_of_jobs_is_told_as_a_number() -> None:
    """An array of a hundred that starts at once is twenty lines and a sum."""
    waiting = [job(f"9_{task}", state="PENDING", nodes=()) for task in range(100)]
    before = grown(look(*waiting))

    told = apply(before, SLURM, look(*(replace(one, state="RUNNING", nodes=("n1",)) for one in waiting))).events

    assert 21 == len(told)
    assert "80 more jobs started" == told[-1].text


def test_a_failed_look_keeps_the_picture_and_its_age() -> None:
    """The controller is down: the last picture stays, grows old, and then says nothing."""
    snapshot = grown(look(job(), nodes=(node(gres_used=(Gres("gpu", "h100", 8),)),)))
    after = apply(snapshot, SLURM, Reading.failed("slurm", 106.0, "slurmctld does not answer")).snapshot

    assert after.slurm is snapshot.slurm
    assert (8, 1, 0) == _counts(after, 106.0)
    assert (None, None, None) == _counts(after, 126.0)


def _counts(snapshot: Snapshot, now: float) -> tuple[int | None, int | None, int | None]:
    facts = cluster_facts(snapshot, now)
    return facts.gpus_allocated, facts.jobs_running, facts.jobs_pending


def test_only_changes_travel_and_give_the_same_picture() -> None:
    """A stream sends the jobs that changed and the ids that went; whoever applies them sees the same."""
    before = grown(look(job("1"), job("2"), job("3")))
    reading = look(job("1"), job("2", state="COMPLETED"), job("4"), at=105.0)
    assert reading.slurm is not None

    small = replace(reading, slurm=changes_of(before.slurm, reading.slurm))
    travelled = decode(Reading, encode(small))

    assert small.slurm is not None
    assert ("2", "4") == tuple(one.id for one in small.slurm.jobs or ())
    assert ("3",) == small.slurm.gone
    one, other = grown(reading, start=before).slurm, grown(travelled, start=before).slurm
    assert one is not None
    assert other is not None
    assert one.jobs == other.jobs


def test_an_array_that_is_still_together_counts_all_its_tasks() -> None:
    """`[7-99:2%4]` waits with 47 tasks."""
    snapshot = grown(look(job("9", state="PENDING", array_job_id=9, array_task="7-99:2%4")))

    assert 47 == cluster_facts(snapshot, 100.0).jobs_pending
