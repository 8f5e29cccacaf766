"""The stage of the start, cost and sick-GPU sections: fake GPUs, an exporter over them, and the programs measured."""

from __future__ import annotations

import compileall
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.request import urlopen

from tests.bench.report import Report
from tests.standins.nvml.build import BuildError, build
from tests.standins.nvml.state import FakeNvml

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".cache" / "bench-peers"
"""An environment of its own for peers that are not among the development tools."""


class UnreadyError(Exception):
    """A part of the stage is missing; the message says which and what brings it."""


@dataclass(frozen=True, slots=True)
class Program:
    """Something to measure."""

    name: str
    command: tuple[str, ...]
    why_not: str = ""
    """Why it cannot be measured here; empty if it can."""


def ours(*words: str) -> Program:
    """Our own command line."""
    return Program("gpu-watchdog", (str(Path(sys.executable).with_name("gpu-watchdog")), *words))


def peer(name: str, *words: str) -> Program:
    """A monitor of somebody else's: beside our Python, else on the path."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    return Program(name, (found or name, *words), "" if found else f"{name} is not installed (make parts)")


def installed(folder: Path, command: str, *requirements: str) -> bool:
    """Whether a command is there, or could be installed now, in an environment of its own."""
    if (folder / "bin" / command).is_file():
        return True
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", *requirements]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=120)
        subprocess.run(pip, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError):
        return False
    return (folder / "bin" / command).is_file()


def kempnerpulse(url: str) -> Program:
    """KempnerPulse on a page, installed into an environment of its own the first time, if an index has it."""
    script = PEERS / "bin" / "kempnerpulse"
    if not installed(PEERS, "kempnerpulse", "kempnerpulse==0.5.0"):
        return Program("kempnerpulse", (), "KempnerPulse cannot be installed from here")
    return Program(
        "kempnerpulse", (str(script), "--backend", "prometheus", "--source", url, "--poll", "1", "--show-all")
    )


def usable(programs: Sequence[Program], report: Report) -> list[Program]:
    """The programs that can be measured; the others are skipped aloud."""
    for one in programs:
        if one.why_not:
            report.skip(one.why_not)
    return [one for one in programs if not one.why_not]


@contextmanager
def fake_gpus(gpus: int = 8) -> Iterator[FakeNvml]:
    """Busy H100s that do not exist, each held by this process. Raises UnreadyError without a compiler."""
    try:
        build()
    except BuildError as error:
        raise UnreadyError(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-bench-") as folder:
        fake = FakeNvml(Path(folder) / "state", gpus)
        fake.busy(pids=(os.getpid(),))
        yield fake


@contextmanager
def weather(fake: FakeNvml, gpus: int = 8) -> Iterator[None]:
    """Values that move once a second as those of training do: utilization and power a little, temperature seldom."""
    over = threading.Event()

    def blow() -> None:
        dice = Random(7)
        heat = [60] * gpus
        while not over.wait(1.0):
            fresh = {}
            for gpu in range(gpus):
                heat[gpu] = min(64, max(56, heat[gpu] + dice.choice((-1, 0, 0, 0, 0, 0, 0, 0, 0, 1))))
                power, busy = round(dice.gauss(630_000, 12_000), -3), min(100, round(dice.gauss(97, 1.2)))
                fresh[gpu] = {"util": busy, "power_mw": int(power), "temp": heat[gpu]}
            fake.set_each(fresh)

    thread = threading.Thread(target=blow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def compile_ours() -> None:
    """Compile our modules as an installer does, and has done for the peers: a start that compiles them is the first.

    A checkout whose modules changed, where PYTHONDONTWRITEBYTECODE is set, would compile them at every start.
    """
    for package in ("app", "widgets", "pod"):
        compileall.compile_dir(ROOT / package, quiet=1)


@contextmanager
def environment(fake: FakeNvml) -> Iterator[dict[str, str]]:
    """What a measured program sees: the fake driver, a terminal of today, a home of its own. Ours is compiled."""
    compile_ours()
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-bench-home-") as home:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GPU_WATCHDOG_", "XDG_"))}
        mine = {"HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        yield fake.environment({**kept, **mine})


@contextmanager
def exporter(environ: Mapping[str, str]) -> Iterator[str]:
    """Our pod exporter over the fake driver; gives its page's address."""
    port = free_port()
    command = [sys.executable, "-m", "pod.exporter", "--port", str(port)]
    with subprocess.Popen(command, env=dict(environ), cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None, "started with a pipe"
            running.stderr.readline()  # the line that says it listens
            url = f"http://127.0.0.1:{port}/metrics"
            with urlopen(url, timeout=5):
                pass
            yield url
        finally:
            running.terminate()


@contextmanager
def hung_target() -> Iterator[str]:
    """The address of an exporter that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/metrics"


def free_port() -> int:
    """A loopback port nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
