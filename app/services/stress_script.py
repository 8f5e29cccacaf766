"""The burn-in as a Slurm job: which nodes and GPUs it takes, and the script that carries it there. Pure."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from app.domain.frozen import frozen
from app.domain.naming import clean, natural
from app.domain.slurm import SlurmNode, SlurmPicture
from app.services.action_targets import ActionError
from app.services.stress_pack import BOOT

PHASES = ("matmul", "memory", "pattern", "host", "allreduce", "sustained")
"""What can be measured; the package `pod.stress` has the same list."""
PYTHON = "python3"
"""By default the first one on the PATH of the node."""
JOB_NAME = "gpu-watchdog-stress"
OUTPUT = f"{JOB_NAME}-%j.out"
_SPARE_S = 600.0
_STEPS = 16
"""Phases beside the sustained one, with all precisions."""
_MARK = "GPU_WATCHDOG_PACK"


@frozen
class Wish:
    """What is to be measured, and how long."""

    phases: tuple[str, ...]
    seconds: float
    """Of the sustained load."""
    phase_seconds: float
    """Of each other phase."""
    engine: str = "auto"
    """`auto`: torch where it is there; `plain`: never."""
    python: str = PYTHON

    @property
    def words(self) -> tuple[str, ...]:
        """As the burn-in is told."""
        times = ("--seconds", f"{self.seconds:g}", "--phase-seconds", f"{self.phase_seconds:g}")
        return ("--phases", ",".join(self.phases), *times, "--engine", self.engine)

    @property
    def limit_s(self) -> float:
        """Longer than it ever takes, if nothing hangs."""
        return 2 * (self.seconds + _STEPS * self.phase_seconds) + _SPARE_S


@frozen
class Where:
    """Nodes and GPUs that the job takes."""

    count: int
    gpus: int
    """On each node."""
    nodes: tuple[str, ...] = ()
    """Named ones; empty: Slurm chooses."""
    partition: str = ""
    is_whole: bool = False
    """All GPUs of the nodes: then nobody else is on them."""
    warnings: tuple[str, ...] = ()


def choose(picture: SlurmPicture, named: Sequence[str], count: int | None, gpus: int | None, partition: str) -> Where:
    """What the person's words mean on this cluster. Raises ActionError."""
    known = [picture.nodes[name] for name in named if name in picture.nodes]
    if missing := [name for name in named if name not in picture.nodes]:
        raise ActionError(f"Slurm knows no node {clean(', '.join(missing[:8]), 200)}")
    if named and count is not None and count != len(named):
        raise ActionError(f"{len(named)} nodes are named and --nodes asks for {count}: give one of them")
    able = sorted(known or _in_partition(picture, partition), key=lambda node: (-node.gpus, natural(node.name)))
    number = len(known) or count or 1
    if len(able) < number or not able or not able[number - 1].gpus:
        have = sum(1 for node in able if node.gpus)
        raise ActionError(f"{number} nodes with GPUs are wanted, {have} are there" + _of(partition))
    most = able[number - 1].gpus
    if gpus is not None and gpus > most:
        raise ActionError(f"--gpus {gpus}: the nodes have {most} GPUs each" + _of(partition))
    return Where(number, gpus or most, tuple(named), partition, gpus is None, _warnings(known, most))


def _in_partition(picture: SlurmPicture, partition: str) -> list[SlurmNode]:
    """The nodes of a partition, by default of Slurm's default one; all where partitions are not known."""
    if not picture.partitions:
        return list(picture.nodes.values())
    if partition and partition not in picture.partitions:
        raise ActionError(f"there is no partition {clean(partition, 60)}; there are: {', '.join(picture.partitions)}")
    chosen = picture.partitions.get(partition) or next(
        (one for one in picture.partitions.values() if one.is_default), None
    )
    return [node for name, node in picture.nodes.items() if chosen is None or name in chosen.nodes]


def _of(partition: str) -> str:
    return f" in partition {clean(partition, 60)}" if partition else ""


def _warnings(known: Sequence[SlurmNode], most: int) -> tuple[str, ...]:
    found = [f"{node.name} is {clean(node.text, 60)}: the job waits for it" for node in known if not node.takes_jobs]
    found += [f"{node.name} has {node.gpus} GPUs: only {most} of them are tested" for node in known if node.gpus > most]
    return tuple(found[:10])


def script_of(wish: Wish, where: Where, pack_text: str) -> str:
    """The batch script, whole: it carries the burn-in with it and leaves nothing behind but its output."""
    lines = ["#!/bin/bash", *(f"#SBATCH {option}" for option in _options(wish, where)), ""]
    step = ["exec", "srun", f"--ntasks-per-node={where.gpus}", f"--ntasks={where.gpus * where.count}"]
    # A rank that dies must not take the others along: what they measured is wanted.
    step += ["--kill-on-bad-exit=0", "--wait=0", "--cpu-bind=none", wish.python, "-c", BOOT, *wish.words]
    lines += [
        "# A burn-in by GPU Watchdog: one process a GPU, one JSON line a result. The program itself stands below.",
        'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" 2>/dev/null | head -n 1)',
        'export MASTER_ADDR="${first:-${SLURMD_NODENAME:-$(hostname)}}"',
        "export MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000 * 2))",
        "GPU_WATCHDOG_STRESS_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')",
        "export GPU_WATCHDOG_STRESS_TOKEN",
        f"{shlex.join(step)} <<'{_MARK}'",
        pack_text,
        _MARK,
        "",
    ]
    return "\n".join(lines)


def _options(wish: Wish, where: Where) -> list[str]:
    minutes = math.ceil(wish.limit_s / 60)
    options = [
        f"--job-name={JOB_NAME}",
        f"--output={OUTPUT}",
        f"--nodes={where.count}",
        f"--ntasks-per-node={where.gpus}",
        f"--gres=gpu:{where.gpus}",
        f"--time={minutes}",
        "--no-requeue",
    ]
    if where.nodes:
        options.append(f"--nodelist={','.join(where.nodes)}")
    if where.partition:
        options.append(f"--partition={where.partition}")
    if where.is_whole:
        options += ["--exclusive", "--mem=0"]
    return options
