"""`squeue` of the simulated Slurm."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from app.sim.slurm.columns import COMPACT, LETTERS, MOVING, QUEUE, Column, parse
from app.sim.slurm.job import Job, ranges
from app.sim.slurm.json_out import envelope, job_json
from app.sim.slurm.refusals import INVALID_ID, RefusedError
from app.sim.slurm.scene import Answer, Scene
from app.sim.slurm.targets import find, split
from app.sim.slurm.times import Times
from app.sim.slurm.words import Options, UsageError

SHORT = (
    "hnoheader aall rarray llong Vversion ssteps vverbose S=sort O=Format o=format j=jobs u=user t=states p=partition "
    "A=account n=name w=nodelist q=qos"
)
LONG = (
    *("noheader", "all", "array", "long", "version", "json?", "Format=", "format=", "jobs?", "user=", "users=", "me"),
    *("states=", "state=", "partition=", "account=", "name=", "nodelist=", "qos=", "sort=", "start", "steps", "help"),
)
PLAIN = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
LONG_FORM = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
START_FORM = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R"
_FIELD = re.compile(r"%(\.?)(\d*)([A-Za-z])([^%]*)")


class Squeue:
    """Prints queues; remembers the rows of jobs that did not change."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[Job, list[str]]] = {}

    def run(self, scene: Scene) -> Answer:
        """Answer one call."""
        try:
            given = Options(scene.words, SHORT, LONG)
        except UsageError as error:
            return Answer(1, b"", f'squeue: {error}\nTry "squeue --help" for more information\n'.encode())
        if "version" in given:
            return scene.version()
        if (trouble := scene.unreachable("slurm_load_jobs error")) is not None:
            return trouble
        try:
            jobs = self._chosen(scene, given)
        except RefusedError as error:
            return Answer(1, b"", f"slurm_load_jobs error: {error.text}\n".encode())
        except UsageError as error:
            return Answer(1, b"", f"squeue: error: {error}\n".encode())
        if "json" in given:
            rows = [job_json(job, scene) for job in jobs]
            return Answer(0, json.dumps(envelope(scene, "squeue", jobs=rows)).encode())
        if "array" not in given:
            jobs = together(jobs)
        return self._printed(scene, given, jobs)

    def _chosen(self, scene: Scene, given: Options) -> list[Job]:
        jobs: Iterable[Job] = scene.jobs
        if "jobs" in given:
            wanted: dict[str, Job] = {}
            for word in split(given.get("jobs")):
                try:
                    wanted.update((job.key, job) for job in find(word, scene.jobs))
                except RefusedError:
                    if len(split(given.get("jobs"))) == 1:
                        raise RefusedError(INVALID_ID) from None
            jobs = wanted.values()
        states = {one.upper() for one in (*given.many("states"), *given.many("state"))}
        if not states:
            jobs = (job for job in jobs if not job.is_over)
        elif "ALL" not in states:
            bad = [one for one in states if one not in COMPACT and one not in COMPACT.values()]
            if bad:
                raise UsageError(f"Invalid job state specified: {bad[0]}")
            jobs = (job for job in jobs if {job.state, COMPACT.get(job.state, "")} & states)
        users = {*given.many("user"), *given.many("users"), *([scene.user] if "me" in given else [])}
        checks: tuple[tuple[set[str], Callable[[Job], set[str]]], ...] = (
            (users, lambda job: {job.user, str(job.uid)}),
            (set(given.many("partition")), lambda job: set(job.partition.split(","))),
            (set(given.many("account")), lambda job: {job.account}),
            (set(given.many("qos")), lambda job: {job.qos}),
            (set(given.many("name")), lambda job: {job.name}),
            (set(given.many("nodelist")), lambda job: set(job.nodes)),
        )
        for names, value in checks:
            if names:
                jobs = [job for job in jobs if names & value(job)]
        return [job for job in jobs if "start" not in given or job.is_pending]

    def _printed(self, scene: Scene, given: Options, jobs: Sequence[Job]) -> Answer:
        columns, ahead = [], ""
        if given.get("Format"):
            columns = parse(given.get("Format"))
        else:
            usual = START_FORM if "start" in given else LONG_FORM if "long" in given else PLAIN
            columns, ahead = _by_letters(given.get("format") or usual)
        bad = [one.name for one in columns if one.name not in QUEUE]
        if bad:
            return Answer(1, b"", f"squeue: error: Invalid job format specification: {bad[0]}\n".encode())
        lines = [] if "noheader" in given else [ahead + "".join(one.text(QUEUE[one.name][0]) for one in columns)]
        asked = f"{given.get('Format')}\0{given.get('format')}\0{scene.times.form}"
        lines += [ahead + self._row(job, columns, asked, scene.times, scene.t) for job in jobs]
        return Answer(0, "".join(f"{line}\n" for line in lines).encode())

    def _row(self, job: Job, columns: Sequence[Column], asked: str, times: Times, t: float) -> str:
        known = self._rows.get((job.key, asked))
        if known is None or known[0] is not job:
            parts = [one.text(QUEUE[one.name][1](job, times, t)) for one in columns]
            if len(self._rows) > 20_000:
                self._rows.clear()
            known = self._rows[job.key, asked] = (job, parts)
        parts = known[1]
        for place, one in enumerate(columns):
            if one.name in MOVING:
                parts[place] = one.text(QUEUE[one.name][1](job, times, t))
        return "".join(parts)


def together(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with the waiting tasks of an array in one row: `820_[7-99%4]`."""
    rows: list[Job] = []
    tasks: dict[tuple[int, str], list[Job]] = {}
    for job in jobs:
        if not job.is_pending or job.task is None:
            rows.append(job)
            continue
        group = tasks.setdefault((job.array, job.reason), [])
        group.append(job)
        if len(group) == 1:
            rows.append(job)
    return [_array(tasks[job.array, job.reason]) if job.is_pending and job.task is not None else job for job in rows]


def _array(tasks: Sequence[Job]) -> Job:
    first = tasks[0]
    listed = ranges(tuple(one.task for one in tasks if one.task is not None))
    return replace(first, tasks=f"{listed}%{first.throttle}" if first.throttle else listed)


def _by_letters(form: str) -> tuple[list[Column], str]:
    """The columns of a `-o` word, and what stands before the first."""
    found = []
    for dot, digits, letter, behind in _FIELD.findall(form):
        found.append(Column(LETTERS.get(letter, letter), int(digits) if digits else None, bool(dot), behind))
    return found, form.partition("%")[0]
