"""All that Slurm and the GPUs together show to be wrong, as findings. Pure.

`step` (of `app.engine.watch_slurm`) is called at each evaluation, `slurm_findings` whenever somebody asks.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from app.domain.affects import Affects
from app.domain.allocation import allocations
from app.domain.finding import Advice, Evidence, Finding, FindingSubject
from app.domain.pieces import Pieces, whole
from app.domain.snapshot import Snapshot
from app.engine.findings_jobs import (
    empty_findings,
    foreign_findings,
    gpuless_findings,
    idle_findings,
    straggler_findings,
)
from app.engine.findings_nodes import dead_node_findings, gres_findings, version_findings
from app.engine.fragmentation import Stuck, fragmentation, fragmenting
from app.engine.job_ends import failure_findings, lemon_findings
from app.engine.pending_case import filled
from app.engine.watch_slurm import SlurmWatch
from app.engine.words import count, gpu_word, names, span

_ORDER = {"critical": 0, "warning": 1, "info": 2}


def slurm_findings(watch: SlurmWatch, snapshot: Snapshot, now: float) -> tuple[Finding, ...]:
    """Every finding, the worst first; empty without Slurm, or when its picture is past its age."""
    return whole(finding_slurm(watch, snapshot, now))


def finding_slurm(watch: SlurmWatch, snapshot: Snapshot, now: float) -> Pieces[tuple[Finding, ...]]:
    """As `slurm_findings`, in pieces."""
    picture = allocations(snapshot, now).picture
    if picture is None:
        return ()
    yield from fragmenting(picture)  # the longest of them, which is remembered
    found: list[Finding] = []
    for some in (
        idle_findings(watch, snapshot),
        empty_findings(watch, snapshot, now),
        foreign_findings(watch, snapshot, now),
        straggler_findings(watch, snapshot),
        gpuless_findings(snapshot, now),
        gres_findings(snapshot, now),
        version_findings(snapshot, now),
        dead_node_findings(snapshot, now),
        fragmentation_findings(snapshot, now),
        lemon_findings(watch.ends, snapshot, now),
        failure_findings(watch.ends, snapshot, now),
    ):
        found += some
        yield
    return tuple(sorted(found, key=lambda one: _ORDER[one.severity]))


def fragmentation_findings(snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Shapes that wait although enough GPUs are free, for these are scattered."""
    picture = allocations(snapshot, now).picture
    if picture is None:
        return
    for stuck in fragmentation(picture).stuck:
        jobs = picture.jobs or {}
        first = jobs[stuck.jobs[0]]
        kind = gpu_word(stuck.want.gpu_type)
        also = f" and {len(stuck.jobs) - 1:,} more" if len(stuck.jobs) > 1 else ""
        yield Finding(
            fault="slurm.fragmentation",
            code="G12",
            title=f"{stuck.free:,} {kind} are free, but not together: job {first.id}{also} {stuck.want.needs}",
            severity="info",
            subject=FindingSubject(job=first.id),
            first_seen=picture.at,
            last_seen=picture.at,
            evidence=(
                Evidence(picture.source, picture.at, f"at most {stuck.largest:,} of them free on one node"),
                *((Evidence(picture.source, picture.at, _release(stuck, now)),) if stuck.release else ()),
            ),
            explanation="Small jobs spread over the nodes leave no node whole; large ones wait although GPUs are idle.",
            actions=tuple(_advice(stuck))
            or (Advice(filled("wait, or see: squeue --start -j {job}", first), gated=False),),
            affects=Affects(stuck.jobs, stuck.free),
        )


def _release(stuck: Stuck, now: float) -> str:
    release = stuck.release
    if release is None:
        return ""
    who = "job" if len(release.jobs) == 1 else "jobs"
    return f"{who} {names(release.jobs)} free {release.gpus:,} in {span(max(0.0, release.at - now))} at the latest"


def _advice(stuck: Stuck) -> Iterator[Advice]:
    move = stuck.move
    if move is not None:
        what = f"{count(move.gpus, 'GPU')} of {names(move.jobs)}"
        yield Advice(
            f"{what} on {move.node} would find room on other nodes: requeued by their owners, they make a whole block",
            f"scontrol requeue {shlex.quote(','.join(move.jobs))}",
        )
