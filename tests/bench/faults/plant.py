"""A plant of four machines with eight GPUs each that emits, at any moment, what its exporters, logs and Slurm would say.

Healthy by default, with the noise that healthy machines have: training in step that is power capped at full load, a
model server, small jobs, idle GPUs, and lines in the kernel log. Stories change it; the same seed gives the same plant.
"""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

from tests.bench.faults import slurm_words
from tests.bench.faults.pages import GPU_IDLE, HOST, PORT, PORTS, VLLM, DcgmPage, node_page, vllm_page, without_health
from tests.bench.faults.slurm_words import GPUS, Job, NodeWords

START = 1_785_000_000.0
"""Epoch seconds of the beginning of every story."""
UP_S = 864_000.0
NODES = ("gpu-1", "gpu-2", "gpu-3", "gpu-4")
MODEL = "llama-3.3-70b"
Place = tuple[str, int]
Sight = frozenset[str]
"""What is not to be had: `kernel` logs, `slurm`, the exporter's fields of `health`."""
ALL: Sight = frozenset()
HEALTHY_LINES = (
    "perf: interrupt took too long (2503 > 2500), lowering kernel.perf_event_max_sample_rate to 79750",
    "TCP: request_sock_TCP: Possible SYN flooding on port 8000. Sending cookies.  Check SNMP counters.",
    "mlx5_core 0000:12:00.0: mlx5_cmd_out_err:838: ACCESS_REG(0x805) op_mod(0x1) failed, status bad operation(0x2)",
    "EXT4-fs (nvme0n1p2): re-mounted. Quota mode: none.",
    'audit: type=1400 audit(1785.1:77): apparmor="ALLOWED" operation="open" profile="/usr/sbin/sssd" pid=2211',
    "systemd-journald[811]: Data hash table of /run/log/journal has a fill level at 75.0, suggesting rotation.",
    "nvidia-uvm: Loaded the UVM driver, major device number 508.",
    "python3[41822]: segfault at 10 ip 00007f1c2a3b sp 00007ffd12 error 4 in libpython3.11.so.1.0[7f1c2a000000+1b2000]",
    "IPv6: ADDRCONF(NETDEV_CHANGE): veth3f2a: link becomes ready",
    "docker0: port 3(veth77a1) entered blocking state",
    "veth77a1: lost carrier",
    "overlayfs: upper fs does not support RENAME_WHITEOUT.",
    "nfs: server 10.2.0.9 OK",
    "Memory cgroup stats for /system.slice/cron.service: anon 3145728 file 8192",
    "CPU0: Core temperature/speed normal",
    "pcieport 0000:00:01.1: AER: Corrected error message received from 0000:01:00.0",
    "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.148.08  Release Build",
    "usb 1-2: USB disconnect, device number 4",
)  # fmt: skip
"""What healthy machines write. The driver's greeting is left out where a story looks at its GPUs (see `noise`)."""
_QUIET = frozenset((HEALTHY_LINES[0], *HEALTHY_LINES[2:16], HEALTHY_LINES[17]))


@dataclass(slots=True)
class Server:
    """The model server: what runs on it a second."""

    running: float = 14.0
    waiting: float = 0.0
    kv: float = 0.44
    tokens: float = 900.0
    prompts: float = 2100.0
    requests: float = 4.0
    ttft_s: float = 0.28
    itl_s: float = 0.02
    preempts: float = 0.0
    aborts: float = 0.01
    errors: float = 0.0
    corrupted: float = 0.0


