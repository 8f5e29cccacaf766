"""The terms of the filter over GPUs: what `util<10`, `user:ana`, `busy` or a bare word ask of one. Pure.

An unknown value satisfies no comparison, so `util<10` never lists a GPU whose utilization nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from app.domain.clusters import FACT
from app.domain.filter_vocabulary import Read, TermError, Terms, names, texts
from app.domain.metric import Metric
from app.domain.metrics import METRICS, by_key, find
from app.domain.nodelist import node_matcher
from app.domain.snapshot import BUSY_PERCENT, Gpu

if TYPE_CHECKING:
    from app.domain.allocation import Held


class Ground(NamedTuple):
    """What a test may look at beside the GPU itself."""

    now: float
    """Epoch seconds."""
    held: Callable[[Gpu], Held]
    """Who holds a GPU (`app.domain.allocation`)."""


Test = Callable[[Gpu, Ground], bool]
"""Whether a GPU is wanted."""

FREE_MEMORY_PERCENT = 5.0
"""A GPU that holds more memory than this is in somebody's hands, though nobody is named."""

SHORT: Mapping[str, str] = {
    "util": "gpu.utilization",
    "mem": "gpu.memory_percent",
    "temp": "gpu.temperature",
    "hbm": "gpu.memory_temperature",
    "clock": "gpu.sm_clock",
    "sm": "gpu.sm_active",
    "tensor": "gpu.tensor_active",
    "dram": "gpu.dram_active",
    "pcie": "gpu.pcie_rx",
    "nvlink": "gpu.nvlink_rx",
    "ecc": "gpu.ecc_dbe_volatile",
    "limit": "gpu.power_limit",
    "procs": "gpu.processes",
}
"""Short names people type, beside every catalogue key of a GPU and its last part."""

_SCALES: Mapping[str, Mapping[str, float]] = {
    "%": {"%": 1},
    "MiB": {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1048576},
    "°C": {"c": 1, "°c": 1, "°": 1},
    "W": {"w": 1, "kw": 1e3, "mw": 1e6},
    "MHz": {"mhz": 1, "ghz": 1e3},
    "B/s": {"b": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12},
    "B": {"b": 1, "k": 1024, "m": 1048576, "g": 1073741824, "t": 1099511627776},
    "J": {"j": 1, "kj": 1e3, "mj": 1e6, "kwh": 3.6e6},
    "s": {"ms": 1e-3, "s": 1, "m": 60, "h": 3600},
}
"""Units a number may carry, by the metric's own unit; lower case. Bytes: `40g`, `40gb`, `40gib` and `40g/s` are one."""
_NUMBER = re.compile(r"([-+]?\d{1,15}(?:\.\d{0,9})?)\s*([a-z%°/]*)", re.IGNORECASE | re.ASCII)


def gpu_value(gpu: Gpu, key: str, now: float) -> float | None:
    """A value of a GPU; memory's share is reckoned from used and total where no exporter publishes it."""
    value = gpu.value(key, now)
    if value is None and key == "gpu.memory_percent":
        used, total = gpu.value("gpu.memory_used", now), gpu.value("gpu.memory_total", now)
        return 100 * used / total if used is not None and total else None
    return value


def metric_named(name: str) -> Metric | None:
    """A GPU's metric by key, last part or short name."""
    lowered = name.lower()
    metric = by_key().get(SHORT[lowered]) if lowered in SHORT else find(lowered, "gpu")
    return metric if metric is not None and metric.scope == "gpu" else None


def word(wanted: str) -> Test:
    """A bare word: part of the node's name, `node/index`, the model or the UUID, whatever the case."""
    lowered = wanted.lower()
    return lambda gpu, _: lowered in f"{gpu.id}\n{gpu.model or ''}\n{gpu.uuid or ''}".lower()


def is_idle(gpu: Gpu, ground: Ground) -> bool:
    """Known to do next to nothing."""
    value = gpu.value("gpu.utilization", ground.now)
    return value is not None and value < BUSY_PERCENT


def is_held(gpu: Gpu, ground: Ground) -> bool:
    """Slurm has given it away, a job or a process is known to hold it, or it holds memory that nobody owns up to."""
    held = ground.held(gpu)
    if held.allocated or held.job_ids or gpu.processes:
        return True
    share = gpu_value(gpu, "gpu.memory_percent", ground.now)
    return share is not None and share >= FREE_MEMORY_PERCENT


def _is_wasted(gpu: Gpu, ground: Ground) -> bool:
    """Given to a job that does not use it."""
    held = ground.held(gpu)
    return bool(held.allocated or held.job_ids) and is_idle(gpu, ground)


def _is_busy(gpu: Gpu, ground: Ground) -> bool:
    value = gpu.value("gpu.utilization", ground.now)
    return value is not None and value >= BUSY_PERCENT


def _is_silent(gpu: Gpu, ground: Ground) -> bool:
    return not gpu.is_lost and all(layer.is_expired(ground.now) for layer in gpu.layers)


def _is_stale(gpu: Gpu, ground: Ground) -> bool:
    is_known = not gpu.is_lost and not _is_silent(gpu, ground)
    return is_known and all(layer.is_stale(ground.now) for layer in gpu.layers)


