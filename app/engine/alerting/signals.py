"""What rules may name beside the catalogue: states, counts and findings as series. One row each; pure.

A signal is read from the snapshot at each evaluation, and only if a rule names it. The daemon's metrics page publishes
the same series, so that a rule means the same in Prometheus.
"""
# ruff: noqa: E501 - a signal reads best as one table line

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from functools import lru_cache

from app.domain.alert import Labels, labels_of
from app.domain.finding import Finding
from app.domain.fleet import gpu_price, node_states
from app.domain.frozen import frozen
from app.domain.health import clock_events
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.engine.alerting import signals_slurm
from app.engine.columns import gpu_table
from app.engine.money import Rates, rates

EVERYDAY = 0x7
"""Clock events that mean nothing: idle, clocks as set, power cap."""
Pairs = Iterable[tuple[Labels, float]]


@frozen
class View:
    """What one evaluation looks at."""

    snapshot: Snapshot
    now: float
    watched: Watched = field(default_factory=Watched)
    findings: tuple[Finding, ...] = ()
    """The diagnosis' own, beside those watched."""
    ended: signals_slurm.Ended = field(default_factory=signals_slurm.Ended)


@frozen
class Signal:
    """One kind of series."""

    key: str
    unit: str
    labels: tuple[str, ...]
    help: str
    read: Callable[[View], Pairs]
    is_counted: bool = False
    """A counter whose series appear with their first count: they grew from 0."""


@lru_cache(maxsize=65536)
def gpu_labels(node: str, index: int) -> Labels:
    """The labels of a GPU's series."""
    return labels_of({"node": node, "gpu": str(index)})


@lru_cache(maxsize=8192)
def node_labels(node: str) -> Labels:
    """The labels of a node's series."""
    return labels_of({"node": node})


def _gpu_ages(view: View) -> Iterator[tuple[Labels, float]]:
    now = view.now
    for gpu in view.snapshot.gpus():
        if gpu.seen_at:
            yield gpu_labels(gpu.node, gpu.index), max(0.0, now - gpu.seen_at)


def _gpus_lost(view: View) -> Iterator[tuple[Labels, float]]:
    for gpu in view.snapshot.gpus():
        yield gpu_labels(gpu.node, gpu.index), float(gpu.is_lost)


def _node_ages(view: View) -> Iterator[tuple[Labels, float]]:
    for node in view.snapshot.nodes.values():
        newest = max((gpu.seen_at for gpu in node.gpus), default=0.0)
        newest = max([newest, *(layer.at for layer in node.layers)])
        if newest:
            yield node_labels(node.name), max(0.0, view.now - newest)


def _nodes_up(view: View) -> Iterator[tuple[Labels, float]]:
    for node, state in node_states(view.snapshot, view.now):
        if state != "unknown":
            yield node_labels(node.name), float(state == "up")


def _gpus_missing(view: View) -> Iterator[tuple[Labels, float]]:
    """Of nodes that are heard: where nobody answers, nothing is known of their GPUs."""
    told = signals_slurm.gpus_by_node(view.snapshot, view.now)
    for node in view.snapshot.nodes.values():
        seen = sum(gpu.lost_at is None for gpu in node.gpus)
        if any(not layer.is_expired(view.now) for gpu in node.gpus for layer in gpu.layers):
            expected = max(node.gpus_expected or 0, told.get(node.name, 0), len(node.gpus))
            yield node_labels(node.name), float(max(0, expected - seen))


def _clock_events(view: View) -> Iterator[tuple[Labels, float]]:
    table, key = gpu_table(view.snapshot), "gpu.clock_event_reasons"
    for gpu in table.picked(table.others, table.columns.of(key).beyond(-math.inf, EVERYDAY)):
        if any(layer.values.get(key, 0.0) > EVERYDAY for layer in gpu.layers):
            mask = int(gpu.value(key, view.now) or 0.0) & ~EVERYDAY
            for reason in clock_events(mask):
                yield labels_of({"node": gpu.node, "gpu": str(gpu.index), "reason": reason}), 1.0


def _xids(view: View) -> Iterator[tuple[Labels, float]]:
    for gpu in view.snapshot.gpus():
        for one in gpu.xids_told if gpu.xids or gpu.log_xids else ():
            yield labels_of({"node": gpu.node, "gpu": str(gpu.index), "code": str(one.code)}), float(one.count)


