"""What a burn-in is told: by words on its command line, and by what Slurm or the launcher put into the environment."""

from __future__ import annotations

import argparse
import socket
from dataclasses import dataclass
from typing import Mapping, Sequence  # noqa: UP035 - the nodes' Python may be 3.8

from pod.stress.engine import Meeting, Place

PHASES = ("matmul", "memory", "pattern", "host", "allreduce", "sustained")
ENGINES = ("auto", "plain")
TOKEN = "GPU_WATCHDOG_STRESS_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True)
class Settings:
    """One process of a burn-in."""

    phases: tuple[str, ...]
    sustained_s: float
    phase_s: float
    """Of each phase but the sustained one."""
    meet_s: float
    """How long the others are waited for."""
    engine: str
    processes: int | None
    """As the launcher: how many to start here; 0: one a GPU. None: this is one of them."""
    output: str | None
    """A file that lines are appended to, instead of stdout."""
    host: str
    device: int
    """How the node counts this process's device; what CUDA counts is the place."""
    place: Place
    meeting: Meeting
    expects_gpu: bool
    """Slurm gave GPUs to the job, or the person did not ask for the plain engine."""


def parse(words: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings; argparse ends the process for wrong words."""
    parser = argparse.ArgumentParser(prog="gpu-watchdog-stress")
    parser.add_argument("--phases", default=",".join(PHASES))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--phase-seconds", type=float, default=10.0)
    parser.add_argument("--meet-seconds", type=float, default=120.0)
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--output")
    args = parser.parse_args(list(words))
    phases = tuple(one for one in args.phases.split(",") if one)
    if unknown := [one for one in phases if one not in PHASES]:
        parser.error(f"unknown phase {unknown[0]!r}; known: {', '.join(PHASES)}")
    place = place_of(environ)
    token = environ.get(TOKEN, "")
    address, port = environ.get("MASTER_ADDR", "127.0.0.1"), int(environ.get("MASTER_PORT", "29400"))
    return Settings(
        phases=phases,
        sustained_s=args.seconds,
        phase_s=args.phase_seconds,
        meet_s=args.meet_seconds,
        engine=args.engine,
        processes=args.processes,
        output=args.output,
        host=environ.get("SLURMD_NODENAME") or socket.gethostname().partition(".")[0],
        device=device_of(environ, place.local_rank),
        place=place,
        meeting=Meeting(place.rank, place.size, address, port, token, args.meet_seconds),
        expects_gpu=args.engine != "plain",
    )


def place_of(environ: Mapping[str, str]) -> Place:
    """Which process this is: torchrun's names first, then Slurm's; alone where neither says."""
    size = _number(environ, ("WORLD_SIZE", "SLURM_NTASKS"), 1)
    return Place(
        rank=_number(environ, ("RANK", "SLURM_PROCID"), 0),
        size=size,
        local_rank=_number(environ, ("LOCAL_RANK", "SLURM_LOCALID"), 0),
        local_size=_number(environ, ("LOCAL_WORLD_SIZE", "SLURM_NTASKS_PER_NODE"), size),
    )


def device_of(environ: Mapping[str, str], local_rank: int) -> int:
    """The node's own number of a process's GPU: a job that has GPUs 4 to 7 sees them as 0 to 3."""
    given = environ.get("SLURM_STEP_GPUS", "").split(",")
    number = given[local_rank] if local_rank < len(given) else ""
    return int(number) if number.isdigit() else local_rank


def _number(environ: Mapping[str, str], names: tuple[str, ...], otherwise: int) -> int:
    for name in names:
        if environ.get(name, "").isdigit():
            return int(environ[name])
    return otherwise
