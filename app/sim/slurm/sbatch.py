"""`sbatch` and `scancel` of the simulated Slurm."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.hostlist import compress
from app.sim.slurm.actions import Actions
from app.sim.slurm.job import Job
from app.sim.slurm.people import is_operator
from app.sim.slurm.reasons import Waiting, candidates
from app.sim.slurm.refusals import INVALID_ID, RefusedError
from app.sim.slurm.scene import Answer, Scene
from app.sim.slurm.scripts import directives, options
from app.sim.slurm.targets import find, split
from app.sim.slurm.wishes import job_of, numbered
from app.sim.slurm.words import Options, UsageError

CANCEL_SHORT = (
    "Vversion ffull bbatch iinteractive Qquiet vverbose Hhurry s=signal u=user n=name p=partition t=state A=account "
    "w=nodelist q=qos"
)
CANCEL_LONG = (
    *("version", "full", "batch", "signal=", "user=", "name=", "partition=", "state=", "me", "quiet", "verbose"),
    *("interactive", "hurry", "account=", "nodelist=", "qos="),
)
_LETHAL = frozenset({"", "KILL", "TERM", "INT", "9", "15", "2"})


def submit(scene: Scene) -> Answer:
    """Answer one call of sbatch."""
    if scene.words[:1] in (("--version",), ("-V",)):
        return scene.version()
    try:
        given, rest = options(scene.words)
    except ValueError as error:
        return Answer(
            1, b"", f"sbatch: unrecognized option '{error}'\nTry \"sbatch --help\" for more information\n".encode()
        )
    raw = scene.call.script if scene.call.script is not None else scene.call.stdin
    script = raw.decode("utf-8", "replace")
    if "wrap" in given:
        script = f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{given['wrap']}\n"
    if (wrong := _unreadable(script)) is not None:
        return Answer(1, b"", f"sbatch: error: {wrong}\n".encode())
    try:
        said = {**directives(script), **given}
    except ValueError as error:
        return Answer(1, b"", f"sbatch: unrecognized option '{error}'\n".encode())
    if (trouble := scene.unreachable("sbatch: error: Batch job submission failed")) is not None:
        return trouble
    if rest and "job-name" not in said:
        said["job-name"] = rest[0].rpartition("/")[2]
    if "wrap" in given and "job-name" not in said:
        said["job-name"] = "wrap"
    try:
        job = job_of(scene.book, said, scene.user, scene.call.folder or f"{scene.book.home}/{scene.user}", scene.t)
        if "test-only" in given:
            return _tested(scene, job)
        return _submitted(scene, job, script, said)
    except RefusedError as error:
        *ahead, last = error.text.split("\n")
        lines = [*ahead, f"Batch job submission failed: {last}"]
        return Answer(1, b"", "".join(f"sbatch: error: {line}\n" for line in lines).encode())


def _unreadable(script: str) -> str | None:
    if not script.strip():
        return "Batch script is empty!"
    if not script.startswith("#!"):
        return (
            "This does not look like a batch script.  The first\nsbatch: error: line must start with #! followed by "
            "the path to an interpreter.\nsbatch: error: For instance: #!/bin/sh"
        )
    if "\r\n" in script:
        return (
            "Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of expected UNIX line breaks (\\n)."
        )
    return None


def _submitted(scene: Scene, job: Job, script: str, said: dict[str, str]) -> Answer:
    scene.grant(scene.user)
    jobs = list(numbered(scene.book, job, said.get("array", "")))
    scene.book.waiting.update((one.id, one) for one in jobs)
    scene.scripts[jobs[0].id] = script
    scene.book.touched()
    number = jobs[0].id
    return Answer(0, f"{number}\n".encode() if "parsable" in said else f"Submitted batch job {number}\n".encode())


def _tested(scene: Scene, job: Job) -> Answer:
    """When it would start, as Slurm says it."""
    book, t = scene.book, scene.t
    room = [
        name
        for name in candidates(book, job)
        if len(book.cluster.work.free_gpus(name, book.cluster.spec.gpus, t)) >= job.per_node
    ]
    start: float | None
    if len(room) >= job.node_count:
        start, where = t, tuple(room[: job.node_count])
    else:
        start, where = Waiting(book, [one for one in scene.jobs if one.holds], t).place(job)
    if start is None:
        # As Slurm has it where a job in the way has no limit.
        start, where = t + 365 * 86400.0, tuple(candidates(book, job))[: job.node_count]
    at = scene.times.stamp(max(start, job.eligible or t))
    text = (
        f"sbatch: Job {book.coming_id} to start at {at} using {job.cpus} processors on nodes {compress(where)} "
        f"in partition {job.partition.split(',')[0]}\n"
    )
    return Answer(0, b"", text.encode())


def cancel(scene: Scene) -> Answer:
    """Answer one call of scancel; ids it does not know are no error."""
    try:
        given = Options(scene.words, CANCEL_SHORT, CANCEL_LONG)
    except UsageError as error:
        return Answer(1, b"", f"scancel: {error}\n".encode())
    if "version" in given:
        return scene.version()
    if (trouble := scene.unreachable("scancel: error")) is not None:
        return trouble
    said: list[str] = []
    act = Actions(scene.book, scene.user, scene.t)
    is_lethal = given.get("signal").upper().removeprefix("SIG") in _LETHAL
    for job in _meant(scene, given, said):
        if job.is_over:
            continue
        if job.user != scene.user and not is_operator(scene.user):
            said.append(f"scancel: error: Kill job error on job id {job.key}: Access/permission denied\n")
        elif is_lethal and not (given.get("signal") and job.is_pending):
            act.cancel(job)
    return Answer(210 if said else 0, b"", "".join(said).encode())


def _meant(scene: Scene, given: Options, said: list[str]) -> list[Job]:
    """The jobs that the words mean; an id that is none is complained of, one that is not there is not."""
    filters = ("user", "name", "partition", "state", "me", "account", "nodelist", "qos")
    jobs: dict[int, Job] = {}
    for word in (one for text in given.rest for one in split(text)):
        try:
            jobs.update((job.id, job) for job in find(word, scene.jobs))
        except RefusedError:
            if not word[:1].isdecimal():
                said.append(f"scancel: error: Invalid job id {word}: {INVALID_ID}\n")
    if not given.rest and any(name in given for name in filters):
        jobs = {job.id: job for job in scene.jobs}
    values: dict[str, Callable[[Job], str]] = {
        "user": lambda job: job.user, "name": lambda job: job.name, "partition": lambda job: job.partition,
        "state": lambda job: job.state, "account": lambda job: job.account, "qos": lambda job: job.qos,
    }  # fmt: skip
    found = list(jobs.values())
    for name, value in values.items():
        if name in given:
            wanted = {one.upper() if name == "state" else one for one in given.many(name)}
            found = [job for job in found if value(job) in wanted]
    return [job for job in found if "me" not in given or job.user == scene.user]
