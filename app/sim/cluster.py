"""Cluster: the simulated cluster at any moment. Pure but for growing its own future; time is an argument.

Two clusters of equal specs, with the same faults, are equal at the same second, whatever they were asked before.
Times are simulated seconds; 0 is the start of the demonstration, the history lies before it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import NamedTuple

from app.sim.dice import Dice
from app.sim.faults import STOPPED, Fault, PageFault
from app.sim.gpu import CALM, GpuState, Pace, Strain, gpu_state
from app.sim.jobs import GpuKey, Placement, SimJob
from app.sim.layout import SimNode, lay_out
from app.sim.loads import draw, waves_of
from app.sim.marks import Blow
from app.sim.placing import Ground, Placed, Slowing, place
from app.sim.scenarios import scenario
from app.sim.spec import SimSpec
from app.sim.targets import Target, targets_of
from app.sim.timeline import NOTHING, Timeline, Totals, memory_share
from app.sim.vllm import Server, ServerState, Trouble
from app.sim.waves import LAG_S
from app.sim.workload import Workload

SERVING_SINCE_S = -6 * 3600.0
GIVEN_UP_S = 30.0
"""After so long without an answer the scheduler takes a node for dead, and its jobs with it."""
_BARRING = ("node-down", "slurm-drain")
"""Faults of a node during which nothing new starts there."""
_FORGOTTEN_S = 8 * LAG_S
"""After this a fault that is over has left no warmth."""


class NodeState(NamedTuple):
    """What a machine has done and holds; counters since boot."""

    up_s: float
    cpu_s: float
    """Core seconds not idle."""
    cores_busy: float
    memory_used_mib: float
    infiniband: float
    """Bytes, each direction, all ports."""


class Cluster:
    """A simulated cluster."""

    def __init__(self, spec: SimSpec) -> None:
        """Lay out the cluster, run its history, place the scenario's faults. Raises ValueError for an unknown one."""
        self.spec = spec
        self.per_wall = 1.0 / spec.speed
        self.begins = -spec.past_s
        story = scenario(spec.scenario)
        self.layout = lay_out(spec, is_scattered=story.is_scattered)
        self.targets: tuple[Target, ...] = targets_of(self.layout)
        self.faults: list[Placed] = []
        self._waves = waves_of(spec.seed)
        self._hum = self._waves.hum
        self._nodes = {node.name: node for node in self.layout.nodes}
        self.work = Workload(self.layout, spec, self.begins)
        self._lines = self.work.lines
        self._slowings: defaultdict[GpuKey, list[Slowing]] = defaultdict(list)
        self._marked: defaultdict[GpuKey, list[Placed]] = defaultdict(list)
        self._servers = {service.name: self._serve(number) for number, service in enumerate(self.layout.services)}
        for fault in story.faults:
            self.inject(fault)

    # ── questions ──

    def gpus_at(self, name: str, t: float) -> tuple[GpuState, ...]:
        """The state of every GPU of a node, lost ones included, in order of index. Raises KeyError for no such node."""
        self.work.grow(t)
        return tuple(self._gpu(self._lines[gpu.key], t) for gpu in self._nodes[name].gpus)

    def node_at(self, name: str, t: float) -> NodeState:
        """The state of a machine. Raises KeyError for no such node."""
        self.work.grow(t)
        node = self._nodes[name]
        cpu_s, infiniband, cores, host = 0.0, 0.0, 0.6, 0.02 * node.memory_mib
        for gpu in node.gpus:
            line = self._lines[gpu.key]
            now, strain, totals = line.stretch(t), self._strain(line, t), line.totals(t)
            cpu_s += totals.cpu_s - strain.lost.cpu_s
            infiniband += totals.infiniband - strain.lost.infiniband
            cores += now.leg.run.load.cores * now.leg.run.activity(t) * strain.pace.active
            if memory_share(now, t) and not strain.pace.frees_memory:
                host += now.leg.run.load.host_mib
        passed = (t - self.begins) * self.per_wall
        before = 0.3 * node.up_s * node.cpus
        busy = before + cpu_s * self.per_wall + 0.6 * passed
        return NodeState(node.up_s + passed, busy, cores, host, 1e13 + infiniband * self.per_wall)

    def service_at(self, name: str, t: float) -> ServerState:
        """The state of a model server. Raises KeyError for no such service."""
        return self._servers[name].state(t)

    def jobs_at(self, t: float) -> tuple[SimJob, ...]:
        """The jobs that hold GPUs at `t`, in order of id; one that dies of a fault ends with it."""
        return tuple(sorted((job for job in self.work.between(t, t) if t < job.end), key=lambda job: job.id))

    def page_fault(self, target: Target, t: float) -> tuple[PageFault, float] | None:
        """What is wrong with a page itself, and since when; the latest fault counts."""
        if target.kind == "vllm" and t < self._servers[target.name].begins:
            return "down", -math.inf
        for placed in reversed(self.faults):
            if placed.kind.page is not None and target.path in placed.pages and placed.holds(t):
                return placed.kind.page, placed.start
        return None

    def node(self, name: str) -> SimNode:
        """The machine of a name. Raises KeyError."""
        return self._nodes[name]

    # ── faults ──

    def inject(self, fault: Fault) -> Placed:
        """Let a fault happen. Raises ValueError, for a person, when it has no place.

        The past must not change, so a fault added while the cluster is being watched starts now at the earliest.
        """
        self.work.grow(fault.at_s)
        placed = place(fault, self._ground())
        self.faults.append(placed)
        for slowing in placed.slowings:
            self._slowings[slowing.gpu].append(slowing)
        if placed.gpu is not None and placed.kind.mark is not None:
            self._marked[placed.gpu].append(placed)
        self._follow(placed)
        return placed

    def lift(self, name: str, node: str, t: float) -> bool:
        """End the faults of a kind that act on a node or service; whether there were any."""
        acting = [one for one in self.faults if one.kind.name == name and node in (one.node, one.service)]
        acting = [one for one in acting if one.holds(t)]
        for one in acting:
            self.faults[self.faults.index(one)] = replace(one, end=t)
            if one.kind.name in _BARRING:
                self.work.unbar(one.node, t)
        return bool(acting)

    # ── what people do to jobs ──

    def end_job(self, job_id: int, t: float, cause: str) -> SimJob:
        """End a job; what it had been slowed by ends with it. Raises KeyError for no such job."""
        job = self.work.end(job_id, t, cause)
        self._slow(job, lambda one: replace(one, end=min(one.end, t)))
        return job

    def pause_job(self, job_id: int, t: float) -> SimJob:
        """Stop a job's work; it keeps its GPUs and their memory."""
        job = self.work.pause(job_id, t)
        for key in job.gpus:
            self._slowings[key].append(Slowing(key, STOPPED, t, math.inf, job_id))
        return job

    def resume_job(self, job_id: int, t: float, end: float) -> SimJob:
        """Let a paused job go on, to `end`."""
        job = self.work.go_on(job_id, t, end)
        self._slow(job, lambda one: replace(one, end=t) if one.end == math.inf and one.pace is STOPPED else one)
        return job

    def _slow(self, job: SimJob, change: Callable[[Slowing], Slowing]) -> None:
        for key in job.gpus:
            if key in self._slowings:
                self._slowings[key] = [change(one) if one.job == job.id else one for one in self._slowings[key]]

    def _follow(self, placed: Placed) -> None:
        """What a fault does to jobs: one dies of it; a node that is gone or drained gets no more."""
        if placed.kills is not None:
            self.end_job(*placed.kills, placed.kind.name)
        if placed.kind.name in _BARRING:
            self.work.evict((gpu.key for gpu in self._nodes[placed.node].gpus), placed.start)
            self.work.bar(placed.node, placed.end)
        gone = placed.start + GIVEN_UP_S
        if placed.kind.name == "node-down" and gone < placed.end:
            self.work.grow(gone)
            for job in [job for job in self.work.between(gone, gone) if placed.node in job.nodes and job.pool]:
                self.end_job(job.id, max(gone, job.start), placed.kind.name)

    def _ground(self) -> Ground:
        pools = {pool.name: tuple(chain.from_iterable(pool.units)) for pool in self.layout.pools}
        hero = pools.pop("hero")
        # The pinned job's second node is the more telling victim: its first one looks guilty of anything.
        on_second = tuple(key for key in hero if key.node != hero[0].node)
        second = tuple(key for key in on_second if key.node == on_second[0].node)
        other = next((keys for name, keys in pools.items() if name not in ("sweep", "spare")), ())
        return Ground(
            layout=self.layout,
            targets=self.targets,
            roles={
                "training": second or hero,
                "other": tuple(key for key in other if key.node == other[0].node),
                "serving": self.layout.services[0].gpus if self.layout.services else (),
                "spare": pools.get("sweep", ()) + pools.get("spare", ()),
            },
            job_on=lambda key, t: self.work.jobs.get(self._lines[key].stretch(t).leg.job or 0),
            room_mib=lambda key, t: self._gpu(self._lines[key], t).memory_free,
        )

    # ── inside ──

    def _serve(self, number: int) -> Server:
        service = self.layout.services[number]
        start = max(SERVING_SINCE_S, self.begins)
        run = draw("serve", start, math.inf, 1, self._waves, Dice(self.spec.seed, service.name))
        job = SimJob(
            100 + number, "serving", service.name, (service.node,), service.gpus, start, math.inf, "serve", start - 4.0
        )
        self.work.place(Placement(job, run))
        name = service.name
        return Server(service, run, self._hum, lambda t: self._trouble(name, t))

    def _trouble(self, service: str, t: float) -> Trouble:
        held = [placed.kind.name for placed in self.faults if placed.service == service and placed.holds(t)]
        return Trouble("vllm-down" in held, "vllm-overload" in held) if held else Trouble()

    def _gpu(self, line: Timeline, t: float) -> GpuState:
        key = line.gpu.key
        state = gpu_state(line, t, self._hum, self.per_wall, self._strain(line, t))
        for placed in self._marked.get(key, ()):
            if placed.kind.mark is not None and t >= placed.start:
                state = placed.kind.mark(state, Blow(t, placed.start, placed.end, line.gpu.board, self.per_wall))
        return state

    def _strain(self, line: Timeline, t: float) -> Strain:
        key = line.gpu.key
        if key not in self._slowings:
            return CALM
        begun = [one for one in self._slowings[key] if one.start <= t]
        return Strain(
            pace=_together([one.pace for one in begun if t < one.end]),
            heat=math.prod(_heat(one, t) for one in begun if t < one.end + _FORGOTTEN_S),
            lost=_lost(line, begun, t),
        )


