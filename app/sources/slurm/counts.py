"""Pages of Slurm exporters to counts: SckyzO's (9341, and vpenso's before it), and slurmctld's own (25.11 and later).

Both call things `slurm_jobs_pending`, with other labels: they are told apart by a name that only one has. They know no
jobs by number, so all that comes of them is counts, and nodes where each is named. What is known to be wrong in
them is never read: sums of CPUs that slurmctld keeps in 16 bits, its `…_powering_up` (which publishes the nodes that
power down), `slurm_jobs_*_alloc` of CPUs, nodes and memory (always 0 before 25.11.5), and collectors that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.naming import clean
from app.domain.slurm import Gres, SlurmNode, SlurmReading
from app.sources.exposition import Exposition
from app.sources.slurm import fields as text
from app.sources.slurm.gres import parse_gres
from app.sources.slurm.parsed import MOST_ITEMS, SlurmParseError

Sample = tuple[str, Mapping[str, str], float]
"""Name, labels, value."""
COMMAND = "Slurm exporter page"
SCKYZO, NATIVE = "slurm_exporter_collector_success", "slurm_nodes_dyn_normal"
"""Names that only one of the two has."""

JOB_STATES = {
    "pending": "pending", "running": "running", "suspended": "suspended", "cancelled": "cancelled",
    "completing": "completing", "completed": "completed", "configuring": "configuring", "failed": "failed",
    "timeout": "timeout", "preempted": "preempted", "node_fail": "node_fail", "nodefail": "node_fail",
    "node_failed": "node_fail", "bootfail": "boot_fail", "deadline": "deadline", "requeued": "requeued",
    "out_of_memory": "out_of_memory", "outofmemory": "out_of_memory", "hold": "held",
}  # fmt: skip
"""What follows `slurm_jobs_` (`slurm_queue_` before) → what follows our `jobs_`."""
NODE_STATES = ("idle", "mixed", "down", "drain", "draining", "drained", "planned", "reserved", "completing", "fail")
PLAIN = {
    "slurm_gpus_alloc": "gpus_allocated", "slurm_gpus_idle": "gpus_idle", "slurm_gpus_other": "gpus_other",
    "slurm_gpus_total": "gpus", "slurm_cpus_alloc": "cpus_allocated", "slurm_cpus_idle": "cpus_idle",
    "slurm_cpus_other": "cpus_other", "slurm_cpus_total": "cpus", "slurm_nodes_total": "nodes",
    "slurm_scheduler_threads": "scheduler_threads", "slurm_scheduler_queue_size": "scheduler_queue",
    "slurm_scheduler_last_cycle": "scheduler_last_cycle_us", "slurm_scheduler_dbd_queue_size": "dbd_agent_queue",
    **{f"slurm_jobs_{wire}": f"jobs_{name}" for wire, name in JOB_STATES.items()},
}  # fmt: skip
"""Names without labels on both pages → our counts."""
NATIVE_PLAIN = {
    "slurm_jobs": "jobs", "slurm_jobs_gpus_alloc": "gpus_allocated", "slurm_nodes": "nodes",
    "slurm_nodes_alloc": "nodes_allocated", "slurm_nodes_noresp": "nodes_not_responding",
    "slurm_nodes_powered_down": "nodes_powered_down", NATIVE: "nodes_dynamic",
    **{f"slurm_nodes_{state}": f"nodes_{state}" for state in NODE_STATES},
}  # fmt: skip
"""Names without labels that only slurmctld's own page has."""
NATIVE_SUMS = {
    "slurm_node_cpus": "cpus", "slurm_node_cpus_alloc": "cpus_allocated", "slurm_node_cpus_idle": "cpus_idle",
    "slurm_node_gpus": "gpus", "slurm_node_gpus_alloc": "gpus_allocated",
}  # fmt: skip
"""Names by node on slurmctld's own page that are summed here, where nothing overflows."""
COLLECTORS = {
    "jobs": "queue",
    "gpus": "gpus",
    "cpus": "cpus",
    "scheduler": "scheduler",
    "dbd": "scheduler",
    "nodes": "nodes",
}
"""First word of a count → the collector of SckyzO's that it comes from."""


@dataclass(slots=True)
class _Node:
    """One node of SckyzO's page, as it is gathered."""

    state: str
    partitions: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)


def read_pages(bodies: Iterable[bytes]) -> SlurmReading:
    """The counts of one exporter's pages (slurmctld's own has several). Raises SlurmParseError where there are none."""
    samples: list[Sample] = []
    bad = 0
    for body in bodies:
        page = Exposition().read(body)
        series = page.new
        samples += [
            (series[at].name, series[at].labels, value) for at, value in zip(page.ids, page.values, strict=True)
        ]
        bad += page.bad_lines
    said = counts_of(samples)
    return said if not bad else _with_note(said, f"{COMMAND}: {bad} bad lines skipped")