def _last_xids(view: View) -> Iterator[tuple[Labels, float]]:
    table, key = gpu_table(view.snapshot), "gpu.xid_last"
    for gpu in table.picked(table.others, table.columns.of(key).nonzero()):
        code = None if gpu.xids_told else gpu.value(key, view.now)
        if code:
            yield labels_of({"node": gpu.node, "gpu": str(gpu.index), "code": str(int(code))}), 1.0


def _allocated_idle(view: View) -> Iterator[tuple[Labels, float]]:
    for place, spell in view.watched.idle.items():
        node, _, index = place.rpartition("/")
        yield labels_of({"node": node, "gpu": index}), spell.seen_s


def _sources_up(view: View) -> Iterator[tuple[Labels, float]]:
    for name, state in view.snapshot.sources.items():
        if state.tried_at is not None:
            yield labels_of({"source": name, "kind": state.spec.kind}), float(state.error is None)


def _services_up(view: View) -> Iterator[tuple[Labels, float]]:
    for service in view.snapshot.services.values():
        state = view.snapshot.sources.get(service.source)
        if state is not None and state.tried_at is not None:
            yield labels_of({"service": service.id}), float(state.error is None)


def _findings(view: View) -> Iterator[tuple[Labels, float]]:
    """The diagnosis' own, and those watched that it does not hold."""
    known = {_fault_of(one) for one in view.findings}
    told: set[Labels] = set()
    for one in (*view.findings, *(one for one in view.watched.findings if _fault_of(one) not in known)):
        about = one.subject
        labels = labels_of(
            {
                "fault": one.fault,
                "code": one.code,
                "node": about.node,
                "gpu": "" if about.gpu is None else str(about.gpu),
                "job": about.job or "",
                "service": about.service or "",
            }
        )
        if labels not in told:
            told.add(labels)
            yield labels, float(one.severity != "info")


def _fault_of(one: Finding) -> tuple[str, str, int | None, str]:
    """What a finding is, however it was found: a GPU's may name its job or not."""
    about = one.subject
    return one.code or one.fault, about.node, about.gpu, "" if about.node else str(about)


def _gpu_costs(view: View) -> Iterator[tuple[Labels, float]]:
    for gpu in view.snapshot.gpus():
        price = gpu_price(view.snapshot.prices, gpu.model)
        if price is not None:
            yield gpu_labels(gpu.node, gpu.index), price


def _node_costs(view: View) -> Iterator[tuple[Labels, float]]:
    for node in view.snapshot.nodes.values():
        prices = [price for gpu in node.gpus if (price := gpu_price(view.snapshot.prices, gpu.model)) is not None]
        if prices:
            yield node_labels(node.name), sum(prices)


@lru_cache(maxsize=1)
def _rates_of(snapshot: Snapshot, now: float) -> Rates:
    return rates(snapshot, now)


def _rates(view: View) -> Rates:
    return _rates_of(view.snapshot, view.now)


def _job_waste(view: View) -> Iterator[tuple[Labels, float]]:
    jobs = (view.snapshot.slurm.jobs if view.snapshot.slurm is not None else None) or {}
    for key, rate in _rates(view).by_job.items():
        if key in jobs:
            yield labels_of({"job": key, "user": jobs[key].user, "partition": jobs[key].partition}), rate.idle_per_hour


def _costs(table: str, name: str) -> Callable[[View], Pairs]:
    def read(view: View) -> Iterator[tuple[Labels, float]]:
        for key, rate in getattr(_rates(view), table).items():
            yield labels_of({name: key}), rate.per_hour

    return read


def _held_idle(view: View) -> Iterator[tuple[Labels, float]]:
    found = _rates(view)
    if found.held.gpus:
        yield (), found.held.idle_per_hour


def _unheld(view: View) -> Iterator[tuple[Labels, float]]:
    found = _rates(view)
    if found.held.gpus or found.unheld.gpus:
        yield (), found.unheld.per_hour


def _slurm(read: Callable[[Snapshot, float], Pairs]) -> Callable[[View], Pairs]:
    return lambda view: read(view.snapshot, view.now)