@dataclass
class Plant:
    """The state of everything; `advance` lets time go by, the rest says what would be read."""

    seed: int = 1
    sight: Sight = ALL
    nodes: Sequence[str] = NODES
    now: float = START
    overrides: dict[Place, dict[str, float]] = field(default_factory=dict)
    """Fields of a GPU that a story holds fast."""
    drift: dict[Place, dict[str, float]] = field(default_factory=dict)
    """Counters of a GPU that grow so much a second."""
    gone: set[Place] = field(default_factory=set)
    """GPUs that their exporter no longer lists."""
    silent: set[Place] = field(default_factory=set)
    """GPUs listed without a value but their name."""
    hosts: dict[str, dict[str, float]] = field(default_factory=dict)
    ports: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    host_drift: dict[str, dict[str, float]] = field(default_factory=dict)
    clock_off: dict[str, float] = field(default_factory=dict)
    server: Server = field(default_factory=Server)
    jobs: dict[int, Job] = field(default_factory=dict)
    moods: dict[int, str] = field(default_factory=dict)
    """Job → `stuck` (kernels wait for each other) or `stalled` (nothing runs), in place of work."""
    words: dict[str, NodeWords] = field(default_factory=dict)
    boots: dict[str, float] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    """Target (`gpu-1:9400`, `slurm`, `kernel gpu-1`) → how it fails (see `wires`)."""
    renamed: dict[str, Mapping[str, str]] = field(default_factory=dict)
    cycle_us: int = 3600
    dbd_queue: int = 0
    busy: set[str] = field(default_factory=set)
    """Machines whose load a story holds fast."""
    lines: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """Log → lines that were not read yet, and when they can be."""
    history: dict[str, list[str]] = field(default_factory=dict)
    """Log → lines that stood there before the first look."""
    log_late_s: float = 0.0
    """So long a line takes until it can be read; what it says of its time is right."""
    stamp: str = "dmesg"
    """Form of the kernel logs' lines: `dmesg`, `iso` or `syslog`."""
    noise_lines: tuple[str, ...] = tuple(sorted(_QUIET))

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)
        self.gpus = {(node, index): dict(GPU_IDLE) for node in self.nodes for index in range(GPUS)}
        fields = without_health(GPU_IDLE) if "health" in self.sight else tuple(GPU_IDLE)
        self._pages = {node: DcgmPage(node, GPUS, fields) for node in self.nodes}
        for number, node in enumerate(self.nodes):
            self.boots[node] = START - UP_S - 60.0 * number
            self.hosts[node] = dict(HOST) | {"boot_time_seconds": self.boots[node]}
            self.ports[node] = [dict(PORT) for _ in range(PORTS)]
            self.words[node] = NodeWords()
        self.counts = dict(VLLM)
        for place, values in self.gpus.items():  # history: what stood in counters before anybody looked
            values["DEV_ECC_SBE_VOL_TOTAL"] = self.dice.choice((0, 0, 3, 17))
            values["DEV_PCIE_REPLAY_COUNTER"] = self.dice.choice((0, 0, 1, 6))
            values["DEV_CORRECTABLE_REMAPPED_ROWS"] = self.dice.choice((0, 0, 0, 2))
            values["DEV_TOTAL_ENERGY_CONSUMPTION"] += place[1] * 1e9
        if tuple(self.nodes) == NODES:
            self.jobs = {job.id: job for job in standard_jobs()}

    # ── time ──

    def advance(self, now: float) -> None:
        """Let time go by up to `now`."""
        seconds, self.now = now - self.now, now
        kinds = {
            (node, index): (self.moods.get(job.id) or job.name.partition("-")[0], job.id)
            for job in self.jobs.values()
            for node, held in job.gpus.items()
            for index in held
        }
        wave = 0.5 + 0.5 * math.sin(now / 41.0)
        for place, values in self.gpus.items():
            kind, job = kinds.get(place, ("idle", 0))
            _WORK[kind](values, self.dice, wave if kind != "train" else 0.5 + 0.5 * math.sin(now / 13.0 + job))
            values["DEV_TOTAL_ENERGY_CONSUMPTION"] += values["DEV_POWER_USAGE"] * 1000.0 * seconds
            for name, more in self.drift.get(place, {}).items():
                values[name] = values.get(name, 0.0) + more * seconds
            held = self.overrides.get(place)
            if held:
                values.update(held)
        self._advance_hosts(seconds)
        self._advance_server(seconds)

    def _advance_hosts(self, seconds: float) -> None:
        for node in self.nodes:
            values = self.hosts[node]
            values["time_seconds"] = self.now + self.clock_off.get(node, 0.0) + self.dice.uniform(-0.01, 0.01)
            if node not in self.busy:
                values["load1"] = values["load5"] = 38.0 + 6.0 * self.dice.random()
                values["memory_MemAvailable_bytes"] = 1.5e12 + 1e10 * self.dice.random()
            for name, more in self.host_drift.get(node, {}).items():
                values[name] = values.get(name, 0.0) + more * seconds
            if self.noise_lines and self.dice.random() < seconds / 120.0:
                self.kernel(node, self.dice.choice(self.noise_lines))

    def _advance_server(self, seconds: float) -> None:
        one, counts = self.server, self.counts
        counts["num_requests_running"], counts["num_requests_waiting"] = one.running, one.waiting
        counts["kv_cache_usage_perc"] = min(1.0, max(0.0, one.kv + self.dice.uniform(-0.02, 0.02) * (one.kv > 0)))
        wobble = self.dice.uniform(0.9, 1.1) * seconds
        finished, tokens = one.requests * wobble, one.tokens * wobble
        for name, more in (
            ("prompt_tokens_total", one.prompts * wobble), ("generation_tokens_total", tokens),
            ("num_preemptions_total", one.preempts * seconds),
            ('request_success_total{finished_reason="stop"}', finished * max(0.0, 1 - one.aborts - one.errors)),
            ('request_success_total{finished_reason="abort"}', finished * one.aborts),
            ('request_success_total{finished_reason="error"}', finished * one.errors),
            ("time_to_first_token_seconds_count", finished), ("time_to_first_token_seconds_sum", finished * one.ttft_s),
            ("inter_token_latency_seconds_count", tokens), ("inter_token_latency_seconds_sum", tokens * one.itl_s),
            ("e2e_request_latency_seconds_count", finished), ("e2e_request_latency_seconds_sum", finished * 5.0),
            ("request_queue_time_seconds_count", finished), ("request_queue_time_seconds_sum", finished * 0.02),
            ("corrupted_requests_total", one.corrupted * seconds),
        ):  # fmt: skip
            counts[name] += more

    # ── what is written ──

    def kernel(self, node: str, line: str) -> None:
        """A line in a node's kernel log, now."""
        uptime = self.now - self.boots[node]
        match self.stamp:
            case "iso":
                at = datetime.fromtimestamp(self.now, UTC).isoformat(timespec="microseconds")
                text = f"{at} {node} kernel: {line}"
            case "syslog":
                at = datetime.fromtimestamp(self.now).astimezone().strftime("%b %e %H:%M:%S")
                text = f"{at} {node} kernel: [{uptime:.6f}] {line}"
            case _:
                text = f"[{uptime:.6f}] {line}"
        self.write(f"kernel {node}", text)

    def say(self, log: str, line: str) -> None:
        """A line in another log (`vllm log`, `job log`, `slurmctld log`); `STAMP` in it is Python's, of now."""
        at = datetime.fromtimestamp(self.now).astimezone().strftime("%m-%d %H:%M:%S")
        self.write(log, line.replace("STAMP", at))

    def service(self, node: str, tag: str, line: str) -> None:
        """What a service of a machine writes to its journal."""
        at = datetime.fromtimestamp(self.now, UTC).isoformat(timespec="seconds")
        self.write(f"kernel {node}", f"{at} {node} {tag}: {line}")

    def take(self, log: str) -> tuple[str, ...]:
        """The lines of a log that can be read by now and were not yet."""
        waiting = self.lines.pop(log, [])
        later = [one for one in waiting if one[0] > self.now]
        if later:
            self.lines[log] = later
        return tuple(text for at, text in waiting if at <= self.now)

    def write(self, log: str, text: str) -> None:
        """A whole line into a log, now."""
        self.lines.setdefault(log, []).append((self.now + self.log_late_s, text))

    # ── what is read ──

    def dcgm(self, node: str) -> bytes:
        """The page of a node's GPUs."""
        shown = {
            index: {} if (node, index) in self.silent else self.gpus[node, index]
            for index in range(GPUS)
            if (node, index) not in self.gone
        }
        return self._pages[node].text(shown, self.renamed.get(node))

    def host(self, node: str) -> bytes:
        """The page of a machine."""
        return node_page(node, self.hosts[node], self.ports[node])

    def vllm(self) -> bytes:
        """The page of the model server."""
        return vllm_page(MODEL, self.counts)

    def slurm(self, words: Sequence[str], mark: str) -> str:
        """What a command of Slurm's prints."""
        jobs = tuple(self.jobs.values())
        if words[0] == "squeue":
            return slurm_words.queue(jobs, self.now, mark)
        if words[0] == "sdiag":
            return slurm_words.diagnostics(cycle_us=self.cycle_us, dbd=self.dbd_queue)
        match words[-1]:
            case "node":
                return slurm_words.nodes(self.words, jobs, self.boots, self.now)
            case "partition":
                return slurm_words.partitions(self.nodes)
            case "config":
                return "ClusterName = lab\nSLURM_VERSION = 24.11.5\n"
        one = int(words[-1]) if words[-1].isdigit() else None
        return slurm_words.details([job for job in jobs if one in (None, job.id)])

    # ── what people and Slurm do ──

    def end_job(self, number: int, state: str, code: str = "0:0") -> None:
        """A job ends now."""
        self.jobs[number] = self.jobs[number].over(state, self.now, code)
        self.moods.pop(number, None)

    def node_words(self, node: str, **said: object) -> None:
        """What Slurm says of a node from now on."""
        self.words[node] = replace(NodeWords(at=self.now), **said)  # type: ignore[arg-type]  # names are checked there

    def reboot(self, node: str) -> None:
        """A machine starts anew now."""
        self.boots[node] = self.now
        self.hosts[node]["boot_time_seconds"] = self.now
        for index in range(GPUS):
            self.reset((node, index))
        self.gone -= {(node, index) for index in range(GPUS)}

    def reset(self, place: Place) -> None:
        """A GPU is reset: its volatile counters begin anew."""
        for name in ("DEV_ECC_SBE_VOL_TOTAL", "DEV_ECC_DBE_VOL_TOTAL", "DEV_TOTAL_ENERGY_CONSUMPTION", "DEV_XID_ERRORS",
                     "DEV_ROW_REMAP_PENDING", "DEV_GET_GPU_RECOVERY_ACTION", "DEV_PCIE_REPLAY_COUNTER"):  # fmt: skip
            self.gpus[place][name] = 0.0
            self.overrides.get(place, {}).pop(name, None)
        self.gone.discard(place)


