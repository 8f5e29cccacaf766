"""Findings of jobs and their GPUs: held idle, empty, used by others, behind their siblings, never given. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from app.domain.affects import Affects
from app.domain.allocation import Allocations, allocations
from app.domain.finding import Advice, Evidence, Finding, FindingSubject
from app.domain.fleet import gpu_price
from app.domain.naming import clean
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Gpu, Snapshot
from app.engine.watch_slurm import SlurmWatch, Spell
from app.engine.words import count, names, span

IDLE_AFTER_S = 1800.0
"""Shorter pauses are everyday: loading, compiling, evaluating."""
EMPTY_AFTER_S = 600.0
"""Grace after a start: environments are unpacked, data is copied."""
FOREIGN_AFTER_S = 120.0
"""Grace after an end: processes are being cleaned up."""
BEHIND_AFTER_S = 60.0
BEHIND_LOOKS = 5
STOPPED_AFTER_S = 600.0
"""A rank without any use for less may write a checkpoint or evaluate, while the others wait for it."""
_SETTLED_S = 30.0
"""How much later than a job's start Slurm must have been asked for its GPUs to be counted."""


def idle_findings(watch: SlurmWatch, snapshot: Snapshot) -> Iterator[Finding]:
    """Jobs whose GPUs have done nothing for long: minutes, GPU-hours and money."""
    if not _has_lasted(watch.idle, IDLE_AFTER_S):
        return
    jobs = _jobs(snapshot)
    by_job: dict[str, list[tuple[Gpu, Spell]]] = {}
    for gpu in snapshot.gpus():
        spell = watch.idle.get(gpu.id)
        if spell is not None and spell.seen_s >= IDLE_AFTER_S and len(spell.about) == 1:
            by_job.setdefault(spell.about[0], []).append((gpu, spell))
    for key, idle in by_job.items():
        job = jobs.get(key)
        if job is not None and job.holds_nodes:
            yield _idle_finding(job, idle, snapshot)


def _has_lasted(spells: Mapping[str, Spell], for_s: float) -> bool:
    """Whether any spell is so long: else none of thousands of GPUs need be asked for its own."""
    return any(one.seen_s >= for_s for one in spells.values())


def _idle_finding(job: SlurmJob, idle: list[tuple[Gpu, Spell]], snapshot: Snapshot) -> Finding:
    hours = sum(spell.seen_s for _, spell in idle) / 3600
    prices = [gpu_price(snapshot.prices, gpu.model) for gpu, _ in idle]
    costs = [price * spell.seen_s / 3600 for price, (_, spell) in zip(prices, idle, strict=True) if price is not None]
    lost = f"{hours:.1f} GPU-hours" + (f", ${sum(costs):,.2f}" if costs else "")
    longest = max(spell.seen_s for _, spell in idle)
    total = max(job.gpus or 0, len(idle))
    whole = "its GPU" if total == 1 else f"all its {count(total, 'GPU')}"
    some = f"{len(idle)} of its {count(total, 'GPU')}" if len(idle) < total else whole
    alone = idle[0][0] if len(idle) == 1 else None
    return Finding(
        fault="slurm.allocated_idle",
        code="G10",
        title=f"job {job.id} ({_who(job)}): {some} idle for {span(longest)}; {lost} lost",
        severity="warning",
        subject=FindingSubject(
            node=alone.node if alone else "", gpu=alone.index if alone else None, job=job.id,
            uuid=alone.uuid if alone else None,
        ),
        first_seen=min(spell.since for _, spell in idle),
        last_seen=max(spell.last for _, spell in idle),
        evidence=tuple(_idle_evidence(gpu, spell) for gpu, spell in idle),
        explanation=(
            "Slurm keeps these GPUs for the job, and they do nothing. "
            + (
                "The job's other GPUs are at work: probably a rank that ended or hangs."
                if len(idle) < total
                else "It may be interactive, between phases on the CPU, waiting for data, or forgotten."
            )
        ),
        actions=(
            Advice(f"ask {clean(job.user, 32)} whether it still needs them"),
            Advice("end it", f"scancel {shlex.quote(job.id)}"),
        ),
        affects=Affects((job.id,), len(idle), sum(p for p in prices if p is not None) if costs else None),
    )  # fmt: skip


