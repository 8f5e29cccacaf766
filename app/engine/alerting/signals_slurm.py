"""Slurm's states and counts as series for rules. Pure; nothing is said of a picture past its age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import lru_cache

from app.domain.alert import Labels, labels_of
from app.domain.fleet import gpu_price
from app.domain.frozen import frozen
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture
from app.domain.snapshot import Snapshot

FAILED_WINDOW_S = 900.0
LEAST_ENDED = 5
"""Of fewer jobs a share says nothing."""
_BAD_ENDS = frozenset({"BOOT_FAIL", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY"})
_PLANNED = frozenset(
    {
        "MAINTENANCE", "REBOOT_REQUESTED", "REBOOT_ISSUED", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP",
        "POWER_DOWN", "POWER_UP", "FUTURE",
    }
)  # fmt: skip
_AUTOMATA = (
    "nhc", "health", "node health", "node-health", "node_health", "nvsentinel", "gpud", "gcm", "dcgm", "soperator",
    "hyperpod", "prolog", "epilog", "gpu-watchdog", "automated", "auto:",
)  # fmt: skip
"""Beginnings of reasons that programs write, in brackets or not."""

Series = Iterator[tuple[Labels, float]]


def picture_of(snapshot: Snapshot, now: float) -> SlurmPicture | None:
    """Slurm's picture, if there is one and it is not past its age."""
    picture = snapshot.slurm
    return None if picture is None or picture.is_expired(now) else picture


@lru_cache(maxsize=1)
def waiting(picture: SlurmPicture) -> tuple[SlurmJob, ...]:
    """Jobs that wait and are not held; three signals ask for them."""
    return tuple(job for job in (picture.jobs or {}).values() if job.is_pending and not job.is_held)


def is_planned(node: SlurmNode) -> bool:
    """Maintenance, a reboot or power saving: somebody meant it."""
    return bool(_PLANNED & {node.state, *node.flags})


def drain_cause(node: SlurmNode) -> str:
    """Who took a node out of service: `slurm` itself, an `automation`, or a `person`."""
    from app.engine.reasons import node_reason  # noqa: PLC0415 - only a cluster with drained nodes reads the registry

    if node_reason(node.reason) is not None:
        return "slurm"
    text = (node.reason or "").strip(" [(<*").casefold()
    return "automation" if text.startswith(_AUTOMATA) else "person"


def maintained(snapshot: Snapshot, now: float) -> Mapping[str, str]:
    """Nodes somebody works on, with the reason: reservations for maintenance, reboots, drains by people."""
    picture = picture_of(snapshot, now)
    if picture is None:
        return {}
    found: dict[str, str] = {}
    for name, node in picture.nodes.items():
        if is_planned(node):
            found[name] = node.text
        elif node.is_draining and node.reason and drain_cause(node) == "person":
            found[name] = f"drained: {node.reason}"
    return found


def gpus_by_node(snapshot: Snapshot, now: float) -> Mapping[str, int]:
    """GPUs that Slurm is configured with, by node."""
    picture = picture_of(snapshot, now)
    return {} if picture is None else {name: node.gpus for name, node in picture.nodes.items()}


def _is_down(node: SlurmNode) -> bool:
    return node.is_down and not is_planned(node)


def nodes_down(snapshot: Snapshot, now: float) -> Series:
    """By node, 1 where it is down and should not be."""
    picture = picture_of(snapshot, now)
    for name, node in (picture.nodes if picture is not None else {}).items():
        yield labels_of({"node": name}), float(_is_down(node) or "FAIL" in (node.state, *node.flags))


def nodes_drained(snapshot: Snapshot, now: float) -> Series:
    """By node and cause, for how long."""
    picture = picture_of(snapshot, now)
    for name, node in (picture.nodes if picture is not None else {}).items():
        if node.is_draining and not is_planned(node):
            since = node.reason_at if node.reason_at is not None else now
            yield labels_of({"node": name, "cause": drain_cause(node)}), max(0.0, now - since)


def count_down(snapshot: Snapshot, now: float) -> Series:
    """How many nodes are down."""
    picture = picture_of(snapshot, now)
    if picture is not None and picture.nodes:
        yield (), float(sum(map(_is_down, picture.nodes.values())))


def partitions_down(snapshot: Snapshot, now: float) -> Series:
    """By partition, the share of its nodes that are down; one node alone is the node's own alert."""
    picture = picture_of(snapshot, now)
    if picture is None:
        return
    for name, partition in picture.partitions.items():
        nodes = [picture.nodes[one] for one in partition.nodes if one in picture.nodes]
        down = sum(map(_is_down, nodes))
        if nodes:
            yield labels_of({"partition": name}), 100.0 * down / len(nodes) if down > 1 else 0.0