def standard_jobs() -> tuple[Job, ...]:
    """Training over two machines, a model server, two small jobs, and one that waits."""
    every = tuple(range(GPUS))
    began = START - 7200.0
    return (
        Job(812, "ana", "train-llm", gpus={"gpu-1": every, "gpu-2": every}, submitted=began - 60, started=began),
        Job(820, "srv", "serve-llama", gpus={"gpu-3": (0, 1, 2, 3)}, submitted=began - 60, started=began),
        Job(815, "bob", "infer-eval", gpus={"gpu-3": (4, 5)}, submitted=began - 60, started=began),
        Job(817, "carol", "train-vit", gpus={"gpu-4": (0, 1, 2, 3)}, submitted=began - 60, started=began),
        Job(830, "dan", "train-big", "PENDING", wants=32, reason="Resources", submitted=began),
    )


def _train(values: dict[str, float], dice: Random, wave: float) -> None:
    power = 668.0 + 31.0 * wave + dice.uniform(-4.0, 1.0)
    values.update(
        DEV_SM_CLOCK=1980 - 15 * int(6 * wave), DEV_GPU_TEMP=58 + round(6 * wave), DEV_GPU_TEMP_LIMIT=29 - round(6 * wave),
        DEV_MEMORY_TEMP=70 + round(5 * wave), DEV_POWER_USAGE=power, DEV_PCIE_LINK_GEN=5,
        DEV_GPU_UTIL=dice.choice((98, 99, 100, 100)), DEV_MEM_COPY_UTIL=48, DEV_CLOCKS_EVENT_REASONS=4 if power > 680 else 0,
        DEV_FB_USED=74210, DEV_FB_FREE=6790, PROF_GR_ENGINE_ACTIVE=0.97, PROF_SM_ACTIVE=0.88 + 0.04 * wave,
        PROF_PIPE_TENSOR_ACTIVE=0.42 + 0.06 * wave, PROF_DRAM_ACTIVE=0.4, PROF_NVLINK_TX_BYTES=4.1e10,
        PROF_NVLINK_RX_BYTES=4.0e10,
    )  # fmt: skip