STATES: Mapping[str, Test] = {
    "busy": _is_busy,
    "idle": is_idle,
    "alloc": is_held,
    "wasted": _is_wasted,
    "free": lambda gpu, ground: not gpu.is_lost and is_idle(gpu, ground) and not is_held(gpu, ground),
    "lost": lambda gpu, _: gpu.is_lost,
    "stale": _is_stale,
    "silent": _is_silent,
    "ok": lambda gpu, ground: not (gpu.is_lost or _is_stale(gpu, ground) or _is_silent(gpu, ground)),
    "xid": lambda gpu, _: bool(_xids(gpu)),
    "mig": lambda gpu, _: bool(gpu.mig),
}
"""States, as bare words and as `state:…`."""


def _state(wanted: str) -> Test:
    tests = []
    for name in wanted.split(","):
        found = STATES.get(name.lower())
        if found is None:
            raise TermError(f"{name!r} is no state; known: {', '.join(STATES)}")
        tests.append(found)
    return lambda gpu, ground: any(test(gpu, ground) for test in tests)


def _gpu(wanted: str) -> Test:
    """`gpu:3`, `gpu:0-3,7`, or `gpu:gpu-01/3`."""
    if "/" in wanted:
        node, _, rest = wanted.rpartition("/")
        on_node, with_index = node_matcher(node), node_matcher(f"[{rest}]")
        return lambda gpu, _: on_node(gpu.node) and with_index(str(gpu.index))
    has_index = node_matcher(f"[{wanted}]")
    return lambda gpu, _: has_index(str(gpu.index))


def _xid(wanted: str) -> Test:
    if not all(part.isdigit() for part in wanted.split(",")):
        raise TermError(f"{wanted!r} is no Xid; write xid:79 or xid:79,94")
    codes = {int(part) for part in wanted.split(",")}
    return lambda gpu, _: not codes.isdisjoint(_xids(gpu))


def _users(gpu: Gpu, ground: Ground) -> Iterable[str]:
    """Users of the jobs and of the processes on a GPU."""
    return (*(job.user for job in ground.held(gpu).jobs), *(one.user or "" for one in gpu.processes or ()))


def _jobs(gpu: Gpu, ground: Ground) -> Iterable[str]:
    """Ids of the jobs on a GPU; an array's own number means all its tasks."""
    held = ground.held(gpu)
    arrays = (str(job.array_job_id) for job in held.jobs if job.array_job_id is not None)
    return (*held.job_ids, *arrays)


def _xids(gpu: Gpu) -> set[int]:
    """Every Xid code known of a GPU, lost or not: counted ones, and the last one where only that is published."""
    last = (layer.values.get("gpu.xid_last") for layer in gpu.layers)
    return {one.code for one in gpu.xids if one.count} | {int(code) for code in last if code}


FIELDS: Mapping[str, Callable[[str], Test]] = {
    "node": names(lambda gpu, _: (gpu.node,)),
    "cluster": texts(lambda gpu, _: (gpu.facts.get(FACT, ""),), whole=True),
    "gpu": _gpu,
    "model": texts(lambda gpu, _: (gpu.model or "",), whole=False),
    "uuid": texts(lambda gpu, _: (gpu.uuid or "",), whole=False),
    "state": _state,
    "user": texts(_users, whole=True),
    "job": texts(_jobs, whole=True),
    "proc": texts(lambda gpu, _: (f"{one.name} {one.command or ''}" for one in gpu.processes or ()), whole=False),
    "xid": _xid,
    "source": texts(lambda gpu, _: (layer.source for layer in gpu.layers), whole=False),
    "driver": texts(lambda gpu, _: (gpu.facts.get("driver_version", ""),), whole=False),
}
"""Fields of text."""

EXAMPLES: Mapping[str, str] = {
    "node": "gpu-[01-04,7]",
    "cluster": "lab",
    "gpu": "0-3",
    "model": "h100",
    "uuid": "5a1f",
    "state": "lost",
    "user": "ana",
    "job": "812",
    "proc": "python",
    "xid": "79",
    "source": "node-1",
    "driver": "570",
}
"""One value a field, for help and completion."""


def _measure(name: str, wanted: str) -> tuple[Read[Gpu, Ground], float] | None:
    """`util<10`, `mem>40g`, `power>=0.6kw`: any metric of a GPU. Raises TermError."""
    metric = metric_named(name)
    if metric is None:
        return None
    number, key = _number(metric, wanted)
    return lambda gpu, ground: gpu_value(gpu, key, ground.now), number


def _number(metric: Metric, wanted: str) -> tuple[float, str]:
    """A number in the metric's unit, and the key to compare: `mem>40g` means memory used, not its share."""
    found = _NUMBER.fullmatch(wanted)
    if found is None:
        raise TermError(f"{wanted!r} is not a number" if wanted else "a number is missing")
    number, unit = float(found.group(1)), found.group(2).lower()
    if not unit:
        return number, metric.key
    if metric.key == "gpu.memory_percent" and unit != "%":
        metric = by_key()["gpu.memory_used"]
    scales = _SCALES.get(metric.unit, {})
    bare = (
        unit if metric.unit not in ("MiB", "B", "B/s") else unit.removesuffix("/s").rstrip("b").removesuffix("i") or "b"
    )
    if bare not in scales:
        known = f"{metric.unit} ({', '.join(scales)})" if scales else "a plain number"
        raise TermError(f"{metric.short} is in {known}, not {unit!r}")
    return number * scales[bare], metric.key


GPU_TERMS: Terms[Gpu, Ground] = Terms(
    STATES,
    word,
    FIELDS,
    EXAMPLES,
    tuple(dict.fromkeys((*SHORT, *(metric.short for metric in METRICS if metric.scope == "gpu")))),
    _measure,
    no_field="is nothing to filter by",
    no_number="no metric is called",
)
