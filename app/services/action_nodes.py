"""What can be done to nodes: drain, give back, delete a dead dynamic one. Pure.

Sources: scontrol(1), "SPECIFICATIONS FOR UPDATE COMMAND, NODES" and `delete`; from 22.05 to 26.05, watched on a live
cluster, a deleted node whose slurmd still runs does not come back until that is restarted.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.hostlist import compress
from app.domain.job_actions import NodeVerb, Plan
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture
from app.services.action_hits import hit_lines
from app.services.action_targets import ActionError, reason_of


def plan_nodes(
    verb: NodeVerb, names: Sequence[str], picture: SlurmPicture | None, now: float, reason: str, *, anyway: bool
) -> Plan:
    """A plan for nodes. Raises ActionError for one that may not be deleted, and for draining without a reason."""
    if verb == "drain":
        return _drain(names, picture, now, reason)
    if verb == "undrain":
        return _undrain(names, picture, now)
    return _delete(names, picture, anyway=anyway)


def jobs_on(names: Sequence[str], picture: SlurmPicture | None) -> tuple[SlurmJob, ...]:
    """Jobs that hold one of the nodes."""
    wanted = frozenset(names)
    jobs = (picture.jobs or {}).values() if picture is not None else ()
    return tuple(job for job in jobs if job.holds_nodes and not wanted.isdisjoint(job.nodes))


def _drain(names: Sequence[str], picture: SlurmPicture | None, now: float, reason: str) -> Plan:
    said = reason_of(reason)
    short = compress(names)
    on = jobs_on(names, picture)
    go_on = (
        (f"{_jobs(len(on))} there {'goes' if len(on) == 1 else 'go'} on to the end; no new job starts",) if on else ()
    )
    warnings = [
        f"{name} is draining already: {clean(node.reason or 'no reason given', 80)}; the reason is replaced"
        for name, node in _known(names, picture)
        if node.is_draining
    ]
    return Plan(
        verb="drain",
        targets=tuple(names),
        commands=(("scontrol", "update", f"NodeName={short}", "State=DRAIN", f"Reason={said}"),),
        summary=f"drain {_nodes(names)}: {said}",
        hits=(*go_on, *hit_lines(on, now)) or ("no job is there; no new one starts",),
        undo=f"scontrol update NodeName={short} State=RESUME",
        is_severe=len(on) > 0,
        warnings=(*_unknown(names, picture), *warnings),
    )


def _undrain(names: Sequence[str], picture: SlurmPicture | None, now: float) -> Plan:
    short = compress(names)
    warnings = []
    for name, node in _known(names, picture):
        why = clean(node.reason or "no reason given", 80)
        by = f" by {clean(node.reason_by, 32)}" if node.reason_by else ""
        if node.is_down and "NOT_RESPONDING" in node.flags:
            warnings.append(f"{name} does not answer: it stays down until its slurmd does")
        elif node.is_draining or node.is_down:
            warnings.append(f"{name} was taken out{by}: {why}")
        else:
            warnings.append(f"{name} takes jobs already ({clean(node.text, 40)})")
    on = jobs_on(names, picture)
    return Plan(
        verb="undrain",
        targets=tuple(names),
        commands=(("scontrol", "update", f"NodeName={short}", "State=RESUME"),),
        summary=f"give {_nodes(names)} back to Slurm",
        hits=("waiting jobs may start there at once", *hit_lines(on, now)),
        undo=f"scontrol update NodeName={short} State=DRAIN Reason=…",
        warnings=(*_unknown(names, picture), *warnings),
    )


def _delete(names: Sequence[str], picture: SlurmPicture | None, *, anyway: bool) -> Plan:
    known = dict(_known(names, picture))
    warnings = []
    for name in names:
        node = known.get(name)
        if node is None:
            raise ActionError(f"{name} is not among the nodes that Slurm lists now: nothing to delete")
        if on := jobs_on([name], picture):
            raise ActionError(f"{name} is busy with {_jobs(len(on))}: drain it, and delete it when they have ended")
        if not node.is_dynamic:
            raise ActionError(f"{name} is written in slurm.conf: take it out there; only dynamic nodes can be deleted")
        if not node.is_down and not anyway:
            raise ActionError(
                f"{name} is alive ({clean(node.text, 40)}): deleted, it stays away until its slurmd is restarted; "
                "say so if you mean it (--anyway)"
            )
        if not node.is_down:
            warnings.append(f"{name} is alive: its slurmd goes on, unknown to Slurm, until it is restarted")
    return Plan(
        verb="delete",
        targets=tuple(names),
        commands=tuple(("scontrol", "delete", f"NodeName={name}") for name in names),
        summary=f"delete {_nodes(names)} from Slurm",
        hits=tuple(f"{name}: {clean(known[name].text, 60)}, {known[name].gpus} GPUs fewer" for name in names),
        undo="a deleted node joins again when its slurmd is restarted",
        is_severe=True,
        warnings=tuple(warnings),
    )


def _known(names: Sequence[str], picture: SlurmPicture | None) -> list[tuple[str, SlurmNode]]:
    nodes = picture.nodes if picture is not None else {}
    return [(name, nodes[name]) for name in names if name in nodes]


def _unknown(names: Sequence[str], picture: SlurmPicture | None) -> tuple[str, ...]:
    if picture is None or not picture.nodes:
        return ()
    missing = [name for name in names if name not in picture.nodes]
    return (f"Slurm lists no node {compress(missing)}",) if missing else ()


def _nodes(names: Sequence[str]) -> str:
    return f"node {names[0]}" if len(names) == 1 else f"{len(names)} nodes: {clean(compress(names), 80)}"


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"