def _serve(values: dict[str, float], dice: Random, wave: float) -> None:
    use = 55 + 35 * wave + dice.uniform(-8, 8)
    values.update(
        DEV_SM_CLOCK=1980, DEV_GPU_TEMP=48 + round(7 * wave), DEV_GPU_TEMP_LIMIT=39 - round(7 * wave), DEV_MEMORY_TEMP=58,
        DEV_POWER_USAGE=280 + 2.4 * use, DEV_PCIE_LINK_GEN=5, DEV_GPU_UTIL=round(min(100.0, use)), DEV_MEM_COPY_UTIL=35,
        DEV_CLOCKS_EVENT_REASONS=0, DEV_FB_USED=72800, DEV_FB_FREE=8200, PROF_GR_ENGINE_ACTIVE=0.6, PROF_SM_ACTIVE=0.4,
        PROF_PIPE_TENSOR_ACTIVE=0.12, PROF_DRAM_ACTIVE=0.45, PROF_NVLINK_TX_BYTES=3e9, PROF_NVLINK_RX_BYTES=3e9,
    )  # fmt: skip


def _stuck(values: dict[str, float], dice: Random, _wave: float) -> None:
    values.update(
        DEV_SM_CLOCK=1980, DEV_GPU_TEMP=44, DEV_GPU_TEMP_LIMIT=43, DEV_MEMORY_TEMP=50,
        DEV_POWER_USAGE=168 + dice.uniform(-4, 4), DEV_GPU_UTIL=100, DEV_MEM_COPY_UTIL=0, DEV_CLOCKS_EVENT_REASONS=0,
        DEV_FB_USED=74210, DEV_FB_FREE=6790, PROF_GR_ENGINE_ACTIVE=1.0, PROF_SM_ACTIVE=0.12, PROF_PIPE_TENSOR_ACTIVE=0,
        PROF_DRAM_ACTIVE=0.001, PROF_NVLINK_TX_BYTES=0, PROF_NVLINK_RX_BYTES=0, DEV_PCIE_LINK_GEN=5,
    )  # fmt: skip


