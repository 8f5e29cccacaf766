"""Where a model server runs: its node, its GPUs, its job, and how sure that is. Pure.

A server's page names none of these. They are joined by what its address, the processes on the node's GPUs (their ids in
the server's own log, the port and the model of their command lines) and the jobs that hold those GPUs tell together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from app.domain.allocation import allocations
from app.domain.frozen import frozen
from app.domain.naming import same_node
from app.domain.reading import GpuProcess
from app.domain.slurm import Certainty, SlurmJob
from app.domain.snapshot import Gpu, Node, Service, Snapshot

_LOOPBACK = re.compile(r"^(?:localhost|127\.[\d.]+|\[?::1\]?|0\.0\.0\.0)$")
_SERVER = re.compile(r"(?i)\bvllm\b|VLLM::|tritonserver|\bsglang\b")
_PORT = re.compile(r"--port[= ](\d{2,5})\b")
_SERVED = re.compile(r"\bvllm serve (\S{1,200})|--model[= ](\S{1,200})|--served-model-name[= ](\S{1,200})")
_WORDS = re.compile(r"[a-z0-9]{2,}")
DEFAULT_PORT = 8000


@frozen
class ServicePlace:
    """Where it runs, as far as that is known."""

    node: str = ""
    """Empty: not known."""
    gpus: tuple[Gpu, ...] = ()
    jobs: tuple[str, ...] = ()
    """Ids of the jobs that hold these GPUs."""
    certainty: Certainty = "unknown"
    """`exact`: a process is named; `node`: the only server on its node; `guess`: the likeliest of several."""
    why: str = ""
    """What it rests on, or what is missing, in a few words."""


def place_of(service: Service, snapshot: Snapshot, now: float) -> ServicePlace:
    """Where a server runs."""
    node = node_of(service, snapshot)
    if node is None:
        return ServicePlace(why="its address names no node that is known here")
    found = [(gpu, one) for gpu in node.gpus for one in gpu.processes or () if is_server(one)]
    if not found:
        return _without_processes(service, node, snapshot, now)
    told = _told(service, node, snapshot, found)
    others = [one for one in snapshot.services.values() if one.id != service.id and node_of(one, snapshot) is node]
    if told:
        return _placed(node, told, snapshot, now, "exact", "its process is named")
    if not others:
        return _placed(node, found, snapshot, now, "node", "the only model server of its node")
    taken = {gpu.index for one in others for gpu, _ in _told(one, node, snapshot, found)}
    free = [(gpu, one) for gpu, one in found if gpu.index not in taken]
    sure: Certainty = "guess"
    why = f"{len(others) + 1} model servers share its node and none of its processes names it"
    return _placed(node, free, snapshot, now, sure, why) if free else ServicePlace(node.name, why=why)


def node_of(service: Service, snapshot: Snapshot) -> Node | None:
    """The node a server's source is of: as configured, else the host of its address."""
    state = snapshot.sources.get(service.source)
    named = state.spec.node if state is not None else None
    host = named or urlsplit(service.target).hostname or ""
    if not host or (not named and _LOOPBACK.match(host)):
        return _own_node(snapshot)
    host = snapshot.aliases.get(host, host)
    return snapshot.nodes.get(host) or next(
        (node for name, node in snapshot.nodes.items() if same_node(name, host)), None
    )


def is_server(process: GpuProcess) -> bool:
    """Whether a process on a GPU is a model server's."""
    return bool(_SERVER.search(process.name) or _SERVER.search(process.command or ""))


def _own_node(snapshot: Snapshot) -> Node | None:
    """This machine, where its own driver is read; of a loopback address that is the one."""
    own = {state.spec.name for state in snapshot.sources.values() if state.spec.kind == "nvml"}
    return next((node for node in snapshot.nodes.values() if own & set(node.sources)), None)


def _told(
    service: Service, node: Node, snapshot: Snapshot, found: Sequence[tuple[Gpu, GpuProcess]]
) -> list[tuple[Gpu, GpuProcess]]:
    """Processes that are this server's by name, with the workers beside them that their titles hide."""
    port = urlsplit(service.target).port or DEFAULT_PORT
    logged = {
        one.pid
        for one in snapshot.logs
        if one.pid is not None and one.kind.startswith("vllm.") and one.node == node.name
    }
    alone = sum(node_of(one, snapshot) is node for one in snapshot.services.values()) == 1
    return [
        (gpu, one)
        for gpu, one in found
        if (one.pid in logged and alone) or _names(one.command or "", port, service.model)
    ]


def _names(command: str, port: int, model: str) -> bool:
    """Whether a command line is this server's: its port where one is given, else its model."""
    given = _PORT.search(command)
    if given:
        return int(given[1]) == port
    names = [name for served in _SERVED.finditer(command) for name in served.groups() if name]
    return any(name.rstrip("/") == model or name.rpartition("/")[2] == model.rpartition("/")[2] for name in names)


def _placed(
    node: Node, found: Iterable[tuple[Gpu, GpuProcess]], snapshot: Snapshot, now: float, sure: Certainty, why: str
) -> ServicePlace:
    pairs = list(found)
    gpus = tuple({gpu.index: gpu for gpu, _ in pairs}.values())
    jobs = _jobs(gpus, snapshot, now)
    named = tuple(dict.fromkeys(one.job_id for _, one in pairs if one.job_id))
    return ServicePlace(node.name, gpus, named or jobs, sure, why)


def _jobs(gpus: Iterable[Gpu], snapshot: Snapshot, now: float) -> tuple[str, ...]:
    join = allocations(snapshot, now)
    return tuple(dict.fromkeys(job for gpu in gpus for job in join.held(gpu).job_ids))


def _without_processes(service: Service, node: Node, snapshot: Snapshot, now: float) -> ServicePlace:
    """Nobody lists processes there: the job on the node that looks like a server's, if there is one."""
    picture = snapshot.slurm
    join = allocations(snapshot, now)
    there = [
        job
        for job in ((picture.jobs if picture is not None else None) or {}).values()
        if job.holds_nodes and any(join.snapshot_name(name) == node.name for name in job.nodes)
    ]
    job = _alike(service.model, there)
    if job is not None:
        gpus = tuple(gpu for gpu in join.gpus_of(job) if gpu.node == node.name)
        return ServicePlace(node.name, gpus, (job.id,), "guess", "the job there whose name is most like it")
    known = any(gpu.processes is not None for gpu in node.gpus)
    why = "no model server is among its processes" if known else "no source lists its processes"
    return ServicePlace(node.name, why=why)


def _alike(model: str, jobs: Sequence[SlurmJob]) -> SlurmJob | None:
    """The job whose name has most words of a model's, else the only one called after a server; None where none is."""
    words = _words(model.rpartition("/")[2])
    shares = {job.id: len(words & _words(job.name)) for job in jobs}
    most = max(shares.values(), default=0)
    best = [job for job in jobs if (shares[job.id] == most if most else "vllm" in job.name.casefold())]
    return best[0] if len(best) == 1 else None


def _words(name: str) -> set[str]:
    return set(_WORDS.findall(name.casefold())) - {"vllm"}
