"""A small cluster for stories of faults: it is healthy until told otherwise, and the diagnosis looks at every interval.

Values, jobs and nodes are set by hand; log lines go through the real reader. Time runs only by `run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from app.domain.apply_logs import apply_logs
from app.domain.diagnosis import Diagnosis
from app.domain.evidence import LogEvidence, LogKind
from app.domain.finding import Finding
from app.domain.reading import GpuProcess, PageHealth, SourceSpec, XidCount
from app.domain.slurm import SlurmJob, SlurmNode
from app.domain.snapshot import Gpu, Layer, Node, Service, Snapshot, SourceState
from app.engine.diagnosis.fault_table import fault_table
from app.engine.diagnosis.observers import OBSERVERS
from app.engine.diagnosis.state import DiagnosisState, Seen
from app.engine.diagnosis.step import step
from app.sources.logs.reader import LogReader
from tests.engine.slurm_builders import MODEL, NOW, node, picture

STEP_S = 5.0
BUSY: Mapping[str, float] = {
    "gpu.utilization": 97.0, "gpu.power": 640.0, "gpu.power_limit": 700.0, "gpu.power_limit_default": 700.0,
    "gpu.temperature": 62.0, "gpu.sm_clock": 1980.0, "gpu.sm_clock_max": 1980.0, "gpu.memory_used": 70_000.0,
    "gpu.memory_total": 81_559.0, "gpu.clock_event_reasons": 4.0, "gpu.pcie_gen": 5.0, "gpu.pcie_gen_max": 5.0,
    "gpu.pcie_width": 16.0, "gpu.pcie_width_max": 16.0, "gpu.row_remap_pending": 0.0, "gpu.row_remap_failure": 0.0,
    "gpu.ecc_dbe_volatile": 0.0, "gpu.ecc_sbe_volatile": 12.0, "gpu.sm_active": 92.0, "gpu.tensor_active": 45.0,
    "gpu.persistence_mode": 1.0,
}  # fmt: skip
"""What a GPU at work shows: power capped, which is as it should be."""
IDLE: Mapping[str, float] = {
    **BUSY, "gpu.utilization": 0.0, "gpu.power": 95.0, "gpu.sm_clock": 345.0, "gpu.memory_used": 4.0,
    "gpu.clock_event_reasons": 1.0, "gpu.pcie_gen": 1.0, "gpu.sm_active": 0.0, "gpu.tensor_active": 0.0,
}  # fmt: skip
SERVING: Mapping[str, float] = {
    "service.requests_running": 12.0, "service.requests_waiting": 0.0, "service.kv_cache_usage": 45.0,
    "service.generation_tokens": 1_000_000.0, "service.preemptions": 0.0, "service.tokens_per_s": 900.0,
}  # fmt: skip


def pci(index: int) -> str:
    """The address of a GPU of this world, as the kernel writes it."""
    return f"0000:{0x1B + index * 0x10:02x}:00"


@dataclass
class World:
    """Nodes `gpu-1` … with their exporters and kernel logs, Slurm where there are jobs or nodes of it, one server."""

    nodes: int = 1
    gpus: int = 8
    now: float = NOW
    values: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    """Of each GPU; change them at will."""
    host: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of each node."""
    service: dict[str, float] | None = None
    """Of the model server on gpu-1; None: there is none."""
    processes: dict[tuple[str, int], tuple[GpuProcess, ...]] = field(default_factory=dict)
    xids: dict[tuple[str, int], tuple[XidCount, ...]] = field(default_factory=dict)
    """As an exporter counts them."""
    lost: dict[tuple[str, int], float] = field(default_factory=dict)
    """Place → since when."""
    notes: dict[tuple[str, int], str] = field(default_factory=dict)
    """What an exporter says of a GPU: of a lost one that the driver lost it, else why values are missing."""
    silent: dict[tuple[str, int], float] = field(default_factory=dict)
    """Place → of when its last values are, though its exporter lists it."""
    jobs: dict[str, SlurmJob] = field(default_factory=dict)
    slurm_nodes: dict[str, SlurmNode] = field(default_factory=dict)
    """What Slurm says of nodes; those not here are well."""
    counts: dict[str, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """Source (`exporter gpu-1`, `kernel gpu-1`, `slurm`, `vllm`) → why it cannot be read."""
    more: dict[str, tuple[Any, str, str]] = field(default_factory=dict)
    """Further sources that speak of a node: name → (kind, which exporter, node)."""
    gone: set[str] = field(default_factory=set)
    """Sources that are no longer configured."""
    unknown: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """Source → names on its page that no metric has."""
    durations: dict[str, float] = field(default_factory=dict)
    """Source → seconds its look took."""
    found: tuple[Finding, ...] = ()
    """What watching found."""
    prices: dict[str, float] = field(default_factory=lambda: {"NVIDIA H100": 3.0})
    model: str = MODEL
    """Of every GPU."""
    has_logs: bool = True
    """Kernel logs are read."""
    state: DiagnosisState = field(default_factory=DiagnosisState)
    history: list[Diagnosis] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = [f"gpu-{number + 1}" for number in range(self.nodes)]
        for name in self.names:
            self.host.setdefault(name, {"node.boot_time": NOW - 864_000.0, "node.uptime": 864_000.0})
            for index in range(self.gpus):
                self.values.setdefault((name, index), dict(BUSY))
        self._snapshot = Snapshot(cluster="lab", prices=self.prices)
        self._before: Snapshot | None = None
        self._said: list[LogEvidence] = []
        self._ok_at: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._readers: dict[str, LogReader] = {}

    def gpu(self, index: int = 0, node_name: str = "gpu-1") -> dict[str, float]:
        """The values of a GPU."""
        return self.values[node_name, index]

    def kernel(self, *lines: str, node_name: str = "gpu-1") -> None:
        """Lines in a node's kernel log, now, each without its stamp."""
        self._log("kernel", f"kernel {node_name}", node_name, lines)

    def xid(self, code: int, words: str, index: int = 0, node_name: str = "gpu-1") -> None:
        """An Xid in a node's kernel log."""
        self.kernel(f"NVRM: Xid (PCI:{pci(index)}): {code}, {words}", node_name=node_name)

    def service_log(self, tag: str, *lines: str, node_name: str = "gpu-1") -> None:
        """What a service of a machine writes to its journal, now."""
        at = datetime.fromtimestamp(self.now, UTC).isoformat(timespec="seconds")
        reader = self._readers.setdefault(f"kernel {node_name}", LogReader("kernel", f"kernel {node_name}", node_name))
        self._said += reader.read_text([f"{at} {node_name} {tag}: {line}" for line in lines], self.now)

    def vllm(self, *lines: str, node_name: str = "gpu-1") -> None:
        """Lines in the log of the model server."""
        self._log("vllm", "vllm log", node_name, lines)

    def job_log(self, *lines: str, node_name: str = "gpu-1") -> None:
        """Lines of a job's output or of Slurm's own logs."""
        self._log("job", f"job log {node_name}", node_name, lines)

    def _log(self, kind: LogKind, source: str, node_name: str, lines: tuple[str, ...]) -> None:
        reader = self._readers.setdefault(source, LogReader(kind, source, node_name))
        reader.know(boot_at=NOW - 864_000.0)
        stamped = [f"[{self.now - (NOW - 864_000.0):.6f}] {line}" if kind == "kernel" else line for line in lines]
        self._said += reader.read_text(stamped, self.now)

    def lose(self, index: int, node_name: str = "gpu-1") -> None:
        """A GPU that its exporter lists no more."""
        self.lost[node_name, index] = self.now

    def reboot(self, node_name: str = "gpu-1") -> None:
        """A machine that starts anew now: its clock of uptime, its counters and its log begin again."""
        self.host[node_name]["node.boot_time"] = self.now
        self.host[node_name]["node.uptime"] = 0.0
        for index in range(self.gpus):
            for key in ("gpu.energy", "gpu.ecc_sbe_volatile", "gpu.ecc_dbe_volatile"):
                if key in self.values[node_name, index]:
                    self.values[node_name, index][key] = 0.0

    def find(self, index: int, node_name: str = "gpu-1") -> None:
        """A lost GPU that is there again."""
        del self.lost[node_name, index]

    def set_node(self, name: str = "gpu-1", **said: Any) -> None:  # noqa: ANN401 - fields of the value
        """What Slurm says of a node."""
        self.slurm_nodes[name] = node(name, self.gpus, **said)

    def run(self, seconds: float = STEP_S) -> Diagnosis:
        """Let time go by, with a look at every interval; the last diagnosis."""
        end = self.now + seconds
        while self.now < end - 1e-6:
            self.now = min(end, self.now + STEP_S)
            self._look()
        return self.state.diagnosis

    def _look(self) -> None:
        before = self._snapshot
        fresh, _ = apply_logs(self._build(before), self._said, self.now)
        seen = Seen(fresh, self._before, self.now - STEP_S, tuple(self._said), self.found, STEP_S)
        self._snapshot = self._before = fresh
        self._said = []
        self.state = step(self.state, seen, self.now, fault_table(), OBSERVERS)
        self.history.append(self.state.diagnosis)

    def _build(self, before: Snapshot) -> Snapshot:
        nodes = {name: self._node(name, before.nodes.get(name)) for name in self.names}
        services = {}
        if self.service is not None:
            layer = self._layer("vllm", self.service)
            server = Service("vllm", "vllm", "http://gpu-1:8000/metrics", "m", {"node": "gpu-1"}, (layer,))
            services = {server.id: server}
        slurm = None
        if self.jobs or self.slurm_nodes or self.counts:
            told = {name: self.slurm_nodes.get(name) or node(name, self.gpus) for name in self.names}
            at = self._seen_at("slurm")
            slurm = picture(self.jobs.values(), {**told, **self.slurm_nodes}.values(), at=at, counts=dict(self.counts))
        return replace(
            before, version=before.version + 1, at=self.now, nodes=nodes, services=services, slurm=slurm,
            sources=self._sources(slurm is not None),
        )  # fmt: skip

    def _seen_at(self, source: str) -> float:
        if source not in self.errors:
            self._ok_at[source] = self.now
        return self._ok_at.get(source, 0.0)

    def _layer(self, source: str, values: Mapping[str, float]) -> Layer:
        return Layer(source, self._seen_at(source), STEP_S, dict(values))

    def _node(self, name: str, before: Node | None) -> Node:
        source = f"exporter {name}"
        olds = {gpu.index: gpu for gpu in before.gpus} if before is not None else {}
        gpus = tuple(self._gpu(name, index, source, olds.get(index)) for index in range(self.gpus))
        layers = (self._layer(source, self.host[name]),)
        sources = (source, *(key for key, (_, _, node_name) in self.more.items() if node_name == name))
        return Node(name, layers=layers, gpus=gpus, gpus_expected=self.gpus, sources=sources)

    def _gpu(self, name: str, index: int, source: str, before: Gpu | None) -> Gpu:
        lost_at = self.lost.get((name, index))
        fresh = lost_at is None or before is None
        layers = (self._layer(source, self.values[name, index]),) if fresh or before is None else before.layers
        if (name, index) in self.silent:
            layers = tuple(replace(one, at=self.silent[name, index]) for one in layers)
        return Gpu(
            name, index, f"GPU-{name}-{index}", {"model": self.model, "pci_bus_id": f"0000{pci(index)}.0"}, layers,
            processes=self.processes.get((name, index)), xids=self.xids.get((name, index), ()), lost_at=lost_at,
            seen_at=layers[0].at, note=self.notes.get((name, index)),
        )  # fmt: skip

    def _sources(self, has_slurm: bool) -> dict[str, SourceState]:
        kinds: dict[str, tuple[Any, str]] = {}
        for name in self.names:
            kinds[f"exporter {name}"] = ("exporter", "dcgm-exporter")
            if self.has_logs:
                kinds[f"kernel {name}"] = ("log", "kernel log")
        for source in self._readers:
            kinds.setdefault(source, ("log", f"{source.split()[0]} log"))
        if has_slurm:
            kinds["slurm"] = ("slurm", "")
        if self.service is not None:
            kinds["vllm"] = ("vllm", "vllm")
        kinds |= {source: (kind, flavour) for source, (kind, flavour, _) in self.more.items()}
        return {
            source: self._source(source, kind, flavour)
            for source, (kind, flavour) in kinds.items()
            if source not in self.gone
        }

    def _source(self, source: str, kind: Any, flavour: str) -> SourceState:  # noqa: ANN401 - a source's kind
        node_name = source.rpartition(" ")[2] if source.startswith(("exporter", "kernel")) else None
        spec = SourceSpec(source, kind, f"http://{source.replace(' ', '-')}", STEP_S, node_name)
        if source in self.more:
            spec = replace(spec, node=self.more[source][2] or None)
        error, seen_at = self.errors.get(source), self._seen_at(source) or None
        self._failures[source] = self._failures.get(source, 0) + 1 if error is not None else 0
        return SourceState(
            spec, tried_at=self.now, ok_at=seen_at, error=error, failures=self._failures[source],
            duration_s=self.durations.get(source),
            page=PageHealth(flavour, unknown=self.unknown.get(source, ())) if seen_at is not None else None,
        )  # fmt: skip

    @property
    def diagnosis(self) -> Diagnosis:
        """The last one."""
        return self.state.diagnosis

    @property
    def codes(self) -> list[str]:
        """The faults there are now, worse than information first."""
        return [one.code for one in self.diagnosis.findings]

    @property
    def roots(self) -> list[tuple[str, str]]:
        """(code, whom) of the root of each incident worse than information."""
        grave = {one.root for one in self.diagnosis.incidents if one.severity != "info"}
        return [(one.code, str(one.subject)) for one in self.diagnosis.findings if one.id in grave]

    def one(self, code: str) -> Finding:
        """The finding of a fault; fails with what there is where there is none or several."""
        found = [one for one in self.diagnosis.findings if one.code == code]
        assert len(found) == 1, f"{code} is there {len(found)} times among {self.codes}"
        return found[0]

    def ever(self, code: str) -> bool:
        """Whether a fault was found at any look."""
        return any(one.code == code for diagnosis in self.history for one in diagnosis.findings)
