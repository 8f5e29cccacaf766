"""`scontrol` of the simulated Slurm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from app.domain.hostlist import expand
from app.sim.slurm import nodes, show
from app.sim.slurm.actions import Actions
from app.sim.slurm.job import Job
from app.sim.slurm.json_out import envelope, job_json, node_json, partition_json
from app.sim.slurm.names import HEAD
from app.sim.slurm.people import is_operator
from app.sim.slurm.refusals import DENIED, INVALID_ID, INVALID_NODE, INVALID_PARTITION, RefusedError
from app.sim.slurm.scene import Answer, Scene
from app.sim.slurm.scripts import script_of
from app.sim.slurm.squeue import together
from app.sim.slurm.targets import find, split
from app.sim.slurm.times import limit_of
from app.sim.slurm.words import Options, UsageError

SHORT = "ooneliner ddetails aall Vversion Qquiet vverbose hhide"
LONG = ("oneliner", "details", "all", "version", "json?", "quiet", "verbose", "hide")
_BANNER = "*****************************************\n** RESTORE SLURMCTLD DAEMON TO SERVICE **\n" + 41 * "*" + "\n"


def run(scene: Scene) -> Answer:
    """Answer one call."""
    try:
        given = Options(scene.words, SHORT, LONG)
    except UsageError as error:
        return Answer(1, b"", f'scontrol: {error}\nTry "scontrol --help" for more information\n'.encode())
    if "version" in given:
        return scene.version()
    verb, *rest = given.rest or [""]
    if verb == "ping":
        return _ping(scene, given)
    prefix = _PREFIXES.get(
        (verb, rest[0] if rest else ""), "slurm_update error" if verb == "update" else f"slurm_{verb}"
    )
    if (trouble := scene.unreachable(prefix)) is not None:
        return trouble
    try:
        return _VERBS[verb](scene, given, rest) if verb in _VERBS else _invalid(verb)
    except RefusedError as error:
        return Answer(1, b"", f"{error.text}{f' for job {error.job}' if error.job else ''}\n".encode())


_PREFIXES = {
    ("show", "job"): "slurm_load_jobs error", ("show", "jobs"): "slurm_load_jobs error",
    ("show", "node"): "slurm_load_node error", ("show", "nodes"): "slurm_load_node error",
    ("show", "partition"): "slurm_load_partitions error", ("show", "config"): "slurm_load_ctl_conf error",
}  # fmt: skip


def _invalid(verb: str) -> Answer:
    return Answer(1, b"", f"scontrol: error: invalid keyword: {verb}\n".encode())


def _ping(scene: Scene, given: Options) -> Answer:
    is_down = scene.acts("slurm-down")
    if "json" in given:
        ping = {"hostname": HEAD, "pinged": "DOWN" if is_down else "UP", "responding": not is_down, "primary": True}
        return Answer(0, json.dumps(envelope(scene, "scontrol", pings=[ping])).encode())
    text = f"Slurmctld(primary) at {HEAD} is {'DOWN' if is_down else 'UP'}\n"
    return Answer(1, (text + _BANNER).encode()) if is_down else Answer(0, text.encode())


def _show(scene: Scene, given: Options, rest: list[str]) -> Answer:
    what, _, inline = (rest[0] if rest else "").partition("=")
    which = [inline] if inline else rest[1:2]
    match what.rstrip("s").lower():
        case "job" | "jobid":
            return _show_jobs(scene, given, which)
        case "node" | "nodename":
            return _show_nodes(scene, given, which)
        case "partition" | "part":
            return _show_partitions(scene, given, which)
        case "config":
            return Answer(0, show.config_text(scene).encode())
        case "hostname":
            return Answer(0, "".join(f"{name}\n" for name in expand(which[0] if which else "")).encode())
        case "step":
            return Answer(0, b"No job steps in the system\n")
        case "reservation" | "res":
            return Answer(0, b"No reservations in the system\n")
    return Answer(1, b"", f"invalid entity: {what} for keyword:show \n".encode())


def _show_jobs(scene: Scene, given: Options, which: list[str]) -> Answer:
    try:
        jobs = [job for word in split(which[0]) for job in find(word, scene.jobs)] if which else list(scene.jobs)
    except RefusedError:
        return Answer(1, b"", f"slurm_load_jobs error: {INVALID_ID}\n".encode())
    jobs = together(jobs)
    if "json" in given:
        rows = [job_json(job, scene) for job in jobs]
        return Answer(0, json.dumps(envelope(scene, "scontrol", jobs=rows)).encode())
    if not jobs:
        return Answer(0, b"No jobs in the system\n")
    has_details, is_one_line = "details" in given or "-d" in given.rest, "oneliner" in given
    lines = (show.job_lines(job, scene, has_details=has_details) for job in jobs)
    return Answer(0, "".join(show.record(one, is_one_line=is_one_line) for one in lines).encode())


def _show_nodes(scene: Scene, given: Options, which: list[str]) -> Answer:
    wanted = set(expand(which[0])) if which else {node.name for node in scene.nodes}
    found = [node for node in scene.nodes if node.name in wanted]
    if which and not found:
        return Answer(1, f"Node {which[0]} not found\n".encode())
    if "json" in given:
        rows = [node_json(node, scene) for node in found]
        return Answer(0, json.dumps(envelope(scene, "scontrol", nodes=rows)).encode())
    lines = (show.node_lines(node, scene, has_details="details" in given) for node in found)
    return Answer(0, "".join(show.record(one, is_one_line="oneliner" in given) for one in lines).encode())


def _show_partitions(scene: Scene, given: Options, which: list[str]) -> Answer:
    found = [part for part in scene.book.parts.values() if not which or part.name == which[0]]
    if not found:
        return Answer(1, f"Partition {which[0]} not found\n".encode())
    if "json" in given:
        rows = [partition_json(part, scene) for part in found]
        return Answer(0, json.dumps(envelope(scene, "scontrol", partitions=rows)).encode())
    lines = (show.partition_lines(part, scene) for part in found)
    return Answer(0, "".join(show.record(one, is_one_line="oneliner" in given) for one in lines).encode())


def _each(act: Callable[[Actions, Job], None]) -> Callable[[Scene, Options, list[str]], Answer]:
    """A verb that takes jobs; each refusal is told, the others are done."""

    def verb(scene: Scene, given: Options, rest: list[str]) -> Answer:
        del given
        if not rest:
            return Answer(1, b"", b"too few arguments\n")
        return _done(scene, rest, lambda job: act(Actions(scene.book, scene.user, scene.t), job))

    return verb


def _done(scene: Scene, words: Iterable[str], act: Callable[[Job], None], prefix: str = "") -> Answer:
    said: list[str] = []
    for word in (one for text in words for one in split(text.partition("=")[2] or text)):
        try:
            for job in find(word, scene.jobs):
                act(job)
        except RefusedError as error:
            said.append(f"{prefix}{error.text}" + ("" if prefix else f" for job {error.job or word}") + "\n")
    return Answer(1 if said else 0, b"", "".join(said).encode())


def _update(scene: Scene, given: Options, rest: list[str]) -> Answer:
    del given
    pairs = [(key.lower(), value) for key, _, value in (word.partition("=") for word in rest)]
    said = dict(pairs)
    if "nodename" in said:
        names = expand(said["nodename"])
        try:
            nodes.change(
                scene.book, names, said.get("state", ""), said.get("reason", "").strip("'\""), scene.user, scene.t
            )
        except RefusedError as error:
            return Answer(1, b"", f"slurm_update error: {error.text}\n".encode())
        return Answer()
    if not pairs or pairs[0][0] not in ("jobid", "job"):
        return Answer(1, b"", b'No valid entity in update command\nInput line must include "NodeName", "JobId"\n')
    for key, value in pairs[1:]:
        act = _setting(Actions(scene.book, scene.user, scene.t), scene, key, value)
        if act is None:
            return Answer(
                1, b"", f"Update of this parameter is not supported: {key}={value}\nRequest aborted\n".encode()
            )
        answer = _done(scene, [pairs[0][1]], act, "slurm_update error: ")
        if answer.code:
            return answer
    return Answer()


def _setting(act: Actions, scene: Scene, key: str, value: str) -> Callable[[Job], None] | None:
    """What one `Key=value` does to a job; None where it is not known."""
    names = {"comment": "comment", "jobname": "name", "name": "name", "qos": "qos_name", "account": "account_name"}
    if key in names:
        return lambda job: act.change(job, **{names[key]: value})
    if key.rstrip("+-") == "timelimit":
        sign, seconds = key[len("timelimit") :], limit_of(value.lstrip("+-"))
        sign = sign or (value[0] if value[:1] in ("+", "-") else "")
        if seconds is None:
            return None
        scaled = seconds / scene.book.cluster.per_wall
        if sign:
            return lambda job: act.limit(job, lambda old: old + (scaled if sign == "+" else -scaled))
        return lambda job: act.limit(job, lambda _: scaled)
    if key == "nice" and value.lstrip("-").isdecimal():
        return lambda job: act.nice(job, int(value))
    if key == "partition":
        return lambda job: _move(act, scene, job, value)
    return None


def _move(act: Actions, scene: Scene, job: Job, partition: str) -> None:
    if not set(partition.split(",")) <= set(scene.book.parts):
        raise RefusedError(INVALID_PARTITION)
    act.change(job, partition=partition)


def _delete(scene: Scene, given: Options, rest: list[str]) -> Answer:
    del given
    name = (rest[0] if rest else "").partition("=")[2]
    try:
        nodes.delete(scene.book, name, scene.user, scene.t)
    except RefusedError as error:
        ahead = f"scontrol: error: failed to delete nodes {name}\n" if error.text != INVALID_NODE else ""
        return Answer(1, b"", f"{ahead}delete_node nodename={name}: {error.text}\n".encode())
    return Answer()


def _write(scene: Scene, given: Options, rest: list[str]) -> Answer:
    del given
    if rest[:1] != ["batch_script"] or len(rest) < 2:
        return _invalid("write")
    job = find(rest[1], scene.jobs)[0]
    if job.user != scene.user and not is_operator(scene.user):
        return Answer(1, b"", f"job script retrieval failed: {DENIED}\n".encode())
    if rest[2:3] != ["-"]:
        return Answer(1, b"", b"scontrol: error: the simulated cluster writes scripts to - only\n")
    return Answer(0, script_of(job, scene.scripts).encode())


def _listpids(scene: Scene, given: Options, rest: list[str]) -> Answer:
    del scene, given, rest
    return Answer(1, b"PID      JOBID    STEPID   LOCALID GLOBALID\n", b"No job steps exist on this node.\n")


_VERBS: dict[str, Callable[[Scene, Options, list[str]], Answer]] = {
    "show": _show,
    "update": _update,
    "delete": _delete,
    "write": _write,
    "listpids": _listpids,
    "hold": _each(Actions.hold),
    "uhold": _each(Actions.hold),
    "release": _each(Actions.release),
    "requeue": _each(Actions.requeue),
    "suspend": _each(Actions.suspend),
    "resume": _each(Actions.resume),
    "top": _each(Actions.top),
}
