"""The stage of the Slurm section: the cluster's commands in a folder, and the programs that look at it.

The peers go into an environment of their own the first time, since two of them want another Textual than ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import time

from tests.bench.slurm_cluster import plan
from tests.bench.slurm_text import write
from tests.bench.stage import ROOT, Program, UnreadyError, installed

INTERVAL_S = 5
COMMANDS = ("squeue", "scontrol", "sinfo", "sdiag", "sacct", "sstat")
VARIABLE = "GW_BENCH_SLURM_PEERS"
"""Environment variable: a folder where the peers' commands are, in place of installing them."""
PEERS = ROOT / ".cache" / "bench-slurm-peers"
PACKAGES = ("turm==0.17.0", "slurmtui==0.6.3", "slurm-monitor-top==0.6.3", "stui==0.3.6")


def peers(environ: Mapping[str, str]) -> list[Program]:
    """The queue viewers beside ours: every one shows all jobs, as often as it can be told to, five seconds at best."""
    folder = Path(environ[VARIABLE]) if environ.get(VARIABLE) else PEERS / "bin"
    if VARIABLE not in environ:
        installed(PEERS, "turm", *PACKAGES)
    every = str(INTERVAL_S)
    return [
        _peer(folder, "turm", "--slurm-refresh", every, "--jobs-columns", "id,name,state,user,time"),
        # Of all jobs it asks five times as seldom as it is told to.
        _peer(folder, "slurmtui", "--check_all_jobs", "--update_interval", str(INTERVAL_S // 5)),
        _peer(folder, "slurm-top"),
        _peer(folder, "stui", "-r", every),
    ]


def _peer(folder: Path, name: str, *words: str) -> Program:
    found = folder / name if (folder / name).is_file() else shutil.which(name)
    why_not = "" if found else f"{name} cannot be installed from here; {VARIABLE} names a folder that has it"
    return Program(name, (str(found or name), *words), why_not)


@contextmanager
def cluster() -> Iterator[Path]:
    """The folder of a Slurm that lives for half an hour. Raises UnreadyError without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise UnreadyError("the stand-in for squeue needs gcc: apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-bench-slurm-") as name:
        folder = Path(name)
        write(plan(int(time())), folder)
        source = str(Path(__file__).with_name("slurm_fake.c"))
        subprocess.run([compiler, "-O2", "-o", str(folder / COMMANDS[0]), source], check=True, timeout=60)
        for command in COMMANDS[1:]:
            (folder / command).hardlink_to(folder / COMMANDS[0])
        yield folder


@contextmanager
def environment(bin_dir: Path) -> Iterator[dict[str, str]]:
    """What a measured program sees: this Slurm, a terminal of today, a home of its own."""
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-bench-home-") as home:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GPU_WATCHDOG_", "XDG_"))}
        path = f"{bin_dir}{os.pathsep}{kept.get('PATH', os.defpath)}"
        mine = {"HOME": home, "PATH": path, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        slurm = {"VIA": "local", "BIN_DIR": str(bin_dir), "INTERVAL_S": str(INTERVAL_S)}
        told = {f"GPU_WATCHDOG_SLURM_{key}": value for key, value in slurm.items()}
        yield {**kept, **mine, **told, "GPU_WATCHDOG_CLUSTER_NAME": "bench-lab"}