def counts_of(samples: Iterable[Sample]) -> SlurmReading:
    """Counts, nodes where the page names them, and what was not believed. Raises SlurmParseError for other pages."""
    known = [one for one in samples if one[0].startswith("slurm_") and 0 <= one[2] < 1e15]
    names = {name for name, _, _ in known}
    is_native = NATIVE in names and SCKYZO not in names
    plain = PLAIN | NATIVE_PLAIN if is_native else PLAIN
    counts = {plain[name]: value for name, labels, value in known if name in plain and not labels}
    if is_native:
        counts |= _sums(known, NATIVE_SUMS)
        nodes: tuple[SlurmNode, ...] = ()
    else:
        counts = _queue_sums(known) | counts
        nodes = _nodes(known)
    failed = sorted({labels.get("collector", "") for name, labels, value in known if name == SCKYZO and value == 0})
    counts = {key: value for key, value in counts.items() if COLLECTORS.get(key.partition("_")[0]) not in failed}
    if not counts and not nodes:
        example = clean(next(iter(sorted(names)), "nothing that begins with slurm_"), 80)
        raise SlurmParseError(f"{COMMAND} line 1: no count here that I know, e.g. {example}")
    if "gpus" in counts and "gpus_allocated" in counts:
        counts.setdefault("gpus_idle", max(0.0, counts["gpus"] - counts["gpus_allocated"]))
    return SlurmReading(
        way="slurmctld's own metrics" if is_native else "exporter",
        nodes=nodes or None,
        version=_version(known),
        counts=counts,
        notes=tuple(f"{COMMAND}: its collector {clean(one, 40)} failed" for one in failed),
    )


def _with_note(said: SlurmReading, note: str) -> SlurmReading:
    return SlurmReading(
        way=said.way, nodes=said.nodes, version=said.version, counts=said.counts, notes=(*said.notes, note)
    )


def _sums(samples: Iterable[Sample], wanted: Mapping[str, str]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, labels, value in samples:
        if name in wanted and labels.get("node"):
            sums[wanted[name]] = sums.get(wanted[name], 0.0) + value
    return sums


def _queue_sums(samples: Iterable[Sample]) -> dict[str, float]:
    """Jobs by state out of `slurm_queue_<state>{user, partition, reason}`, for pages without plain totals."""
    sums: dict[str, float] = {}
    for name, _, value in samples:
        state = JOB_STATES.get(name.removeprefix("slurm_queue_")) if name.startswith("slurm_queue_") else None
        if state is not None:
            sums[f"jobs_{state}"] = sums.get(f"jobs_{state}", 0.0) + value
    return sums


def _version(samples: Iterable[Sample]) -> str:
    found = (labels.get("version", "") for name, labels, _ in samples if name == "slurm_info")
    return clean(next((one for one in found if one), ""), 64)


def _nodes(samples: Iterable[Sample]) -> tuple[SlurmNode, ...]:
    """Nodes of SckyzO's page: one series a node and partition, each saying the same."""
    found: dict[str, _Node] = {}
    for name, labels, value in samples:
        host, status = text.host_of(labels.get("node", "")), labels.get("status", "")
        if not name.startswith("slurm_node_") or not host or not status or len(found) >= MOST_ITEMS:
            continue
        node = found.setdefault(host, _Node(status))
        node.partitions.setdefault(clean(labels.get("partition", ""), 128))
        if name == "slurm_node_gres_total":
            node.total[labels.get("gres_type", "")] = int(value)
        elif name == "slurm_node_gres_used":
            node.used[labels.get("gres_type", "")] = int(value)
        else:
            node.numbers[name.removeprefix("slurm_node_")] = value
    return tuple(_node(name, one) for name, one in found.items())


def _node(name: str, one: _Node) -> SlurmNode:
    state, flags = text.node_state(one.state)
    cpus, used = one.numbers.get("cpu_total"), one.numbers.get("cpu_alloc")
    return SlurmNode(
        name=name,
        state=state,
        flags=flags,
        gres=_gres(one.total),
        gres_used=_gres(one.used) if one.total else None,
        cpus=None if cpus is None else int(cpus),
        cpus_used=None if used is None else int(used),
        memory_mib=one.numbers.get("mem_total"),
        memory_used_mib=one.numbers.get("mem_alloc"),
        partitions=tuple(partition for partition in one.partitions if partition),
    )


def _gres(counts: Mapping[str, int]) -> tuple[Gres, ...]:
    """`gpu` or `gpu:A100` with their counts."""
    return tuple(one for kind, count in counts.items() for one in parse_gres(f"{kind}:{count}"))
