"""What stands in for the network and for Slurm's commands: the real sources read a plant as if it were far away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from app.config.settings import Slurm, Target
from app.domain.evidence import LogKind
from app.domain.reading import SourceSpec
from app.sources.exporter import ExporterSource
from app.sources.logs.look import LogError, LogLook
from app.sources.logs.source import LogSource
from app.sources.registry import Making
from app.sources.slurm.by_commands import CommandsWay
from app.sources.slurm.commands import SlurmCommands
from app.sources.slurm.source import SlurmSource
from app.sources.slurm.squeue import SEPARATOR
from app.sources.source import Source
from app.transport.endpoint import Endpoint
from app.transport.failure import ScrapeError, explain, not_ok, too_slow
from app.transport.head import Head
from app.transport.process import Result, TimedOutError
from app.transport.scrape import Answer, Limits, ScrapeClient
from tests.bench.faults.plant import Plant

VLLM_TARGET = "gpu-3:8000"
LOGS: Mapping[str, tuple[LogKind, str]] = {
    "vllm log": ("vllm", "gpu-3"),
    "job log": ("job", "gpu-1"),
    "job log 2": ("job", "gpu-2"),
    "slurmctld log": ("job", ""),
}
"""Logs beside the kernels' → kind and node."""


class StoryClock:
    """Time as the story has it; a look takes none, but where a source is slow."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self.spent_s = 0.0

    def now(self) -> float:
        return self._plant.now

    def monotonic(self) -> float:
        return self._plant.now + self.spent_s

    async def sleep(self, seconds: float) -> None:
        """Nothing waits in a story."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A client that GETs the plant's pages, or fails as the network would."""

    plant: Plant
    clock: StoryClock

    async def get(self, endpoint: Endpoint, timeout_s: float, _limits: Limits) -> Answer:
        """The page of an address. Raises ScrapeError as the real client does."""
        where = endpoint.server.authority
        fault = self.plant.failing.get(where)
        if fault and fault.startswith("slow "):
            self.clock.spent_s += float(fault[5:])
        elif fault:
            body = _failure(fault, endpoint, timeout_s)
            return Answer(body, {}, len(body))
        body = self._page(where)
        return Answer(body, {}, len(body))

    def _page(self, where: str) -> bytes:
        node, _, port = where.partition(":")
        match port:
            case "9400":
                return self.plant.dcgm(node)
            case "9100":
                return self.plant.host(node)
        return self.plant.vllm()

    def forget(self, _server: object) -> None:
        """Nothing is kept."""


def _failure(fault: str, endpoint: Endpoint, timeout_s: float) -> bytes:
    """How a page fails; some failures are a page of their own. Raises ScrapeError."""
    match fault:
        case "refused":
            raise explain(endpoint, ConnectionRefusedError(111, "Connection refused"))
        case "silent":
            raise too_slow(endpoint, 0, timeout_s)
        case "cut":
            raise too_slow(endpoint, 5120, timeout_s)
        case "unreachable":
            raise too_slow(endpoint, None, timeout_s)
        case "no route":
            raise explain(endpoint, OSError(113, "No route to host"))
        case "reset":
            raise explain(endpoint, ConnectionAbortedError(103, "aborted"))
        case "503" | "500" | "404":
            raise not_ok(endpoint, Head(int(fault)), b"")
        case "empty":
            return b""
        case "no gpus":
            return b'DCGM_EXP_CLOCK_EVENTS_COUNT{gpu=""} 0\n'
        case "web page":
            return b"<html><body>Login</body></html>"
    raise ScrapeError("protocol", fault)


@dataclass(frozen=True, slots=True)
class Commands:
    """A runner that prints what the plant's Slurm would."""

    plant: Plant
    where: str = "head"

    async def run(self, argv: Sequence[str], timeout_s: float, *, stdin: bytes = b"", max_output: int = 0) -> Result:
        """A command's end. Raises TimedOutError where slurmctld hangs."""
        del stdin, max_output
        fault, name = self.plant.failing.get("slurm", ""), argv[0]
        if fault == "hangs":
            raise TimedOutError(f"{name} did not end within {timeout_s:g} s")
        if fault:
            return Result(name, 1, b"", f"{name}: error: {fault}\n".encode(), 0.1)
        mark = next((word.split(SEPARATOR)[1] for word in argv if SEPARATOR in word), "")
        return Result(name, 0, self.plant.slurm(argv, mark).encode(), b"", 0.01)

    async def user(self) -> str:
        """Nobody asks."""
        return "ops"


@dataclass(frozen=True, slots=True)
class Tail:
    """A log that is followed."""

    plant: Plant
    name: str
    node: str

    @property
    def target(self) -> str:
        """Where it is, for people."""
        return f"/var/log/{self.name.replace(' ', '-')}"

    async def look(self, _timeout_s: float) -> LogLook:
        """What came since. Raises LogError."""
        fault = self.plant.failing.get(self.name)
        if fault:
            raise LogError(fault)
        old = self.plant.history.pop(self.name, ())
        if old:
            return LogLook(tuple(old), boot_at=self.plant.boots.get(self.node), is_history=True)
        lines = self.plant.take(self.name)
        return LogLook(lines, boot_at=self.plant.boots.get(self.node))

    async def close(self) -> None:
        """Nothing is held."""


def sources(plant: Plant, interval_s: float) -> list[Source]:
    """Everything that is read of a plant, within what may be seen of it."""
    clock = StoryClock(plant)
    wire = cast(ScrapeClient, Wire(plant, clock))
    found: list[Source] = []
    pages = [
        (f"{kind} {node}", f"{node}:{port}") for kind, port in (("dcgm", 9400), ("node", 9100)) for node in plant.nodes
    ]
    if "gpu-3" in plant.nodes:
        pages.append(("vllm", VLLM_TARGET))
    for name, where in pages:
        target = Target(url=f"http://{where}/metrics", name=name)
        node = where.partition(":")[0]
        spec = SourceSpec(name, "exporter", target.url, interval_s, node if name != "vllm" else None)
        found.append(ExporterSource(Making(spec, target, 0.9 * interval_s, wire, clock)))
    logs = {} if "kernel" in plant.sight else {f"kernel {node}": ("kernel", node) for node in plant.nodes}
    for name, (kind, node) in {**logs, **LOGS}.items():
        spec = SourceSpec(name, "log", name, interval_s, node or None)
        found.append(LogSource(spec, cast(LogKind, kind), Tail(plant, name, node), clock, 0.9 * interval_s))
    if "slurm" not in plant.sight:
        way = CommandsWay(SlurmCommands(Commands(plant)), Slurm().details_s, clock)
        found.append(SlurmSource(SourceSpec("slurm", "slurm", "head", interval_s), way, clock))
    return found
