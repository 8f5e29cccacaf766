"""Signs out of what GPUs do: busy without doing anything, memory that nobody holds, ranks behind their job's. Pure.

gpu.busy_idle       use is full, yet power, cores and memory show no work, and nothing moves           (state)
gpu.leaked_memory   memory is in use on a GPU that Slurm gave to nobody; value in MiB                  (state)
gpu.behind          a rank far below the others of its job or server; details how (clock, power, use)  (state)

A GPU that waits inside a collective shows the same as one that hangs: of a job's GPUs `gpu.behind` tells the odd one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.domain.finding import FindingSubject
from app.domain.snapshot import Gpu, Layer
from app.engine.columns import Compared
from app.engine.diagnosis.sign import Look, Sign
from app.engine.free import HELD_MIB
from app.engine.watch_slurm import behind

_USE, _CLOCK = "gpu.utilization", "gpu.sm_clock"
FULL_USE = 95.0
"""Percent of use from which a kernel runs without a pause."""
NO_POWER_SHARE = 0.35
"""Below this share of its power limit a GPU does no work; one that waits in a collective draws a quarter to a third."""
NO_CORES = 25.0
"""Percent of its cores that a kernel which only waits holds at most."""
NO_TENSOR, NO_DRAM = 1.0, 3.0
"""Percent below which tensor cores and memory are at rest."""
_CORES = "gpu.sm_active"
_SIGNS_OF_WORK = ((_CORES, NO_CORES), ("gpu.tensor_active", NO_TENSOR), ("gpu.dram_active", NO_DRAM))
"""Values that show work where they are above a limit."""
NO_TRAFFIC = 50e6
"""Bytes a second below which links are at rest."""
_TRAFFIC = ("gpu.nvlink_tx", "gpu.nvlink_rx", "gpu.pcie_tx", "gpu.pcie_rx")
_SLOW_SHARE = 0.85
"""Of the fastest GPU of its kind: below it one may be behind its job's others."""
_WORKS = 50.0
"""Percent of use from which a GPU is at work."""


def observe_work(look: Look) -> Iterator[Sign]:
    """Each GPU by itself, and beside those it works with."""
    suspects: list[Gpu] = []
    fastest: Mapping[str | None, float] | None = None
    rows = [_at_rest(look.gpus)]
    if look.picture is not None:  # without a scheduler nobody knows whose others a GPU should keep up with
        rows += _slow(look.gpus)
    for gpu in look.gpus.picked(*rows):
        layer = gpu.layers[0] if gpu.layers and gpu.lost_at is None else None
        if layer is None or layer.is_stale(look.now):
            continue
        use, clock = layer.values.get(_USE), layer.values.get(_CLOCK)
        if use is None:
            continue
        if use >= FULL_USE and _does_nothing(layer):
            yield _busy_idle(gpu, layer, look)
        if look.picture is None:
            continue
        if use >= _WORKS and clock is not None and fastest is None:
            fastest = _fastest(look)
        if use < _WORKS or (clock is not None and clock < _SLOW_SHARE * (fastest or {}).get(gpu.model, 0.0)):
            suspects.append(gpu)
        if use == 0.0 and layer.values.get("gpu.memory_used", 0.0) >= HELD_MIB:
            yield from _leaked(gpu, layer, look)
    yield from _behind(suspects, look)


def _at_rest(gpus: Compared[Gpu]) -> Iterable[int]:
    """Rows of GPUs in full use of which no value that tells of work is there, or high enough."""
    use, power, limit = gpus.column(_USE), gpus.column("gpu.power"), gpus.column("gpu.power_limit")
    full = set(use.beyond(-math.inf, FULL_USE))
    for key, most in _SIGNS_OF_WORK:
        if full:
            full.difference_update(gpus.column(key).where(most.__lt__))
    if full and power.rows == limit.rows:
        told = zip(power.rows, power.values, limit.values, strict=True)
        full.difference_update(row for row, watts, most in told if watts > NO_POWER_SHARE * most > 0.0)
    return full


def _slow(gpus: Compared[Gpu]) -> Iterator[Iterable[int]]:
    """Rows of GPUs that do not work, or work slowly for some GPU of the fleet."""
    use, clock = gpus.column(_USE), gpus.column(_CLOCK)
    yield use.beyond(_WORKS, math.inf)
    busy = frozenset(use.beyond(-math.inf, _WORKS))
    clocks = [(row, value) for row, value in zip(clock.rows, clock.values, strict=True) if row in busy]
    slow = _SLOW_SHARE * max((value for _, value in clocks), default=0.0)
    yield (row for row, value in clocks if not value >= slow)


