"""What the tests and the benchmark of alarms share: fake GPUs behind real exporters, a daemon over them, who is told.

Everything is a process of its own, as in the field, but for the two receivers: they belong to the test's loop.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from asyncio import create_task, sleep, to_thread
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.services.receivers import Hook, Mailbox
from tests.standins.nvml.state import FakeNvml
from tests.standins.slurm_commands import FakeSlurm

ROOT = Path(__file__).parents[2]
GPUS = 8
BUSES = tuple(f"0000:{bus}:00" for bus in ("18", "2A", "3A", "5D", "9A", "AB", "BA", "DB"))
"""Where the stand-in's GPUs are, as the driver's lines say it."""
LOOK_S = 0.03
"""Between two looks of a test at what it waits for."""
PACE_LOOK_S = 0.2
WITHIN_S = 60.0
NOTIFY = """[notify]
group_wait = 0
[channel.hook]
url = '{hook}'
limit = 'none'
[channel.mail]
url = 'mailto://localhost:{smtp}/?from=watch@example.com&to=ops@example.com&mode=insecure'
limit = 'none'
"""


def machine(folder: Path, node: int) -> FakeNvml:
    """Eight busy H100s that do not exist, with UUIDs of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    fake = FakeNvml(folder / f"nvml-{node}", GPUS)
    fake.machine(node=node)
    fake.busy(pids=(os.getpid(),))
    return fake


@contextmanager
def exporter(fake: FakeNvml, host: str, *flags: str) -> Iterator[str]:
    """Our pod exporter over fake GPUs; gives the address of its page."""
    command = [sys.executable, "-m", "pod.exporter", "--port", "0", "--hostname", host, *flags]
    with ending(subprocess.Popen(command, cwd=ROOT, env=fake.environment(), stderr=subprocess.PIPE, text=True)) as one:
        assert one.stderr is not None
        line = one.stderr.readline()
        port = re.search(r":(\d+)/metrics", line)
        assert port, line
        yield f"http://127.0.0.1:{port[1]}/metrics"


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End a process with the context."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def drained(name: str, reason: str) -> str:
    """Slurm's line of a node that Slurm itself took out."""
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    return slurm_node(name, "IDLE+DRAIN").rstrip("\n") + f" Reason={reason} [root@{since}]\n"


def slurm_node(name: str, state: str = "IDLE") -> str:
    """Slurm's line of a node with eight GPUs."""
    return (
        f"NodeName={name} Arch=x86_64 CPUAlloc=0 CPUEfctv=64 CPUTot=64 CPULoad=0.50 Gres=gpu:h100:8(S:0-1)"
        f" GresUsed=gpu:h100:0(IDX:N/A) NodeAddr={name} NodeHostName={name} Version=22.05.8 RealMemory=1000000"
        f" AllocMem=0 FreeMem=900000 State={state} Partitions=gpu BootTime=1764000000\n"
    )


def kernel_line(host: str, text: str) -> str:
    """A line of a kernel as rsyslog writes it."""
    return f"{time.strftime('%b %e %H:%M:%S', time.gmtime())} {host} kernel: [ 1000.000123] {text}\n"


def xid_line(host: str, gpu: int, code: int = 79) -> str:
    """The driver's own line."""
    text = f"NVRM: Xid (PCI:{BUSES[gpu]}): {code}, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    return kernel_line(host, text)


@dataclass
class Daemon:
    """A running `serve` and the environment in which commands and screens find it."""

    config: Path
    environ: dict[str, str]
    socket: Path
    process: subprocess.Popen[str]

    @property
    def screen(self) -> tuple[str, ...]:
        """The command line of a screen that attaches to it."""
        return (sys.executable, "-m", "app", "--config", str(self.config))

    def client(self) -> httpx.AsyncClient:
        """A client of its socket."""
        return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(self.socket)), base_url="http://daemon")