# fmt: off
SIGNALS: tuple[Signal, ...] = (
    Signal("gpu.age", "s", ("node", "gpu"), "Time since the last values of a GPU.", _gpu_ages),
    Signal("gpu.lost", "", ("node", "gpu"), "1: a source that should list the GPU does not.", _gpus_lost),
    Signal("gpu.clock_event", "", ("node", "gpu", "reason"), "1 for each reason why a GPU's clocks are down now; idle, set clocks and the power cap are everyday and left out.", _clock_events),
    Signal("gpu.xid", "", ("node", "gpu", "code"), "Xids by code, as an exporter or a log counts them.", _xids, is_counted=True),
    Signal("gpu.xid_last_code", "", ("node", "gpu", "code"), "1 for the last Xid's code, where an exporter gives no more.", _last_xids),
    Signal("gpu.allocated_idle", "s", ("node", "gpu"), "How long an allocated GPU has been watched doing nothing.", _allocated_idle),
    Signal("gpu.cost_per_hour", "$/h", ("node", "gpu"), "Price of a GPU.", _gpu_costs),
    Signal("node.age", "s", ("node",), "Time since anything was heard of a node.", _node_ages),
    Signal("node.up", "", ("node",), "0: nobody who speaks of the node answers.", _nodes_up),
    Signal("node.gpus_missing", "", ("node",), "GPUs expected by driver, history or Slurm, and not seen.", _gpus_missing),
    Signal("node.cost_per_hour", "$/h", ("node",), "Price of a node's GPUs.", _node_costs),
    Signal("source.up", "", ("source", "kind"), "0: the last look at a source failed.", _sources_up),
    Signal("service.up", "", ("service",), "0: a model server does not answer.", _services_up),
    Signal("finding", "", ("fault", "code", "node", "gpu", "job", "service"), "1 for each finding there is now, 0 for one that is information only.", _findings),
    Signal("slurm.node_down", "", ("node",), "1: down or not responding, and not powered down or in maintenance.", _slurm(signals_slurm.nodes_down)),
    Signal("slurm.node_drained", "s", ("node", "cause"), "How long a node takes no jobs; by `slurm`, `automation` or a `person`.", _slurm(signals_slurm.nodes_drained)),
    Signal("slurm.nodes_down", "", (), "Nodes that are down.", _slurm(signals_slurm.count_down)),
    Signal("slurm.partition_down", "%", ("partition",), "Share of a partition's nodes that are down, from two on.", _slurm(signals_slurm.partitions_down)),
    Signal("slurm.job_never_starts", "", ("job", "partition", "reason"), "1: a job waits for what will not come by itself.", _slurm(signals_slurm.never_start)),
    Signal("slurm.gpu_jobs_pending", "", (), "Jobs that wait for GPUs and are not held.", _slurm(signals_slurm.gpu_jobs_pending)),
    Signal("slurm.gpus_idle", "", (), "GPUs nobody has, on nodes that take jobs.", _slurm(signals_slurm.gpus_idle)),
    Signal("slurm.jobs_failed", "%", (), "Share of the jobs that ended in the last 15 minutes badly; from five on.", lambda view: view.ended.failed(view.now)),
    Signal("slurm.count", "", ("name",), "Counts of a Slurm exporter, by their names here.", _slurm(signals_slurm.counts)),
    Signal("slurm.scheduler_cycle", "s", (), "Length of the scheduler's last cycle.", _slurm(signals_slurm.scheduler_cycle)),
    Signal("job.cost_per_hour", "$/h", ("job", "user", "partition"), "Price of the GPUs a running job holds.", _slurm(signals_slurm.job_costs)),
    Signal("job.idle_cost_per_hour", "$/h", ("job", "user", "partition"), "Price of the GPUs that a job holds and lets idle.", _job_waste),
    Signal("user.cost_per_hour", "$/h", ("user",), "Price of the GPUs that a user's jobs hold.", _costs("by_user", "user")),
    Signal("partition.cost_per_hour", "$/h", ("partition",), "Price of the GPUs that jobs of a partition hold.", _costs("by_partition", "partition")),
    Signal("fleet.held_idle_cost_per_hour", "$/h", (), "Price of the GPUs that jobs hold and let idle.", _held_idle),
    Signal("fleet.unheld_cost_per_hour", "$/h", (), "Price of the GPUs that no job has.", _unheld),
    Signal("job.pending", "s", ("job", "partition"), "How long a job has waited since it could have started.", _slurm(signals_slurm.pending_s)),
)
# fmt: on
"""Every signal; the order is that of tables."""
BY_KEY = {one.key: one for one in SIGNALS}
