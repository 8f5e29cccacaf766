"""Book: the queue of the simulated Slurm at any moment; what people did to it counts from then on.

Running jobs are those of the cluster's workload; those that wait are the next ones of its pools, the standing ones, and
those that somebody submitted. Times are simulated seconds. While nobody acts everything depends on spec and time alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from app.sim.cluster import GIVEN_UP_S, Cluster
from app.sim.dice import Dice
from app.sim.jobs import SimJob
from app.sim.slurm import standing
from app.sim.slurm.ended import BY_CAUSE, REQUEUED, end_of
from app.sim.slurm.job import Job
from app.sim.slurm.partitions import model_of, partitions_of
from app.sim.slurm.reasons import Waiting

KEPT_S = 300.0
"""Real seconds for which slurmctld remembers a job that has ended (MinJobAge)."""
WAITS = ("QOSMaxJobsPerUserLimit", "AssocGrpGRES", "BeginTime", "Licenses")
"""Why a job that is not of several whole nodes waits, since what is free would start it."""


class Book:
    """All jobs of one cluster. `home` is the folder in which users have theirs."""

    def __init__(self, cluster: Cluster, home: str = "/home") -> None:
        self.cluster, self.home = cluster, home
        self.parts = partitions_of(cluster.layout)
        self.models = {node.name: model_of(node.gpus[0].board.model) for node in cluster.layout.nodes}
        self.parts_of = {
            name: tuple(part.name for part in self.parts.values() if name in set(part.nodes)) for name in self.models
        }
        self.waiting: dict[int, Job] = {}
        """Jobs that no pool hands out and that have not begun."""
        self.begun: dict[int, Job] = {}
        """The same once they have, as they were submitted."""
        self.over: list[Job] = []
        """Jobs that ended without ever running."""
        self.edits: dict[int, dict[str, object]] = {}
        """What people changed of jobs that a pool handed out."""
        self.cancelled: set[int] = set()
        """Model servers' jobs that somebody has cancelled."""
        self.left_s: dict[int, float] = {}
        """What suspended jobs had still to run."""
        self.drains: dict[str, tuple[str, str, float]] = {}
        """Nodes that somebody drained: why, who, when."""
        self.deleted: set[str] = set()
        self.is_touched = False
        """Somebody has acted: waiting jobs take what is free from now on."""
        self.version = 0
        self._kept_s = KEPT_S / cluster.per_wall
        self._known: dict[int, tuple[SimJob, int, bool, Job]] = {}
        self._lined: dict[int, tuple[SimJob, int, Job]] = {}
        self.explained: dict[int, tuple[Job, str, float | None, Job]] = {}
        """By number: a waiting job, its reason and its estimate, and the job with these."""
        self._scene: tuple[float, int, tuple[Job, ...]] | None = None
        self.coming_id = self._first_id()
        """The number that the next new job gets."""
        self._sweep, self._sweep_array = self._stand()

    # ── questions ──

    def jobs(self, t: float) -> tuple[Job, ...]:
        """Every job that slurmctld knows at `t`: waiting ones first, each group in Slurm's order."""
        if self._scene is not None and self._scene[:2] == (t, self.version):
            return self._scene[2]
        placed = [self._placed(sim, t) for sim in self._workload(t - self._kept_s, t)]
        over = (job for job in self.over if job.end is not None and t - self._kept_s < job.end <= t)
        jobs = sorted([*placed, *self._servers(t), *over], key=lambda job: job.id)
        holding = [job for job in jobs if job.holds]
        waits = sorted(self._waits(t, jobs), key=lambda job: (-job.priority, job.id))
        found = (*self._reasons(waits, holding, t), *jobs)
        self._scene = (t, self.version, found)
        return found

    def history(self, since: float, until: float, now: float) -> Iterator[Job]:
        """Jobs that ran, or ended, at some moment from `since` to `until`, as they stand at `now`; oldest first.

        Of a job that was requeued every run.
        """
        found = self._workload(since, min(now, until), has_requeued=True)
        sims = sorted(found, key=lambda one: (one.submit, one.id, one.start))
        yield from (self._placed(one, now) for one in sims)
        yield from self._servers(now)
        yield from (job for job in self.over if job.end is not None and since < job.end <= until)

    def next_id(self) -> int:
        """A number for a new job."""
        number = self.coming_id
        self.coming_id += self.cluster.work.stride
        return number

    # ── changes ──

    def touched(self) -> None:
        """Note that somebody acted."""
        self.is_touched = True
        self.version += 1

    def take_over(self, sims: Iterable[SimJob]) -> tuple[Job, ...]:
        """Let jobs that a pool had in line wait on their own: they start where there is room."""
        taken = []
        for sim in sims:
            job = replace(self._job(sim), submit=sim.submit, eligible=sim.submit, priority=priority_for(sim.start))
            job = replace(job, lasts=sim.end - sim.start, gpus=(), nodes=(), start=None)
            self.waiting[job.id] = job
            taken.append(job)
        return tuple(taken)

    # ── inside ──

    def _first_id(self) -> int:
        """A number that no pool gives out, just below those of now; what is submitted comes after."""
        work = self.cluster.work
        own = 1000 + len(self.cluster.layout.pools)
        return own + work.stride * max(0, (work.last_id(0.0) - own) // work.stride - 20)

    def _stand(self) -> tuple[int, int]:
        """Put the standing jobs in line; the ids of the pinned sweep's job and of its array (0: there is none)."""
        array = self.next_id()
        heroes = [job for job in self.cluster.jobs_at(0.0) if job.pool == "hero"]
        het = 0
        for wish in standing.standing(self.cluster, self.parts):
            number = self.next_id()
            het = (het or number) if wish.offset is not None else 0
            dependency = wish.dependency.replace("hero", str(heroes[0].id)) if heroes else ""
            held = wish.reason.startswith("JobHeld")
            job = replace(wish, id=number, het=het, dependency=dependency, priority=0 if held else wish.priority)
            self.waiting[number] = self._with_files(job)
        sweep = next((job for job in self.cluster.jobs_at(0.0) if job.pool == "sweep"), None)
        if sweep is None or sweep.name != "lora-sweep" or sweep.id in self._hidden():
            return 0, 0
        for task in standing.sweep_tasks(sweep.user):
            number = self.next_id()
            self.waiting[number] = self._with_files(replace(task, id=number, array=array))
        return sweep.id, array

    def _with_files(self, job: Job) -> Job:
        folder = f"{self.home}/{job.user}"
        number = f"{job.array}_{job.task}" if job.task is not None else str(job.id)
        return replace(
            job,
            command=f"{folder}/{job.name}.sbatch",
            work_dir=folder,
            stdout=f"{folder}/{job.name}-{number}.out",
        )

    def _hidden(self) -> set[int]:
        """Jobs that Slurm knows nothing of."""
        lines = self.cluster.work.lines
        unaware = (one for one in self.cluster.faults if one.kind.name == "slurm-unaware")
        return {lines[one.gpu].stretch(one.start).leg.job or 0 for one in unaware if one.gpu is not None}

    def _workload(self, since: float, until: float, *, has_requeued: bool = False) -> list[SimJob]:
        """The jobs of the workload, without model servers and what Slurm does not know, with runs broken off?"""
        hidden = self._hidden()
        return [
            sim
            for sim in self.cluster.work.between(since, until)
            if sim.id >= 1000 and sim.id not in hidden and (has_requeued or sim.cause != REQUEUED)
        ]

    def _placed(self, sim: SimJob, t: float) -> Job:
        """A job that has begun, running or over."""
        is_over = t >= sim.end
        known = self._known.get(sim.id)
        if known is not None and known[0] is sim and known[1:3] == (self.version, is_over):
            return known[3]
        job = self._job(sim)
        if is_over:
            end = end_of(sim, self.cluster.spec.seed)
            job = replace(job, state=end.state, exit_code=end.code, exit_signal=end.signal, end=sim.end)
        else:
            job = replace(job, state="SUSPENDED" if job.suspended_at is not None else "RUNNING")
        self._known[sim.id] = (sim, self.version, is_over, job)
        return job

    def _job(self, sim: SimJob) -> Job:
        """What a job is, whatever it does."""
        if sim.id in self.begun:
            own = replace(self.begun[sim.id], start=sim.start, gpus=sim.gpus, nodes=sim.nodes)
            return replace(own, **self.edits.get(sim.id, {}))  # type: ignore[arg-type]  # fields of Job by name
        is_sweep = sim.id == self._sweep
        usual = "train" if sim.pool not in ("sweep", "spare") else "shared"
        job = Job(
            id=sim.id,
            user=sim.user,
            name=sim.name,
            kind=sim.kind,
            partition="gpu" if Dice(sim.id).chance(0.2) and not is_sweep else usual,
            node_count=len(sim.nodes),
            per_node=len(sim.gpus) // max(1, len(sim.nodes)),
            model=self.models[sim.nodes[0]],
            limit=sim.limit,
            submit=sim.submit,
            eligible=sim.submit,
            start=sim.start,
            nodes=sim.nodes,
            gpus=sim.gpus,
            priority=priority_for(sim.start),
            array=self._sweep_array if is_sweep else 0,
            task=standing.SWEEP_RUNNING if is_sweep else None,
            throttle=1 if is_sweep else 0,
        )
        return replace(self._with_files(job), **self.edits.get(sim.id, {}))  # type: ignore[arg-type]  # as above

    def _servers(self, t: float) -> Iterator[Job]:
        """The model servers' jobs: each runs but for the faults that end it."""
        for number, service in enumerate(self.cluster.layout.services):
            sim = self.cluster.work.jobs[100 + number]
            if t < sim.start:
                continue
            job = replace(self._job(sim), partition="shared", state="RUNNING", priority=20000)
            for since, until, cause in self._outages(service.name, service.node, t):
                if until <= t:
                    job = replace(job, start=until, restarts=job.restarts + 1)
                    continue
                end = BY_CAUSE["cancelled"] if sim.id in self.cancelled else BY_CAUSE[cause]
                job = replace(job, state=end.state, exit_code=end.code, exit_signal=end.signal, end=since)
            if job.holds or (job.end is not None and t - job.end < self._kept_s):
                yield job

    def _outages(self, service: str, node: str, t: float) -> list[tuple[float, float, str]]:
        """(since, until, kind) of the faults that have ended a server's job by `t`."""
        found = []
        for one in self.cluster.faults:
            if one.kind.name == "vllm-down" and one.service == service:
                found.append((one.start, one.end, one.kind.name))
            elif one.kind.name == "node-down" and one.node == node and one.end > one.start + GIVEN_UP_S:
                found.append((one.start + GIVEN_UP_S, one.end, one.kind.name))
        return sorted(one for one in found if one[0] <= t)

    def _waits(self, t: float, jobs: list[Job]) -> Iterator[Job]:
        yield from (job for job in self.waiting.values() if job.submit <= t)
        here = {job.id for job in jobs}
        for sim in self.cluster.work.upcoming(t):
            if sim.id not in here:
                known = self._lined.get(sim.id)
                if known is None or known[:2] != (sim, self.version):
                    known = self._lined[sim.id] = (sim, self.version, self._in_line(sim))
                yield known[2]

    def _in_line(self, sim: SimJob) -> Job:
        """A job that a pool has in line."""
        is_whole = len(sim.gpus) == len(sim.nodes) * self.cluster.spec.gpus
        reason = "" if is_whole and len(sim.nodes) > 1 else WAITS[sim.id // 7 % len(WAITS)]
        is_timed = reason == "BeginTime"
        return replace(
            self._job(sim),
            gpus=(),
            nodes=(),
            reason=reason,
            start=None if reason and not is_timed else sim.start,
            eligible=sim.start if is_timed else sim.submit,
        )

    def _reasons(self, waits: list[Job], holding: list[Job], t: float) -> Iterator[Job]:
        """The waiting jobs, each with why it waits; they come in order of priority."""
        look = Waiting(self, holding, t)
        for job in waits:
            yield look.explained(job)


def priority_for(start: float) -> int:
    """A number that is the higher the earlier a job is to start."""
    return max(1, 10_000 - int(start / 60.0)) if math.isfinite(start) else 1