@contextmanager
def daemon(folder: Path, config: str, environ: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    """Serve a configuration from a folder (short: a socket lies there), its state in it too."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / "gpu-watchdog.toml"
    path.write_text(config)
    own = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "GPU_WATCHDOG_STATE_DIR": str(folder / "state")}
    base = {key: value for key, value in os.environ.items() if not key.startswith(("GPU_WATCHDOG_", "XDG_"))}
    merged = {**base, **own, **(environ or {})}
    command = [sys.executable, "-m", "app", "serve", "--config", str(path)]
    running = subprocess.Popen(command, cwd=ROOT, env=merged, stderr=subprocess.PIPE, text=True)
    with ending(running):
        assert running.stderr is not None
        line = running.stderr.readline()
        assert "serving" in line, line + running.stderr.read()
        yield Daemon(path, merged, folder / "gpu-watchdog" / "api.sock", running)


def notify_file(folder: Path, hook: Hook, box: Mailbox, route: str = "") -> Path:
    """Both receivers are told at once of everything that is a warning or worse."""
    path = folder / "notify"
    path.write_text(NOTIFY.format(hook=f"{hook.url}{route}", smtp=box.port))
    path.chmod(0o600)
    return path


async def seen(what: Callable[[], object], in_vain: Callable[[], str], within_s: float = WITHIN_S) -> float:
    """Wait until something is so and return when that was seen, in monotonic seconds; `what` may block."""
    deadline = time.monotonic() + within_s
    while not await to_thread(what):
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {await to_thread(in_vain)}"
        await sleep(LOOK_S)
    return time.monotonic()


async def found(client: httpx.AsyncClient, path: str, is_so: Callable[[Any], object]) -> float:
    """Wait until an answer of the daemon is so; as `seen`."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        answer = await client.get(path)
        if answer.status_code == 200 and is_so(answer.json()):
            return time.monotonic()
        assert time.monotonic() < deadline, f"waited {WITHIN_S:g} s; {path} says {answer.text[:4000]}"
        await sleep(LOOK_S)


async def slurm_interval_s(client: httpx.AsyncClient) -> float:
    """How often a daemon asks Slurm just now: more seldom than configured where a busy machine answers slowly."""
    sources = (await client.get("/api/cluster/status")).json()["sources"]
    return max(float(one["interval_s"]) for one in sources if one["kind"] == "slurm")


@dataclass
class SlurmPace:
    """How often a daemon asked Slurm, at the slowest: a look that took long makes the next ones more seldom."""

    interval_s: float


@asynccontextmanager
async def slurm_pace(client: httpx.AsyncClient) -> AsyncIterator[SlurmPace]:
    """Follow the pace until the context is left."""
    pace = SlurmPace(await slurm_interval_s(client))

    async def follow() -> None:
        while True:
            await sleep(PACE_LOOK_S)
            pace.interval_s = max(pace.interval_s, await slurm_interval_s(client))

    following = create_task(follow())
    try:
        yield pace
    finally:
        following.cancel()


async def random_phase(interval_s: float, dice: random.Random) -> None:
    """Wait for a moment anywhere in an interval: a fault does not ask when the next look is."""
    await sleep(dice.uniform(0.0, interval_s))


def says(body: Any, *words: str) -> bool:  # noqa: ANN401 - JSON has any shape
    """Whether all the words are in what was told."""
    text = body if isinstance(body, str) else json.dumps(body)
    return all(word in text for word in words)


def slurm_of(folder: Path, nodes: int) -> FakeSlurm:
    """Slurm's commands over idle nodes `cpu-1` ….; `drain` takes one out."""
    folder.mkdir(parents=True, exist_ok=True)
    made = FakeSlurm(folder)
    made.says("scontrol -o -d show node", stdout="".join(slurm_node(f"cpu-{n}") for n in range(1, nodes + 1)))
    return made


def drain(slurm: FakeSlurm, name: str, reason: str) -> None:
    """Let Slurm say that it took this node out."""
    told = slurm.answers["scontrol -o -d show node"]["stdout"]
    assert isinstance(told, str)
    lines = [drained(name, reason) if f"NodeName={name} " in line else f"{line}\n" for line in told.splitlines()]
    slurm.says("scontrol -o -d show node", stdout="".join(lines))


ROUTES = """route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: hook, webhook_configs: [{{url: '{hook}/theirs', send_resolved: true}}]}}]
"""


def alertmanager(folder: Path, hook: Hook, port: int) -> list[str]:
    """The command of an Alertmanager by itself that tells a webhook of everything, at once."""
    config = folder / "alertmanager.yml"
    config.write_text(ROUTES.format(hook=hook.url))
    return [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