def _together(paces: Sequence[Pace]) -> Pace:
    """Several paces as one: factors multiply, the lowest utilisation wins."""
    said = [pace.utilization for pace in paces if pace.utilization is not None]
    return Pace(
        active=math.prod(pace.active for pace in paces),
        work=math.prod(pace.work for pace in paces),
        clock=math.prod(pace.clock for pace in paces),
        utilization=min(said, default=None),
        frees_memory=any(pace.frees_memory for pace in paces),
    )


def _heat(slowing: Slowing, t: float) -> float:
    """The factor on warmth, which follows the factor on power with the thermal lag, both ways."""
    reached = (slowing.pace.active - 1.0) * (1.0 - math.exp((slowing.start - min(t, slowing.end)) / LAG_S))
    return 1.0 + (reached if t < slowing.end else reached * math.exp((slowing.end - t) / LAG_S))


def _lost(line: Timeline, begun: Sequence[Slowing], t: float) -> Totals:
    """What did not pile up by `t`: between any two edges of slowings the factor is one number."""
    lost = NOTHING
    for since, until in _spans(begun, t):
        factor = math.prod(one.pace.active for one in begun if one.start <= since < one.end)
        if factor != 1.0:
            before, after = line.totals(since), line.totals(until)
            lost = Totals(*(sum_ + (1.0 - factor) * (b - a) for sum_, a, b in zip(lost, before, after, strict=True)))
    return lost


def _spans(begun: Sequence[Slowing], t: float) -> Iterator[tuple[float, float]]:
    edges = sorted({min(t, edge) for one in begun for edge in (one.start, one.end)})
    return pairwise(edges)