def _idle_evidence(gpu: Gpu, spell: Spell) -> Evidence:
    unseen = f" (and {span(spell.unseen_s)} unseen)" if spell.unseen_s >= 60 else ""
    source = gpu.layers[0].source if gpu.layers else ""
    return Evidence(source, spell.last, f"{gpu.id} idle for {span(spell.seen_s)}{unseen}, now {spell.note}")


def empty_findings(watch: SlurmWatch, snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Allocated GPUs on which no process is, long after the start."""
    if not _has_lasted(watch.empty, EMPTY_AFTER_S):
        return
    jobs = _jobs(snapshot)
    by_job: dict[str, list[tuple[Gpu, Spell]]] = {}
    for gpu in snapshot.gpus():
        spell = watch.empty.get(gpu.id)
        job = jobs.get(spell.about[0]) if spell is not None and len(spell.about) == 1 else None
        if spell is None or job is None or not job.is_running or spell.seen_s < EMPTY_AFTER_S:
            continue
        if job.start_at is not None and now - job.start_at >= EMPTY_AFTER_S:
            by_job.setdefault(job.id, []).append((gpu, spell))
    for key, empty in by_job.items():
        job = jobs[key]
        longest = max(spell.seen_s for _, spell in empty)
        places = names([gpu.id for gpu, _ in empty])
        yield Finding(
            fault="slurm.no_process",
            code="G10",
            title=f"job {job.id} ({_who(job)}) has no process on {count(len(empty), 'GPU')} it holds ({places})",
            severity="warning",
            subject=FindingSubject(job=job.id, node=empty[0][0].node if len(job.nodes) == 1 else ""),
            first_seen=min(spell.since for _, spell in empty),
            last_seen=max(spell.last for _, spell in empty),
            evidence=tuple(
                Evidence("processes", spell.last, f"{gpu.id}: no process for {span(spell.seen_s)}, {spell.note}")
                for gpu, spell in empty
            ),
            explanation=(
                f"The job runs, yet nothing has opened these GPUs for {span(longest)}: it may ask for more than it "
                "uses, still be preparing on the CPU, or its program may have ended while the script lives on."
            ),
            actions=(
                Advice(f"ask {clean(job.user, 32)} whether it needs them"),
                Advice("end it", f"scancel {shlex.quote(job.id)}"),
            ),
            affects=Affects((job.id,), len(empty), _cost(snapshot, [gpu for gpu, _ in empty])),
        )


def foreign_findings(watch: SlurmWatch, snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Processes on GPUs that Slurm gave to nobody, or to somebody else."""
    joined = allocations(snapshot, now)
    here: dict[str, list[tuple[int, Spell]]] = {}
    for (place, pid), spell in watch.foreign.items():
        if spell.seen_s >= FOREIGN_AFTER_S:
            here.setdefault(place, []).append((pid, spell))
    for gpu in snapshot.gpus() if here else ():
        found = here.get(gpu.id)
        if found:
            yield _foreign_finding(gpu, found, joined)


def _foreign_finding(gpu: Gpu, found: list[tuple[int, Spell]], joined: Allocations) -> Finding:
    held = joined.held(gpu)
    owners = names(sorted({job.user for job in held.jobs}))
    given = f"Slurm gave it to {owners} (job {names(held.job_ids)})" if owners else "Slurm gave it to nobody"
    pids = " ".join(str(pid) for pid, _ in found)
    return Finding(
        fault="slurm.foreign_process",
        code="B16",
        title=f"{gpu.id} is used by {clean(found[0][1].note, 60)}, but {given}",
        severity="warning",
        subject=FindingSubject(gpu.node, gpu.index, gpu.uuid, held.job.id if held.job else None),
        first_seen=min(spell.since for _, spell in found),
        last_seen=max(spell.last for _, spell in found),
        evidence=tuple(
            Evidence("processes", spell.last, f"{clean(spell.note, 80)}; there for {span(spell.seen_s)}")
            for _, spell in found
        ),
        explanation=(
            "Whoever gets this GPU from Slurm shares it without knowing. Left over from a job that ended, started "
            "through ssh past Slurm, or Slurm's indices are not the driver's (gres.conf)."
        ),
        actions=(
            Advice("see whose it is", f"ssh {shlex.quote(gpu.node)} ps -o user,pid,lstart,cmd -p {pids}", gated=False),
            Advice("end it there, once its owner agrees", f"ssh {shlex.quote(gpu.node)} kill {pids}"),
        ),
        affects=Affects(held.job_ids, 1),
    )


def straggler_findings(watch: SlurmWatch, snapshot: Snapshot) -> Iterator[Finding]:
    """Ranks that fall behind their own job's others, over several looks."""
    if not watch.behind:
        return
    jobs = _jobs(snapshot)
    places = {gpu.id: gpu for gpu in snapshot.gpus()}
    for (key, place), spell in watch.behind.items():
        job, gpu = jobs.get(key), places.get(place)
        if job is None or gpu is None or spell.looks < BEHIND_LOOKS or spell.seen_s < BEHIND_AFTER_S:
            continue
        idle = watch.idle.get(place)
        if idle is not None and idle.seen_s >= IDLE_AFTER_S:  # told as idle, with what it costs
            continue
        is_slow = spell.note.startswith(("clock", "power"))
        yield Finding(
            fault="job.straggler",
            code="D7",
            title=f"{place} holds back job {job.id} ({_who(job)}): {spell.note} of its siblings",
            severity="warning" if is_slow or spell.seen_s >= STOPPED_AFTER_S else "info",
            subject=FindingSubject(gpu.node, gpu.index, gpu.uuid, job.id),
            first_seen=spell.since,
            last_seen=spell.last,
            evidence=(
                Evidence("siblings", spell.last, f"{spell.note}, over {spell.looks} looks in {span(spell.seen_s)}"),
            ),
            explanation=(
                "Ranks that work together wait for the slowest. No use beside busy siblings: it hangs or ended. Same "
                "use with a lower clock: heat, power or a limit on this GPU."
            ),
            actions=(
                Advice("see what limits its clocks", f"ssh {shlex.quote(gpu.node)} nvidia-smi -q -d PERFORMANCE -i "
                       f"{gpu.index}", gated=False),
                Advice(f"look at that rank's output in job {job.id}", gated=False),
            ),
            affects=Affects((job.id,), job.gpus or 1),
        )  # fmt: skip


def gpuless_findings(snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Jobs that run without the GPUs they asked for, as before 24.11 just after a restart of slurmctld."""
    picture = allocations(snapshot, now).picture
    for job in (picture.jobs or {}).values() if picture is not None else ():
        if picture is None or job.state != "RUNNING":  # not `is_running`: of ten thousand jobs a call each is felt
            continue
        asked = job.gpus or (job.gpus_per_node or 0) * max(1, len(job.nodes))
        if not asked or any(one.count for one in job.gpus_on):
            continue
        used = [node.gpus_used for name in job.nodes if (node := picture.nodes.get(name)) is not None and node.gpus]
        settled = job.start_at is not None and picture.at - job.start_at >= _SETTLED_S
        if job.gpus_on:
            why = f"Slurm gives it {', '.join(f'0 GPUs on {clean(one.node, 40)}' for one in job.gpus_on[:3])}"
        elif settled and len(used) == len(job.nodes) > 0 and set(used) == {0}:
            why = f"no GPU is given away on {names(job.nodes)}"
        else:
            continue
        yield Finding(
            fault="slurm.job_without_gpus",
            code="",
            title=f"job {job.id} ({_who(job)}) asked for {count(asked, 'GPU')} and runs with none",
            severity="warning",
            subject=FindingSubject(job=job.id, node=job.nodes[0] if len(job.nodes) == 1 else ""),
            first_seen=job.start_at or picture.at,
            last_seen=picture.at,
            evidence=(Evidence(picture.source, picture.at, why),),
            explanation=(
                "Slurm before 24.11 starts jobs without their GPUs when they are scheduled in the seconds after "
                "slurmctld was restarted, before the nodes have registered. The program sees no GPU, or takes those "
                "of others."
            ),
            actions=(Advice("start it again", f"scontrol requeue {shlex.quote(job.id)}"),),
            affects=Affects((job.id,), 0),
        )


def _jobs(snapshot: Snapshot) -> Mapping[str, SlurmJob]:
    return (snapshot.slurm.jobs or {}) if snapshot.slurm is not None else {}


def _who(job: SlurmJob) -> str:
    return clean(job.user, 32) or "?"


def _cost(snapshot: Snapshot, gpus: list[Gpu]) -> float | None:
    prices = [gpu_price(snapshot.prices, gpu.model) for gpu in gpus]
    return None if None in prices or not prices else sum(price or 0.0 for price in prices)
