"""Batch scripts of the simulated Slurm: what jobs would have been submitted with, and what people submit."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence

from app.sim.slurm.job import Job

SHORT: Mapping[str, str] = {
    "A": "account", "a": "array", "b": "begin", "C": "constraint", "c": "cpus-per-task", "D": "chdir",
    "d": "dependency", "e": "error", "G": "gpus", "H": "hold", "i": "input", "J": "job-name", "L": "licenses",
    "N": "nodes", "n": "ntasks", "o": "output", "p": "partition", "q": "qos", "t": "time", "w": "nodelist",
    "x": "exclude", "s": "oversubscribe", "O": "overcommit", "k": "no-kill", "W": "wait", "Q": "quiet",
}  # fmt: skip
SWITCHES = frozenset(
    {
        "hold",
        "oversubscribe",
        "overcommit",
        "no-kill",
        "wait",
        "quiet",
        "parsable",
        "test-only",
        "requeue",
        "no-requeue",
    }
)
_BODIES = {
    "train": "srun torchrun --nnodes=$SLURM_NNODES --nproc-per-node=gpu train.py --config {name}.yaml --resume auto",
    "serve": "vllm serve --tensor-parallel-size $SLURM_GPUS_ON_NODE --port 8000",
    "notebook": "jupyter lab --no-browser --port 8888",
    "hold": "python agent.py",
}


def script_of(job: Job, kept: Mapping[int, str]) -> str:
    """The script of a job."""
    script = kept.get(job.array or job.id) or kept.get(job.id)
    if script is not None:
        return script
    minutes = "" if math.isinf(job.limit) else f"#SBATCH --time={int(job.limit // 60)}\n"
    gpus = f"#SBATCH --gpus-per-node={job.model + ':' if job.model else ''}{job.per_node}\n" if job.per_node else ""
    return (
        f"#!/bin/bash\n#SBATCH --job-name={job.name}\n#SBATCH --partition={job.partition}\n"
        f"#SBATCH --nodes={job.node_count}\n{gpus}{minutes}#SBATCH --output=%x-%j.out\n\n"
        f"module load cuda/12.8\nsource ~/venv/bin/activate\n{_BODIES[job.kind].format(name=job.name)}\n"
    )


def options(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Sbatch's options by full name, and what comes after them: the script and its arguments.

    Raises ValueError with the word that is no option.
    """
    found: dict[str, str] = {}
    line = list(words)
    while line and line[0].startswith("-") and len(line[0]) > 1:
        word = line.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        else:
            name, value, equals = SHORT.get(word[1], ""), word[2:], word[2:]
        if not name:
            raise ValueError(word)
        if not equals and name not in SWITCHES and line:
            value = line.pop(0)
        found[name] = value
    return found, line


def directives(script: str) -> dict[str, str]:
    """Options of the `#SBATCH` lines before the first command."""
    found: dict[str, str] = {}
    for line in script.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        if line.startswith(("#SBATCH ", "#SBATCH\t")):
            found.update(options(shlex.split(line[7:], comments=True))[0])
    return found