def _stalled(values: dict[str, float], dice: Random, _wave: float) -> None:
    values.update(
        DEV_SM_CLOCK=1980, DEV_GPU_TEMP=39, DEV_GPU_TEMP_LIMIT=48, DEV_MEMORY_TEMP=46, DEV_GPU_UTIL=0,
        DEV_POWER_USAGE=118 + dice.uniform(-2, 2), DEV_MEM_COPY_UTIL=0, DEV_CLOCKS_EVENT_REASONS=0, DEV_FB_USED=74210,
        DEV_FB_FREE=6790, PROF_GR_ENGINE_ACTIVE=0, PROF_SM_ACTIVE=0, PROF_PIPE_TENSOR_ACTIVE=0, PROF_DRAM_ACTIVE=0,
        PROF_NVLINK_TX_BYTES=0, PROF_NVLINK_RX_BYTES=0, DEV_PCIE_LINK_GEN=5,
    )  # fmt: skip


_AT_REST = {
    name: GPU_IDLE[name] for name in (
        "DEV_SM_CLOCK", "DEV_GPU_TEMP", "DEV_GPU_TEMP_LIMIT", "DEV_MEMORY_TEMP", "DEV_GPU_UTIL", "DEV_MEM_COPY_UTIL",
        "DEV_CLOCKS_EVENT_REASONS", "DEV_FB_USED", "DEV_FB_FREE", "PROF_GR_ENGINE_ACTIVE", "PROF_SM_ACTIVE",
        "PROF_PIPE_TENSOR_ACTIVE", "PROF_DRAM_ACTIVE", "PROF_NVLINK_TX_BYTES", "PROF_NVLINK_RX_BYTES",
        "DEV_PCIE_LINK_GEN",
    )
}  # fmt: skip


def _idle(values: dict[str, float], dice: Random, _wave: float) -> None:
    values.update(_AT_REST)
    values["DEV_POWER_USAGE"] = 71.0 + dice.random()


_WORK = {"train": _train, "serve": _serve, "infer": _serve, "stuck": _stuck, "stalled": _stalled, "idle": _idle}
