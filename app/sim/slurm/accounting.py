"""`sacct` of the simulated Slurm."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from app.sim.slurm.job import Job, memory
from app.sim.slurm.json_out import envelope
from app.sim.slurm.refusals import RefusedError
from app.sim.slurm.scene import Answer, Scene
from app.sim.slurm.scripts import script_of
from app.sim.slurm.targets import find, split
from app.sim.slurm.words import Options, UsageError

SHORT = (
    "Pparsable2 pparsable nnoheader Xallocations aallusers Dduplicates llong Vversion Bbatch-script S=starttime "
    "E=endtime j=jobs u=user o=format s=state A=accounts r=partition N=nodelist"
)
LONG = (
    *("parsable2", "parsable", "noheader", "allocations", "allusers", "duplicates", "long", "version", "batch-script"),
    *("env-vars", "starttime=", "endtime=", "jobs=", "user=", "format=", "state=", "json?", "units=", "accounts="),
    *("partition=", "nodelist=", "delimiter="),
)
USUAL = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode"
_WIDTHS = {"jobid": 12, "jobname": 10, "partition": 10, "account": 10, "alloccpus": 10, "state": 10, "exitcode": 8}
Value = Callable[[Job, Scene, str], str]


def _ran(job: Job, scene: Scene) -> float:
    return job.ran(scene.t)


def _alloc(job: Job, scene: Scene, step: str) -> str:
    del scene
    if job.is_pending or job.start is None:
        return ""
    parts = sorted(job.tres().split(","))
    return ",".join(one for one in parts if not step or not one.startswith("billing"))


def _minutes(job: Job, scene: Scene) -> str:
    return "UNLIMITED" if math.isinf(job.limit) else str(scene.times.minutes(job.limit))


def _resident(job: Job, step: str, each: int) -> str:
    """Memory of a step's largest task: `each` of 1,024 parts of what a node's share is."""
    return f"{job.mib // max(1, job.node_count) * each}K" if step and step != "extern" else ""


def _state(job: Job, scene: Scene, step: str) -> str:
    del scene
    by = f" by {job.uid}" if job.state == "CANCELLED" and not step else ""
    return f"{job.state}{by}"


# fmt: off
COLUMNS: dict[str, Value] = {
    "jobid": lambda j, _s, step: f"{j.key}{f'.{step}' if step else ''}",
    "jobidraw": lambda j, _s, step: f"{j.id}{f'.{step}' if step else ''}",
    "jobname": lambda j, _s, step: {"": j.name, "batch": "batch", "extern": "extern"}.get(step, "torchrun"),
    "user": lambda j, _s, step: "" if step else j.user,
    "uid": lambda j, _s, step: "" if step else str(j.uid),
    "account": lambda j, _s, _step: j.account,
    "partition": lambda j, _s, step: "" if step else j.partition,
    "qos": lambda j, _s, step: "" if step else j.qos,
    "state": _state,
    "reason": lambda j, _s, step: "" if step else (j.reason if j.is_pending else "None"),
    "exitcode": lambda j, _s, _step: f"{j.exit_code}:{j.exit_signal}",
    "derivedexitcode": lambda j, _s, _step: f"{j.exit_code}:0",
    "nodelist": lambda j, _s, _step: j.node_list or "None assigned",
    "nnodes": lambda j, _s, _step: str(j.node_count),
    "ncpus": lambda j, _s, _step: str(0 if j.is_pending else j.cpus),
    "alloccpus": lambda j, _s, _step: str(0 if j.is_pending else j.cpus),
    "ntasks": lambda j, _s, step: str(j.node_count) if step else "",
    "submit": lambda j, s, _step: s.times.stamp(j.submit),
    "eligible": lambda j, s, _step: s.times.stamp(j.eligible, "Unknown"),
    "start": lambda j, s, _step: s.times.stamp(None if j.is_pending else j.start, "Unknown"),
    "end": lambda j, s, _step: s.times.stamp(j.end, "Unknown"),
    "timelimit": lambda j, s, step: "" if step else s.times.long(j.limit),
    "timelimitraw": lambda j, s, step: "" if step else _minutes(j, s),
    "elapsed": lambda j, s, _step: s.times.long(_ran(j, s)),
    "elapsedraw": lambda j, s, _step: str(int(s.times.span(_ran(j, s)))),
    "totalcpu": lambda j, s, _step: s.times.long(0.4 * j.cpus * _ran(j, s)),
    "maxrss": lambda j, _s, step: _resident(j, step, 300),
    "averss": lambda j, _s, step: _resident(j, step, 280),
    "maxrssnode": lambda j, _s, step: j.nodes[0] if step and j.nodes else "",
    "priority": lambda j, _s, step: "" if step else str(j.priority),
    "alloctres": _alloc,
    "reqtres": lambda j, _s, step: "" if step else ",".join(sorted(j.tres().split(","))),
    "reqmem": lambda j, _s, _step: memory(j.mib),
    "reservation": lambda _j, _s, _step: "",
    "workdir": lambda j, _s, step: "" if step else j.work_dir,
    "cluster": lambda _j, _s, _step: "simulated",
}
# fmt: on


def history(scene: Scene) -> Answer:
    """Answer one call of sacct."""
    try:
        given = Options(scene.words, SHORT, LONG)
    except UsageError as error:
        return Answer(1, b"", f'sacct: {error}\nTry "sacct --help" for more information\n'.encode())
    if "version" in given:
        return scene.version()
    if "env-vars" in given:
        return Answer(0, b"")
    jobs = list(_chosen(scene, given))
    if "batch-script" in given:
        return Answer(
            0,
            "".join(f"Batch Script for {job.id}\n{80 * '-'}\n{script_of(job, scene.scripts)}" for job in jobs).encode(),
        )
    if "json" in given:
        rows = [
            {"job_id": job.id, "name": job.name, "user": job.user, "state": {"current": [job.state]}} for job in jobs
        ]
        return Answer(0, json.dumps(envelope(scene, "sacct", jobs=rows)).encode())
    names = [name.partition("%")[0].lower() for name in (given.get("format") or USUAL).split(",")]
    bad = [name for name in names if name not in COLUMNS]
    if bad:
        return Answer(1, b"", f'sacct: fatal: Invalid field requested: "{bad[0]}"\n'.encode())
    rows_of = [
        [COLUMNS[name](job, scene, step) for name in names]
        for job in jobs
        for step in ("", *(() if "allocations" in given or job.is_pending else _steps(job)))
    ]
    return Answer(0, _table(given, names, rows_of).encode())


def _steps(job: Job) -> tuple[str, ...]:
    return ("batch", "extern", "0") if job.start is not None and job.nodes else ()


def _chosen(scene: Scene, given: Options) -> Iterator[Job]:
    """The jobs that are asked for; of one that was requeued the last run, or with -D each."""
    book, t = scene.book, scene.t
    waiting = [replace(job, start=None) for job in scene.jobs if job.is_pending]
    if "jobs" in given:
        known = (*book.history(book.cluster.begins, t, t), *waiting)
        jobs = [job for word in split(given.get("jobs")) for job in _found(word, known)]
    else:
        since = _moment(given.get("starttime") or "now-1days", scene)
        until = _moment(given.get("endtime") or "now", scene)
        users = set(given.many("user")) or (None if "allusers" in given else {scene.user})
        jobs = [*book.history(since, until, t), *(job for job in waiting if job.submit <= until)]
        jobs = [job for job in jobs if users is None or job.user in users]
    if "duplicates" in given:
        yield from jobs
    else:
        yield from {job.id: job for job in jobs}.values()


def _found(word: str, jobs: tuple[Job, ...]) -> list[Job]:
    try:
        return find(word, jobs)
    except RefusedError:
        return []


def _moment(text: str, scene: Scene) -> float:
    """A simulated second of `uts1764000000`, an ISO time, `now-2hours`."""
    times = scene.times
    if match := re.fullmatch(r"now(?:-(\d+)(\w*))?", text):
        each = {"m": 60, "h": 3600, "d": 86400}.get((match[2] or "s")[0], 1)
        return scene.t - int(match[1] or 0) * each / times.per_wall
    try:
        at = float(text.removeprefix("uts")) if text.startswith("uts") else datetime.fromisoformat(text).timestamp()
    except ValueError:
        return scene.t - 86400.0 / times.per_wall
    return (at - times.origin) / times.per_wall


def _table(given: Options, names: list[str], rows: list[list[str]]) -> str:
    heads = [] if "noheader" in given else [(given.get("format") or USUAL).split(",")]
    if "parsable2" in given or "parsable" in given:
        between, end = given.get("delimiter") or "|", "|" if "parsable" in given else ""
        return "".join(between.join(row) + f"{end}\n" for row in (*heads, *rows))
    widths = [_WIDTHS.get(name, 20) for name in names]
    rules = [["-" * width for width in widths]] if heads else []
    return "".join(
        " ".join(value[:width].rjust(width) for value, width in zip(row, widths, strict=True)) + " \n"
        for row in (*heads, *rules, *rows)
    )
