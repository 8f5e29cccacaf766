"""What a change of Slurm's picture means to a person: jobs that started, ended or were requeued, nodes that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.naming import clean
from app.domain.series import Event, Severity, Subject
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture

MOST = 20
"""Events of one kind that one look tells of by name; more are told as a number."""
_BAD_ENDS = frozenset({"BOOT_FAIL", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"})


def slurm_events(was: SlurmPicture | None, now: SlurmPicture, at: float) -> Iterator[Event]:
    """What happened between two pictures; nothing at first sight."""
    if was is None:
        return
    if was.jobs is not None and now.jobs is not None and was.jobs is not now.jobs:
        yield from _bounded(list(_job_events(was.jobs, now.jobs, at)), at)
    if was.nodes is not now.nodes:
        for name, node in now.nodes.items():
            before = was.nodes.get(name)
            # Load and free memory of every node move from look to look, and are nothing that happened.
            if before is None or (before.state, before.flags) != (node.state, node.flags):
                yield from _node_events(before, node, at)
        for name in was.nodes.keys() - now.nodes.keys():
            yield Event(at, "node.deleted", "info", Subject("node", node=name), f"{name} left Slurm")


def _bounded(events: list[Event], at: float) -> Iterator[Event]:
    """A burst (an array of thousands) told as numbers."""
    by_kind: dict[str, list[Event]] = {}
    for event in events:
        by_kind.setdefault(event.kind, []).append(event)
    for kind, some in by_kind.items():
        yield from some[:MOST]
        if len(some) > MOST:
            word = kind.partition(".")[2]
            yield Event(at, kind, "info", Subject("fleet"), f"{len(some) - MOST} more jobs {word}")


def _job_events(was: Mapping[str, SlurmJob], now: Mapping[str, SlurmJob], at: float) -> Iterator[Event]:
    changed = [job for key, job in now.items() if was.get(key) is not job]
    for job in changed:
        key, before = job.id, was.get(job.id)
        who = f"job {key} ({clean(job.user, 32)}, {clean(job.name, 40)})"
        subject = Subject("job", key=key)
        if job.is_running and (before is None or not before.is_running):
            yield Event(at, "job.started", "info", subject, f"{who} started on {_where(job)}")
        elif job.is_ended and before is not None and not before.is_ended:
            severity: Severity = "warning" if job.state in _BAD_ENDS else "info"
            yield Event(at, "job.ended", severity, subject, f"{who} ended: {clean(job.state, 32)}")
        elif job.is_pending and before is not None and before.holds_nodes:
            yield Event(at, "job.requeued", "warning", subject, f"{who} was requeued: {clean(job.reason or '', 60)}")
    gone = [job for key, job in was.items() if key not in now]
    for job in gone:
        if job.holds_nodes:
            yield Event(
                at,
                "job.ended",
                "info",
                Subject("job", key=job.id),
                f"job {job.id} ({clean(job.user, 32)}) is no longer listed",
            )


def _node_events(before: SlurmNode | None, node: SlurmNode, at: float) -> Iterator[Event]:
    subject = Subject("node", node=node.name)
    why = f": {clean(node.reason, 80)}" if node.reason else ""
    if before is None:
        yield Event(at, "node.new", "info", subject, f"{node.name} joined Slurm")
        return
    if node.is_down and not before.is_down:
        yield Event(at, "node.down", "critical", subject, f"{node.name} is {node.text}{why}")
    elif before.is_down and not node.is_down:
        yield Event(at, "node.up", "info", subject, f"{node.name} is back: {node.text}")
    if node.is_draining and not before.is_draining:
        by = f" by {clean(node.reason_by, 32)}" if node.reason_by else ""
        yield Event(at, "node.drained", "warning", subject, f"{node.name} is draining{by}{why}")
    elif before.is_draining and not node.is_draining:
        yield Event(at, "node.resumed", "info", subject, f"{node.name} takes jobs again")


def _where(job: SlurmJob) -> str:
    if not job.nodes:
        return "no node"
    return clean(job.nodes[0], 40) + (f" and {len(job.nodes) - 1} more" if len(job.nodes) > 1 else "")
