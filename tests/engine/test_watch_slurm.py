"""What lasts is timed by what was seen: gaps are not counted, and nothing is concluded from silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from app.domain.slurm import SlurmPicture
from app.domain.snapshot import Gpu
from app.engine.watch_slurm import SlurmWatch, Spell, step
from tests.engine.slurm_builders import NOW, gpu, idle, node, picture, process, running, snapshot_with

HELD = picture([running(812, "gpu-1", 4)], [node("gpu-1", gpus=4, used=4)])


def watched(
    gpus: Callable[[float], Iterable[Gpu]], *times: float, seen: SlurmPicture = HELD, watch: SlurmWatch | None = None
) -> SlurmWatch:
    """The watch after looks at these seconds past NOW; Slurm is asked at each of them."""
    found = watch or SlurmWatch()
    for second in times:
        at = NOW + second
        found = step(found, snapshot_with(replace(seen, at=at), gpus(at), at=at), at)
    return found


def one_idle(at: float) -> list[Gpu]:
    return [idle("gpu-1", 0, at), *(gpu("gpu-1", index, at=at) for index in range(1, 4))]


def test_an_idle_gpu_is_timed_from_its_first_idle_look() -> None:
    """Watched time grows by the time between looks; busy GPUs have no spell."""
    found = watched(one_idle, 0, 30, 60)

    assert {"gpu-1/0": Spell(NOW, NOW + 60, 60.0, 3, ("812",), "0 %")} == found.idle


def test_a_busy_look_ends_the_spell() -> None:
    """One look with work, and the clock begins anew."""
    was = watched(one_idle, 0, 30)
    busy = watched(lambda at: [gpu("gpu-1", index, at=at) for index in range(4)], 60, watch=was)

    assert {} == busy.idle
    assert NOW + 90 == watched(one_idle, 90, watch=busy).idle["gpu-1/0"].since


def test_a_gap_is_not_counted() -> None:
    """Five minutes without a look leave the beginning where it was, and are told as unseen."""
    spell = watched(one_idle, 0, 60, 360, 420).idle["gpu-1/0"]

    assert (NOW, 120.0, 300.0) == (spell.since, spell.seen_s, spell.unseen_s)


def test_after_a_long_gap_nothing_is_known() -> None:
    """An hour unseen begins anew: it may have worked in between."""
    assert NOW + 3600 == watched(one_idle, 0, 60, 3600).idle["gpu-1/0"].since


def test_a_silent_gpu_keeps_its_spell_for_a_while() -> None:
    """While the exporter is silent the spell waits; after ten minutes it is gone."""
    was = watched(one_idle, 0, 60)

    assert 60.0 == watched(lambda _: [idle("gpu-1", 0, NOW + 60)], 300, watch=was).idle["gpu-1/0"].seen_s
    assert {} == watched(lambda _: [idle("gpu-1", 0, NOW + 60)], 700, watch=was).idle


def test_the_same_sample_twice_counts_once() -> None:
    """A look that brings no new sample changes nothing."""
    was = watched(one_idle, 0, 60)

    assert was.idle == watched(lambda _: one_idle(NOW + 60), 62, watch=was).idle


def test_another_job_begins_anew() -> None:
    """The idle minutes of one job are not charged to the next."""
    was = watched(one_idle, 0, 60)
    other = picture([running(900, "gpu-1", 4)], [node("gpu-1", gpus=4, used=4)])

    assert ("900",) == watched(one_idle, 90, seen=other, watch=was).idle["gpu-1/0"].about
    assert 0.0 == watched(one_idle, 90, seen=other, watch=was).idle["gpu-1/0"].seen_s


def test_power_speaks_against_idleness() -> None:
    """0 % with 600 W of 700 is a counter that lies, not an idle GPU."""
    assert {} == watched(lambda at: [gpu("gpu-1", 0, util=0.0, power_w=600.0, at=at)], 0, 30).idle


def test_a_free_gpu_is_not_held_idle() -> None:
    """What nobody holds may idle."""
    assert {} == watched(lambda at: [idle("gpu-1", 0, at)], 0, 30, seen=picture(nodes=[node("gpu-1")])).idle


def test_without_slurm_nothing_is_held() -> None:
    """Where Slurm's picture is past its age, no allocation is known and no spell begins."""
    at = NOW + 3600

    assert SlurmWatch() == step(SlurmWatch(), snapshot_with(HELD, one_idle(at), at=at), at)


def test_a_process_on_a_free_gpu_is_foreign() -> None:
    """Slurm gave the GPU to nobody, and somebody works on it; monitors and young processes are let be."""
    free = picture(nodes=[node("gpu-1")])
    watchers = (process(1, "root", name="nv-hostengine", memory_mib=400.0), process(2, memory_mib=3.0))
    young = process(3, started_at=NOW + 10**6)

    found = watched(
        lambda at: [gpu("gpu-1", 0, at=at, processes=(process(9, "eve"), *watchers, young))], 0, 60, seen=free
    )

    assert [("gpu-1/0", 9)] == list(found.foreign)
    assert "pid 9 of eve: python3, 58.6 G" == found.foreign["gpu-1/0", 9].note


def test_a_process_of_another_user_is_foreign_where_the_index_is_exact() -> None:
    """The job's own user, root and users that are not known are not accused."""
    mixed = (process(1, "ana"), process(2, "eve"), process(3, None), process(4, "root"))
    found = watched(lambda at: [gpu("gpu-1", index, at=at, processes=mixed) for index in range(4)], 0)
    unplaced = replace(running(812, "gpu-1", 2), gpus_on=())
    unsure = picture([unplaced], [node("gpu-1", gpus=4, used=2, gres_used=None)])

    assert {("gpu-1/0", 2), ("gpu-1/1", 2), ("gpu-1/2", 2), ("gpu-1/3", 2)} == set(found.foreign)
    assert {} == watched(lambda at: [gpu("gpu-1", 0, at=at, processes=mixed)], 0, seen=unsure).foreign


def test_an_allocated_gpu_without_a_process() -> None:
    """Only where the source lists processes, and memory in use does not show that somebody is hidden from it."""
    bare = {"gpu.memory_used": 4.0}

    def boards(at: float) -> list[Gpu]:
        return [
            idle("gpu-1", 0, at, values=bare, processes=()),
            idle("gpu-1", 1, at, values=bare, processes=None),
            idle("gpu-1", 2, at, processes=()),
            idle("gpu-1", 3, at, values=bare, processes=(process(),)),
        ]

    assert ["gpu-1/0"] == list(watched(boards, 0, 60).empty)


def test_a_rank_behind_its_siblings() -> None:
    """One rank at 0 % beside seven at 97 % is behind; a job whose ranks all differ has no straggler."""
    seen = picture([running(812, "gpu-1", 8)], [node("gpu-1", used=8)])

    def one(at: float) -> list[Gpu]:
        return [idle("gpu-1", 3, at), *(gpu("gpu-1", i, util=96.0 + i % 3, at=at) for i in range(8) if i != 3)]

    def spread(at: float) -> list[Gpu]:
        return [gpu("gpu-1", i, util=(90.0, 95.0, 30.0, 35.0, 92.0, 97.0, 33.0, 94.0)[i], at=at) for i in range(8)]

    assert [("812", "gpu-1/3")] == list(watched(one, 0, seen=seen).behind)
    assert {} == watched(spread, 0, seen=seen).behind
