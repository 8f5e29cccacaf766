"""Findings of Slurm's nodes: GPUs it does not know of, counts that differ, versions that differ, dead records. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from app.domain.affects import Affects
from app.domain.allocation import allocations
from app.domain.finding import Advice, Evidence, Finding, FindingSubject
from app.domain.naming import clean, short_model
from app.domain.slurm import SlurmNode, SlurmPicture
from app.domain.snapshot import Node, Snapshot
from app.domain.values import believed
from app.engine.supply import closed_words
from app.engine.words import count, names, span

DEAD_AFTER_S = 600.0
"""A dynamic node that is gone for less may come back by itself."""
RELEASES = ("21.08", "22.05", "23.02", "23.11", "24.05", "24.11", "25.05", "25.11", "26.05")
"""Slurm's releases in order; a slurmd may be two older than slurmctld, from 24.11 three."""
_RELEASE = re.compile(r"(\d\d\.\d\d)(?:\.|-|$)")


def gres_findings(snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Nodes where the driver shows another number of GPUs than Slurm has."""
    joined = allocations(snapshot, now)
    picture = joined.picture
    if picture is None:
        return
    pairs = [
        (node, told, seen)
        for node in snapshot.nodes.values()
        if (told := joined.node(node.name)) is not None and (seen := _seen(node, now)) is not None
    ]
    if pairs and not any(node.gpus for node in picture.nodes.values()):
        yield _no_gres_at_all(pairs, picture)
        return
    for node, told, seen in pairs:
        if told.gpus != seen and not _is_sliced(node, told):
            yield _gres_finding(node, told, seen, picture)


def _seen(node: Node, now: float) -> int | None:
    """GPUs the driver shows; None where some are silent, so that nothing can be concluded, or there are none."""
    present = 0
    for gpu in node.gpus:
        if gpu.lost_at is None:
            if not believed(gpu.layers, now):
                return None
            present += 1
    return present or None


def _is_sliced(node: Node, told: SlurmNode) -> bool:
    """MIG slices count as GPUs in Slurm and not with us."""
    return any(gpu.mig for gpu in node.gpus) or any("g." in (one.type or "") for one in told.gres)


def _no_gres_at_all(pairs: list[tuple[Node, SlurmNode, int]], picture: SlurmPicture) -> Finding:
    total = sum(seen for _, _, seen in pairs)
    return Finding(
        fault="slurm.gres_missing",
        code="F4",
        title=f"Slurm knows of no GPU, though {count(len(pairs), 'node')} of its own show {total:,}",
        severity="info",
        subject=FindingSubject(),
        first_seen=picture.at,
        last_seen=picture.at,
        evidence=tuple(
            Evidence(picture.source, picture.at, f"{told.name}: Gres=(null), {count(seen, 'GPU')} seen")
            for _, told, seen in pairs[:8]
        ),
        explanation="Jobs cannot ask for GPUs here: GresTypes=gpu, gres.conf and Gres= of the nodes are not set.",
        actions=(Advice("set GresTypes=gpu in slurm.conf, a gres.conf, and Gres= for each node"),),
        affects=Affects((), total),
    )


def _gres_finding(node: Node, told: SlurmNode, seen: int, picture: SlurmPicture) -> Finding:
    return _unregistered(node, told, seen, picture) if told.gpus == 0 else _miscounted(node, told, seen, picture)


def _unregistered(node: Node, told: SlurmNode, seen: int, picture: SlurmPicture) -> Finding:
    """A node in Slurm without a GPU to its name."""
    models = names(sorted({short_model(gpu.model) for gpu in node.gpus if gpu.model}))
    actions: tuple[Advice, ...]
    if told.is_dynamic:
        actions = (
            Advice(f'start its slurmd with the GPUs in --conf: slurmd -Z --conf "… Gres=gpu:TYPE:{seen}"'),
            Advice("drop the old record first", f"scontrol delete nodename={shlex.quote(told.name)}"),
        )
    else:
        actions = (Advice(f"put Gres=gpu:TYPE:{seen} into its line of slurm.conf, and its devices into gres.conf"),)
    return Finding(
        fault="slurm.gres_missing",
        code="F4",
        title=f"{clean(told.name, 40)} joined Slurm without its {count(seen, 'GPU')}",
        severity="warning",
        subject=FindingSubject(node=node.name),
        first_seen=picture.at,
        last_seen=picture.at,
        evidence=(Evidence(picture.source, picture.at, f"Gres=(null), {count(seen, 'GPU')} seen ({models or '?'})"),),
        explanation=(
            "No job can ask for these GPUs. A dynamic node registers only what --conf says, and the record is not "
            "renewed when it registers again, so it must be deleted first."
        ),
        actions=actions,
        affects=Affects((), seen),
    )


def _miscounted(node: Node, told: SlurmNode, seen: int, picture: SlurmPicture) -> Finding:
    """A node of which Slurm and the driver count differently."""
    fewer = seen < told.gpus
    look = Advice("count on the node", f"ssh {shlex.quote(node.name)} nvidia-smi -L", gated=False)
    drain = f"scontrol update nodename={shlex.quote(told.name)} state=drain reason=gpu_count"
    return Finding(
        fault="slurm.gpu_count",
        code="F4",
        title=f"Slurm counts {count(told.gpus, 'GPU')} on {clean(told.name, 40)}, the driver shows {seen:,}",
        severity="warning" if fewer else "info",
        subject=FindingSubject(node=node.name),
        first_seen=picture.at,
        last_seen=picture.at,
        evidence=(Evidence(picture.source, picture.at, f"Slurm: {told.gpus}, driver: {seen}"),),
        explanation=(
            "Jobs may be given a GPU that is not there: it fell off the bus, or the driver does not see it."
            if fewer
            else "GPUs are there that no job can ask for; indices of Slurm and of the driver may differ."
        ),
        actions=(look, Advice("take no new job until it is mended", drain)) if fewer else (look,),
        affects=Affects((), abs(told.gpus - seen)),
    )


def version_findings(snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Releases of slurmd that differ from slurmctld's: one finding a release."""
    picture = allocations(snapshot, now).picture
    ours = release_of(picture.version) if picture is not None else None
    if picture is None or ours is None:
        return
    others: dict[str, list[str]] = {}
    for node in picture.nodes.values():
        theirs = release_of(node.version)
        if theirs is not None and theirs != ours:
            others.setdefault(theirs, []).append(node.name)
    for theirs, nodes in others.items():
        apart = _apart(ours, theirs)
        is_bad = theirs > ours or apart is None or apart > (3 if ours >= "24.11" else 2)
        yield Finding(
            fault="slurm.version",
            code="F17",
            title=f"slurmd {theirs} on {names(nodes)} beside slurmctld {ours}"
            + ("" if is_bad else ", as in an upgrade"),
            severity="warning" if is_bad else "info",
            subject=FindingSubject(node=nodes[0] if len(nodes) == 1 else ""),
            first_seen=picture.at,
            last_seen=picture.at,
            evidence=(Evidence(picture.source, picture.at, f"{count(len(nodes), 'node')} with {theirs}"),),
            explanation=(
                "A slurmd must not be newer than slurmctld, nor more than two releases older (three from 24.11): it "
                "drops out with `Could not unpack` errors."
                if is_bad
                else "Older within what slurmctld supports: fine for the time of an upgrade."
            ),
            actions=(Advice("bring them to the same release, slurmctld first"),),
        )


def release_of(version: str | None) -> str | None:
    """`24.11` of `24.11.5`."""
    found = _RELEASE.match(version or "")
    return found.group(1) if found else None


def _apart(ours: str, theirs: str) -> int | None:
    if ours not in RELEASES or theirs not in RELEASES:
        return None
    return RELEASES.index(ours) - RELEASES.index(theirs)


def dead_node_findings(snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Records of dynamic nodes that are gone: they can be deleted, unless the machine still answers."""
    joined = allocations(snapshot, now)
    picture = joined.picture
    if picture is None:
        return
    gone = [one for one in picture.nodes.values() if one.is_dynamic and _is_silent(one)]
    if not gone:
        return
    seen = {told.name: node for node in snapshot.nodes.values() if (told := joined.node(node.name)) is not None}
    busy = {name for job in (picture.jobs or {}).values() if job.holds_nodes for name in job.nodes}
    for told in gone:
        since = told.reason_at or told.busy_at
        if told.name in busy or since is None or now - since < DEAD_AFTER_S:
            continue
        node = seen.get(told.name)
        lives = node is not None and any(believed(gpu.layers, now) for gpu in node.gpus)
        yield _dead_finding(told, picture, since, now, lives=lives)


def _is_silent(told: SlurmNode) -> bool:
    return told.is_down and "NOT_RESPONDING" in (told.state, *told.flags)


def _dead_finding(told: SlurmNode, picture: SlurmPicture, since: float, now: float, *, lives: bool) -> Finding:
    name = shlex.quote(told.name)
    if lives:
        title = f"{clean(told.name, 40)} is down for Slurm, but its GPUs answer"
        explanation = "The machine is up: its slurmd died or cannot reach slurmctld."
        actions = (Advice("start its slurmd again", f"ssh {name} systemctl restart slurmd"),)
    else:
        title = f"{clean(told.name, 40)} left {span(now - since)} ago and is still on record"
        explanation = "A dynamic node whose machine is gone stays DOWN until somebody deletes it."
        actions = (Advice("delete the record", f"scontrol delete nodename={name}"),)
    return Finding(
        fault="slurm.dead_node",
        code="F1",
        title=title,
        severity="warning" if lives else "info",
        subject=FindingSubject(node=told.name),
        first_seen=since,
        last_seen=picture.at,
        evidence=(Evidence(picture.source, picture.at, f"{told.text}: {closed_words(told, now)}"),),
        explanation=explanation,
        actions=actions,
        affects=Affects((), told.gpus),
    )