def _does_nothing(layer: Layer) -> bool:
    """All that is known of it is at rest, and enough is known: its power, or its cores."""
    value_of = layer.values.get
    power, limit = value_of("gpu.power"), value_of("gpu.power_limit")
    cores = value_of(_CORES)
    if power is not None and limit and power > NO_POWER_SHARE * limit:
        return False
    if cores is None and (power is None or not limit):
        return False
    if any((value_of(key) or 0.0) > most for key, most in _SIGNS_OF_WORK):
        return False
    return all((value_of(key) or 0.0) < NO_TRAFFIC for key in _TRAFFIC)


def _busy_idle(gpu: Gpu, layer: Layer, look: Look) -> Sign:
    value_of = layer.values.get
    shown = [f"{name} {value:.0f} {unit}" for name, key, unit in (
        ("power", "gpu.power", "W"), ("cores", "gpu.sm_active", "%"), ("tensor cores", "gpu.tensor_active", "%"),
    ) if (value := value_of(key)) is not None]  # fmt: skip
    text = f"{gpu.id}: {value_of('gpu.utilization'):.0f} % busy, but {', '.join(shown)}"
    job = next(iter(look.allocations.held(gpu).job_ids), None)
    subject = FindingSubject(node=gpu.node, gpu=gpu.index, job=job)
    return Sign(
        "gpu.busy_idle", subject, layer.at, text, layer.source, value_of("gpu.power"), details={"job": job or ""}
    )


def _leaked(gpu: Gpu, layer: Layer, look: Look) -> Iterator[Sign]:
    """Memory on a GPU that is nobody's; a model server beside Slurm holds its own."""
    told = look.allocations.node(gpu.node)
    if told is None or not told.gpus or any(gpu.node in homes for homes in look.homes.values()):
        return
    held = look.allocations.held(gpu)
    if held.allocated is not False or held.job_ids:
        return
    used_mib = layer.values["gpu.memory_used"]
    by = ", ".join(f"pid {one.pid} ({one.name})" for one in (gpu.processes or ())[:3])
    whose = (
        f"held by {by}" if by else "no process of it is seen" if gpu.processes is not None else "by whom is not told"
    )
    used = f"{used_mib / 1024:.1f} GiB"
    text = f"{gpu.id}: {used} in use, given to no job; {whose}"
    pids = " ".join(str(one.pid) for one in (gpu.processes or ())[:3])
    yield Sign(
        "gpu.leaked_memory", _subject(gpu), layer.at, text, layer.source, used_mib, details={"pids": pids, "used": used}
    )


def _fastest(look: Look) -> dict[str | None, float]:
    """Model → the highest clock of any GPU at work."""
    found: dict[str | None, float] = {}
    for node in look.snapshot.nodes.values():
        for gpu in node.gpus:
            values = gpu.layers[0].values if gpu.layers and gpu.lost_at is None else {}
            clock = values.get("gpu.sm_clock")
            if clock is not None and values.get("gpu.utilization", 0.0) >= _WORKS:
                model = gpu.facts.get("model")
                if clock > found.get(model, 0.0):
                    found[model] = clock
    return found


def _behind(suspects: Sequence[Gpu], look: Look) -> Iterator[Sign]:
    """Of those that are slow at all, the ones that are so beside their own job's or server's others."""
    groups: dict[str, tuple[Gpu, ...]] = {}
    for gpu in suspects:
        held = look.allocations.held(gpu)
        job = held.job
        if job is not None and job.id not in groups and job.is_running and held.certainty in ("exact", "node"):
            groups[job.id] = look.allocations.gpus_of(job)
    for key, gpus in groups.items():
        places = {gpu.id: gpu for gpu in gpus}
        for place, why in behind(gpus, look.now).items():
            gpu = places[place]
            how = "clock" if why.startswith("clock") else "power" if why.startswith("power") else "use"
            subject = FindingSubject(node=gpu.node, gpu=gpu.index, job=key)
            source = gpu.layers[0].source if gpu.layers else ""
            text = f"{place}: {why} of job {key}'s others"
            yield Sign("gpu.behind", subject, look.now, text, source, details={"how": how, "why": why, "job": key})


def _subject(gpu: Gpu) -> FindingSubject:
    return FindingSubject(node=gpu.node, gpu=gpu.index)
