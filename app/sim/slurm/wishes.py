"""What a submitted script asks of the simulated Slurm, as jobs that could wait in line. Refusals are Slurm's own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.sim.dice import Dice
from app.sim.loads import JobKind
from app.sim.slurm.book import Book, priority_for
from app.sim.slurm.job import MIB_EACH, Job
from app.sim.slurm.reasons import candidates
from app.sim.slurm.refusals import CONFIGURATION, INVALID_PARTITION, RefusedError
from app.sim.slurm.times import limit_of

MOST_TASKS = 1001
_COUNT = re.compile(r"(?:(?P<model>[A-Za-z][\w.-]*):)?(?P<count>\d{1,5})")


def job_of(book: Book, said: Mapping[str, str], user: str, folder: str, t: float) -> Job:
    """The job that options ask for, without a number. Raises RefusedError; its lines come before Slurm's last one."""
    names = (said.get("partition") or next(iter(book.parts))).split(",")
    unknown = next((name for name in names if name not in book.parts), None)
    if unknown is not None:
        raise RefusedError(f"invalid partition specified: {unknown}\n{INVALID_PARTITION}")
    model, per_node, nodes = _gpus(book, said)
    limit = book.parts[names[0]].usual
    if "time" in said:
        asked = limit_of(said["time"])
        if asked is None:
            raise RefusedError("Invalid --time specification")
        limit = asked / book.cluster.per_wall
    name = said.get("job-name") or "sbatch"
    begin = _begin(said.get("begin", ""), book)
    job = Job(
        id=0, user=user, name=name, kind=_kind(name), partition=",".join(names), node_count=nodes, per_node=per_node,
        model=model, limit=limit, submit=t, eligible=t + begin, priority=0 if "hold" in said else priority_for(t),
        reason="JobHeldUser" if "hold" in said else "", dependency=said.get("dependency", ""),
        required=said.get("nodelist", ""), comment=said.get("comment", ""), account_name=said.get("account", ""),
        qos_name=said.get("qos", ""), is_own=True, work_dir=said.get("chdir") or folder, stdout=said.get("output", ""),
        stderr=said.get("error", ""), lasts=min(limit, Dice(name, t).lasting(1500.0, 300.0, 14400.0)),
    )  # fmt: skip
    _check(book, job, said)
    return job


def tasks_of(text: str) -> tuple[tuple[int, ...], int]:
    """Tasks and throttle of `0-23%4`, `1,3,5-9:2`. Raises RefusedError."""
    listed, _, most = text.partition("%")
    found: list[int] = []
    for part in listed.split(","):
        match = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?", part.strip())
        if match is None:
            raise RefusedError("Invalid job array specification")
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if last >= MOST_TASKS or last < first or step < 1:
            raise RefusedError("Invalid job array specification")
        found += range(first, last + 1, step)
    return tuple(dict.fromkeys(found)), int(most) if most.isdecimal() else 0


def numbered(book: Book, job: Job, array: str) -> Iterator[Job]:
    """The job with numbers and file names: one, or one a task."""
    first = book.next_id()
    if not array:
        yield _filed(replace(job, id=first), book.home)
        return
    tasks, most = tasks_of(array)
    for place, task in enumerate(tasks):
        number = first if place == 0 else book.next_id()
        yield _filed(replace(job, id=number, array=first, task=task, throttle=most), book.home)


def _filed(job: Job, home: str) -> Job:
    usual = "slurm-%A_%a.out" if job.task is not None else "slurm-%j.out"
    return replace(
        job,
        stdout=_path(job.stdout or usual, job, home),
        stderr=_path(job.stderr, job, home) if job.stderr else "",
        command=job.command or f"{job.work_dir}/{job.name}.sbatch",
    )


def _path(pattern: str, job: Job, home: str) -> str:
    """A file in the user's simulated home, whatever folder was named: nothing is written anywhere else."""
    values = {"j": str(job.id), "A": str(job.array or job.id), "a": str(job.task or 0), "x": job.name, "u": job.user}
    filled = re.sub(r"%\d*([jAaxu])", lambda found: values[found[1]], pattern)
    return f"{home}/{job.user}/{filled.rpartition('/')[2] or f'slurm-{job.id}.out'}"


def _gpus(book: Book, said: Mapping[str, str]) -> tuple[str, int, int]:
    """Model, GPUs a node, nodes."""
    least = said.get("nodes", "").partition("-")[0]
    nodes = int(least) if least.isdecimal() and int(least) else 0
    for name, text in (("gres", _gres(said.get("gres", ""))), ("gpus-per-node", said.get("gpus-per-node", ""))):
        if text:
            model, count = _counted(text, name)
            return model, count, nodes or 1
    if said.get("gpus-per-task"):
        model, count = _counted(said["gpus-per-task"], "gpus-per-task")
        tasks = int(said.get("ntasks-per-node", "") or said.get("ntasks", "") or nodes or 1)
        return model, count * (tasks if "ntasks-per-node" in said else max(1, tasks // max(1, nodes))), nodes or 1
    if said.get("gpus"):
        model, count = _counted(said["gpus"], "gpus")
        nodes = nodes or max(1, math.ceil(count / book.cluster.spec.gpus))
        return model, math.ceil(count / nodes), nodes
    return "", 0, nodes or 1


def _gres(text: str) -> str:
    found = [one.removeprefix("gres/").removeprefix("gpu").removeprefix(":") or "1" for one in text.split(",")]
    return found[0] if text.removeprefix("gres/").startswith("gpu") else ""


def _counted(text: str, name: str) -> tuple[str, int]:
    match = _COUNT.fullmatch(text)
    if match is not None:
        return (match["model"] or "").lower(), int(match["count"])
    if name == "gres" and text.isalnum():
        return text.lower(), 1
    raise RefusedError(f'Invalid numeric value "{text}" for --{name}.')


def _begin(text: str, book: Book) -> float:
    """Seconds until it may begin: `now+2hours`, `now+30minutes`, `now+60`."""
    match = re.fullmatch(r"now\+(\d{1,7})(s|m|h|d)?\w*", text)
    if match is None:
        return 0.0
    return int(match[1]) * {"m": 60.0, "h": 3600.0, "d": 86400.0}.get(match[2] or "s", 1.0) / book.cluster.per_wall


def _kind(name: str) -> JobKind:
    if any(word in name for word in ("jupyter", "notebook", "interactive", "debug")):
        return "notebook"
    return "train"


def _check(book: Book, job: Job, said: Mapping[str, str]) -> None:
    able = [name for name in candidates(book, job) if len(book.cluster.node(name).gpus) >= job.per_node]
    if len(able) < job.node_count:
        raise RefusedError(CONFIGURATION)
    memory = re.fullmatch(r"(\d+)([KMGT]?)B?", said.get("mem", "0"), re.IGNORECASE)
    factor = {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2}
    mib = int(memory[1]) * factor[memory[2].upper()] if memory is not None else 0
    if mib > MIB_EACH * book.cluster.spec.gpus:
        raise RefusedError(f"Memory specification can not be satisfied\n{CONFIGURATION}")