def never_start(snapshot: Snapshot, now: float) -> Series:
    """Jobs whose reason nobody's waiting mends."""
    picture = picture_of(snapshot, now)
    for job in waiting(picture) if picture is not None else ():
        code = _hopeless(job.reason) if job.reason else ""
        if code:
            yield labels_of({"job": job.id, "partition": job.partition, "reason": code}), 1.0


@lru_cache(maxsize=4096)
def _hopeless(said: str) -> str:
    """The code of a reason that does not clear itself; empty for any other."""
    from app.engine.reasons import reason_said  # noqa: PLC0415 - only a cluster with a queue reads the registry

    reason = reason_said(said).reason
    return reason.code if reason.is_known and reason.kind == "broken" and not reason.clears_itself else ""


def gpu_jobs_pending(snapshot: Snapshot, now: float) -> Series:
    """Jobs that wait for GPUs."""
    picture = picture_of(snapshot, now)
    if picture is not None and picture.jobs is not None:
        yield (), float(sum(1 for job in waiting(picture) if job.gpus))


def gpus_idle(snapshot: Snapshot, now: float) -> Series:
    """GPUs that are free where jobs can start."""
    picture = picture_of(snapshot, now)
    if picture is not None and picture.nodes:
        nodes = [node for node in picture.nodes.values() if node.takes_jobs and node.gpus_used is not None]
        yield (), float(sum(max(0, node.gpus - (node.gpus_used or 0)) for node in nodes))


def counts(snapshot: Snapshot, now: float) -> Series:
    """An exporter's counts."""
    picture = picture_of(snapshot, now)
    for name, value in (picture.counts if picture is not None else {}).items():
        yield labels_of({"name": name}), value


def scheduler_cycle(snapshot: Snapshot, now: float) -> Series:
    """Seconds of the last cycle, where it is told."""
    picture = picture_of(snapshot, now)
    cycle_us = picture.counts.get("scheduler_last_cycle_us") if picture is not None else None
    if cycle_us is not None:
        yield (), cycle_us / 1e6


def job_costs(snapshot: Snapshot, now: float) -> Series:
    """By running job, where its GPUs' model has a price; by Slurm's own name of the type."""
    picture = picture_of(snapshot, now)
    models = [gpu.model for gpu in snapshot.gpus()] if picture is not None and snapshot.prices else []
    only = models[0] if models and len(set(models)) == 1 else None
    for job in ((picture.jobs if picture is not None else None) or {}).values():
        price = gpu_price(snapshot.prices, only or job.gpu_type) if job.is_running and job.gpus else None
        if price is not None and job.gpus:
            yield labels_of({"job": job.id, "user": job.user, "partition": job.partition}), price * job.gpus


def pending_s(snapshot: Snapshot, now: float) -> Series:
    """By waiting job, since it could have started."""
    picture = picture_of(snapshot, now)
    for job in waiting(picture) if picture is not None else ():
        since = job.eligible_at or job.submit_at
        if since is not None:
            yield labels_of({"job": job.id, "partition": job.partition}), max(0.0, now - since)


@frozen
class Ended:
    """Jobs seen to end lately."""

    jobs: Mapping[str, tuple[float, bool]] = field(default_factory=dict)
    """Id → (when it ended, whether badly)."""
    is_watched: bool = False

    def after(self, snapshot: Snapshot, now: float) -> Ended:
        """With what a snapshot shows, and without what is long past."""
        picture = picture_of(snapshot, now)
        kept = {key: one for key, one in self.jobs.items() if now - one[0] <= FAILED_WINDOW_S}
        if picture is None or picture.jobs is None:
            return Ended(kept, is_watched=False)
        for key, job in picture.jobs.items():
            if job.is_ended and job.end_at is not None and now - job.end_at <= FAILED_WINDOW_S:
                kept[key] = (job.end_at, job.state in _BAD_ENDS)
        return Ended(kept, is_watched=True)

    def failed(self, now: float) -> Series:
        """The share of those that failed, in per cent."""
        lately = [bad for at, bad in self.jobs.values() if now - at <= FAILED_WINDOW_S]
        if self.is_watched:
            yield (), 100.0 * sum(lately) / len(lately) if len(lately) >= LEAST_ENDED else 0.0
