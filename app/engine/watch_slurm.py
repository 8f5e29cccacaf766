"""What must last before it means something: idle, empty and foreign GPUs, ranks that fall behind. A pure tracker.

`step` is called at each evaluation with the newest snapshot; looks that bring no new sample change nothing. Time counts
only between two looks that both saw it: a gap in the data is not counted, and a long one starts the clock anew, since
nobody knows what happened in between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from statistics import median
from typing import TypeVar

from app.domain.ages import EXPIRED_INTERVALS
from app.domain.allocation import Allocations, Held, allocations
from app.domain.frozen import frozen
from app.domain.reading import GpuProcess
from app.domain.snapshot import BUSY_PERCENT, Gpu, Snapshot
from app.domain.stragglers import SLOW_SHARE, STOPPED_SHARE, WEAK_SHARE, stragglers
from app.engine.columns import Compared, gpu_table
from app.engine.free import HELD_MIB
from app.engine.holders import Holders
from app.engine.job_ends import Ends

COUNTED_GAP_S = 90.0
"""Looks further apart than this do not count as watched time."""
LONGEST_GAP_S = 600.0
"""After so long unseen, nothing is left of what was known."""
QUIET_SHARE = 0.5
"""A GPU that draws more than this share of its power limit is not idle, whatever its utilization says."""
LEAST_MIB = 100.0
"""A process with less GPU memory than this is a monitor, not work."""
_DAEMONS = ("nvidia-persiste", "nv-hostengine", "dcgm", "Xorg", "gnome-shell", "nvidia-smi", "nvidia-cuda-mps", "nvtop")
_APART = 5.0
"""Scaled median deviations that a straggler lies from its siblings."""
K = TypeVar("K")
_SHARES = (("gpu.utilization", STOPPED_SHARE), ("gpu.sm_clock", SLOW_SHARE), ("gpu.power", WEAK_SHARE))
"""Below which share of the median of its job a GPU falls behind."""
_WATCHED = ("gpu.utilization", "gpu.sm_clock", "gpu.power")


@frozen
class Spell:
    """Since when something holds, as far as it was watched."""

    since: float
    """Epoch seconds of the first look that saw it."""
    last: float
    """Of the last."""
    seen_s: float = 0.0
    """Watched time, without gaps."""
    looks: int = 1
    """Looks with a new sample."""
    about: tuple[str, ...] = ()
    """Jobs that hold the GPU; when they change, the spell begins anew."""
    note: str = ""
    """The newest words for it."""

    @property
    def unseen_s(self) -> float:
        """Time between the first and the last look that was not watched."""
        return max(0.0, self.last - self.since - self.seen_s)


@frozen
class SlurmWatch:
    """All spells, by what they are about."""

    idle: Mapping[str, Spell] = field(default_factory=dict)
    """`node/index` of an allocated GPU → since when it does nothing."""
    empty: Mapping[str, Spell] = field(default_factory=dict)
    """`node/index` of an allocated GPU → since when no process is on it."""
    foreign: Mapping[tuple[str, int], Spell] = field(default_factory=dict)
    """(`node/index`, pid) of a process on a GPU that Slurm did not give → since when it is there."""
    behind: Mapping[tuple[str, str], Spell] = field(default_factory=dict)
    """(job, `node/index`) of a rank that falls behind its siblings → since when."""
    ends: Ends = field(default_factory=Ends)
    """Jobs that ended within a day."""
    holders: Holders = field(default_factory=Holders, compare=False)
    """Of the last look: remembered, for most of them are the same at the next one."""


@dataclass(slots=True)
class _Look:
    """What one snapshot shows: key → (when, about whom, words)."""

    idle: dict[str, tuple[float, tuple[str, ...], str]] = field(default_factory=dict)
    empty: dict[str, tuple[float, tuple[str, ...], str]] = field(default_factory=dict)
    foreign: dict[tuple[str, int], tuple[float, tuple[str, ...], str]] = field(default_factory=dict)
    behind: dict[tuple[str, str], tuple[float, tuple[str, ...], str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    """GPUs of which this look says nothing: their spells wait."""


def step(watch: SlurmWatch, snapshot: Snapshot, now: float) -> SlurmWatch:
    """The spells after a look at a snapshot."""
    joined, holders = allocations(snapshot, now), watch.holders.after(snapshot, now)
    gpus = Compared(gpu_table(snapshot), None, now)
    look = _Look()
    for row in _telling(gpus, holders):
        _look_at(look, gpus.table.subjects[row], holders.held[row], joined, now)
    for job, some in _uneven(gpus, holders, now):
        at = min(gpu.seen_at for gpu in some)
        for place, why in behind(some, now).items():
            if place not in look.empty:  # no process: no rank
                look.behind[job, place] = (at, (job,), why)
    return SlurmWatch(
        _advance(watch.idle, look.idle, look.silent, now),
        _advance(watch.empty, look.empty, look.silent, now),
        _advance(watch.foreign, look.foreign, {key for key in watch.foreign if key[0] in look.silent}, now),
        _advance(watch.behind, look.behind, {key for key in watch.behind if key[1] in look.silent}, now),
        watch.ends.after(snapshot, now),
        holders,
    )


def _telling(gpus: Compared[Gpu], holders: Holders) -> Sequence[int]:
    """Rows of GPUs that are to be looked at: those that are not simply busy for somebody, and any with processes."""
    use = gpus.column("gpu.utilization")
    silent = () if use.rows == gpus.rows else set(gpus.rows).difference(use.rows)
    listed = [row for row, some in enumerate(holders.processes) if some is not None]
    return sorted(gpus.odd.union(silent, use.beyond(BUSY_PERCENT, math.inf), holders.groups.unknown, listed))


def _uneven(gpus: Compared[Gpu], holders: Holders, now: float) -> Sequence[tuple[str, Sequence[Gpu]]]:
    """Jobs whose ranks may differ, with their GPUs that tell their use; in the order of these."""
    columns = [(share, _by_row(gpus, key)) for key, share in _SHARES]
    found: list[tuple[int, str, Sequence[Gpu]]] = []
    for job, rows in holders.groups.at_work.items():
        if gpus.odd.isdisjoint(rows) and all(_is_even(rows, values, share) for share, values in columns):
            continue
        known = [row for row in rows if gpus.table.subjects[row].value("gpu.utilization", now) is not None]
        if known:
            found.append((known[0], job, [gpus.table.subjects[row] for row in known]))
    return [(job, some) for _, job, some in sorted(found, key=itemgetter(0))]


def _by_row(gpus: Compared[Gpu], key: str) -> Mapping[int, float]:
    column = gpus.column(key)
    return dict(zip(column.rows, column.values, strict=True))


def _is_even(rows: Sequence[int], values: Mapping[int, float], share: float) -> bool:
    """Whether none can be below that share of the median: the lowest is not even below that share of the highest."""
    if not values:
        return True
    try:
        some = itemgetter(*rows)(values) if len(rows) > 1 else (values[rows[0]],)
    except KeyError:
        return False
    return bool(min(some) >= share * max(some))


def lengthened(watch: SlurmWatch, place: str, since: float, seen_s: float) -> SlurmWatch:
    """The watch with what a history knows of a GPU that is idle: since when, and for how long that was watched."""
    spell = watch.idle.get(place)
    if spell is None or since >= spell.since:
        return watch
    longer = replace(spell, since=since, seen_s=max(spell.seen_s, seen_s))
    return replace(watch, idle={**watch.idle, place: longer})


def behind(gpus: Iterable[Gpu], now: float) -> Mapping[str, str]:
    """Ranks that fall behind by their share of the median, and further than siblings are from each other."""
    some = tuple(gpus)
    found = stragglers(some, now)
    if not found or len(found) > max(1, len(some) // 4):  # a quarter that differs is a job of two kinds of work
        return {}
    columns = [{gpu.id: v for gpu in some if (v := gpu.value(key, now)) is not None} for key in _WATCHED]
    return {place: why for place, why in found.items() if any(_is_apart(place, column) for column in columns)}


def _is_apart(place: str, values: Mapping[str, float]) -> bool:
    if place not in values:
        return False
    middle = median(values.values())
    spread = 1.4826 * median(abs(value - middle) for value in values.values())
    return middle - values[place] > _APART * max(spread, 0.01 * abs(middle))


def _look_at(look: _Look, gpu: Gpu, held: Held, joined: Allocations, now: float) -> None:
    use = gpu.sample("gpu.utilization", now)
    if use is None or held.allocated is None or gpu.is_lost:
        look.silent.add(gpu.id)
        return
    at = now - use.age_s
    is_busy = use.value >= BUSY_PERCENT
    if held.allocated and held.job_ids and not is_busy and is_quiet(gpu, now):
        look.idle[gpu.id] = (at, held.job_ids, f"{use.value:.0f} %")
    if gpu.processes is None or gpu.processes_at is None or not _is_fresh(gpu, now):
        return
    if held.allocated and not gpu.processes and not is_busy and not gpu.mig and held.job is not None:
        # Inside a container the driver hides others' processes: memory in use says that somebody is there all the same.
        memory_mib = gpu.value("gpu.memory_used", now)
        if memory_mib is not None and memory_mib < HELD_MIB:
            look.empty[gpu.id] = (gpu.processes_at, held.job_ids, f"{memory_mib:.0f} MiB in use")
    asked_at = joined.picture.at if joined.picture is not None else 0.0
    for one in _foreign(gpu.processes, held, asked_at):
        look.foreign[gpu.id, one.pid] = (gpu.processes_at, held.job_ids, process_words(one))


def is_quiet(gpu: Gpu, now: float) -> bool:
    """Its power does not speak against its being idle."""
    power, limit = gpu.value("gpu.power", now), gpu.value("gpu.power_limit", now)
    return power is None or not limit or power <= QUIET_SHARE * limit


def _is_fresh(gpu: Gpu, now: float) -> bool:
    interval_s = gpu.layers[0].interval_s if gpu.layers else 60.0
    return gpu.processes_at is not None and now - gpu.processes_at <= EXPIRED_INTERVALS * interval_s


def _foreign(processes: tuple[GpuProcess, ...], held: Held, asked_at: float) -> Iterator[GpuProcess]:
    """Processes that work on a GPU which Slurm gave to nobody, or for certain to others."""
    users = {job.user for job in held.jobs}
    for one in processes:
        if one.kind == "graphics" or one.name.rpartition("/")[2].startswith(_DAEMONS):
            continue
        if one.memory_mib is not None and one.memory_mib < LEAST_MIB:
            continue
        if one.started_at is not None and one.started_at > asked_at:  # younger than what is known of the queue
            continue
        is_others = held.certainty == "exact" and users and one.user not in (None, "root", *users)
        if held.allocated is False or is_others:
            yield one


def process_words(one: GpuProcess) -> str:
    """`pid 4711 of ana: python3, 60 G`."""
    who = f" of {one.user}" if one.user else ""
    memory = f", {one.memory_mib / 1024:.1f} G" if one.memory_mib is not None else ""
    return f"pid {one.pid}{who}: {one.name}{memory}"


def _advance(
    known: Mapping[K, Spell],
    seen: Mapping[K, tuple[float, tuple[str, ...], str]],
    waiting: Iterable[K],
    now: float,
) -> Mapping[K, Spell]:
    """Spells that go on, begin, or wait for a subject that is silent; the others are over."""
    found: dict[K, Spell] = {}
    for key, (at, about, note) in seen.items():
        found[key] = _gone_on(known.get(key), at, about, note)
    for key in waiting:
        spell = known.get(key)
        if spell is not None and key not in found and now - spell.last <= LONGEST_GAP_S:
            found[key] = spell
    return found


def _gone_on(spell: Spell | None, at: float, about: tuple[str, ...], note: str) -> Spell:
    gap_s = at - spell.last if spell is not None else 0.0
    if spell is None or spell.about != about or gap_s > LONGEST_GAP_S:
        return Spell(at, at, about=about, note=note)
    if gap_s <= 0:
        return spell
    seen_s = spell.seen_s + (gap_s if gap_s <= COUNTED_GAP_S else 0.0)
    return replace(spell, last=at, seen_s=seen_s, looks=spell.looks + 1, note=note)
