"""Deeds on jobs and nodes: what a key or a `:` command means, decided into a plan, then asked about once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from app.domain.job_actions import ActionVerb, JobVerb, NodeVerb
from app.domain.slurm import SlurmJob
from app.domain.times import parse_span
from app.services.action_targets import ActionError
from app.services.actions import plan
from app.services.own_processes import ProcessError
from app.tui.desk import Desk
from app.tui.dialogue import ask_first
from app.tui.feed import RefusedError, ask
from app.tui.job_desk import job_desk
from app.tui.queue_verbs import find_job, picture_of
from app.tui.shell import open_shell

ASKED = "?"
"""In place of an argument: let the user type it."""
SIMPLE: tuple[JobVerb, ...] = ("cancel", "hold", "release", "requeue", "suspend", "resume", "top")
"""Done to jobs, with nothing more to say."""


def to_jobs(verb: JobVerb, desk: Desk, text: str) -> None:
    """Do something to the jobs named, else to those marked, else to the chosen one."""
    _ask(desk, verb, _jobs(desk, text.replace(",", " ").split()))


def extend(desk: Desk, text: str) -> None:
    """Give jobs more time: `1h 812 815`."""
    if text == ASKED:
        desk.type_line(":", "extend ")
        return
    span, *ids = text.split() or [""]
    wanted = span.removeprefix("+")
    try:
        minutes = int(wanted) if wanted.isdigit() else round(parse_span(wanted) / 60)
    except ValueError as error:
        raise RefusedError(f"extend by how much? {error}") from error
    _ask(desk, "extend", _jobs(desk, ids), minutes=minutes)


def nice(desk: Desk, text: str) -> None:
    """Set jobs' nice value: `100 812`."""
    if text == ASKED:
        desk.type_line(":", "nice ")
        return
    number, *ids = text.split() or [""]
    try:
        value = int(number)
    except ValueError as error:
        raise RefusedError("nice takes a number, as in nice 100; the higher, the later it starts") from error
    _ask(desk, "nice", _jobs(desk, ids), nice=value)


def signal(desk: Desk, text: str) -> None:
    """Send jobs a signal: `USR1 812`."""
    name, *ids = text.split() or [""]
    _ask(desk, "signal", _jobs(desk, ids), signal=name)


def drain(desk: Desk, text: str) -> None:
    """Let a node take no more jobs, with a reason: `gpu-03 bad fan`."""
    if text == ASKED:
        desk.type_line(":", f"drain {','.join(_nodes(desk, ''))} ")
        return
    name, _, reason = text.strip().partition(" ")
    _ask(desk, "drain", _nodes(desk, name), reason=reason.strip())


def to_nodes(verb: NodeVerb, desk: Desk, text: str) -> None:
    """Do something to the nodes named, else to the chosen one."""
    _ask(desk, verb, _nodes(desk, text))


def _jobs(desk: Desk, ids: Sequence[str]) -> Sequence[str]:
    chosen = ids or (desk.page.chosen_jobs() if desk.page is not None else ())
    if not chosen:
        raise RefusedError("to which job? Choose one, or write its id, as in :cancel 812")
    return chosen


def _nodes(desk: Desk, text: str) -> Sequence[str]:
    """Nodes by Slurm's names; those chosen on the page are turned into them."""
    if text.strip():
        return (text.strip(),)
    join = desk.moment.join
    chosen = desk.page.chosen_nodes() if desk.page is not None else ()
    told = [join.node(name) if join is not None else None for name in chosen]
    known = tuple(node.name for node in told if node is not None)
    if not known:
        raise RefusedError("to which node? Choose one that Slurm knows, or write its name, as in :drain gpu-03 REASON")
    return known


def _ask(desk: Desk, verb: ActionVerb, targets: Sequence[str], **wish: Any) -> None:  # noqa: ANN401 - keywords of `plan`
    """Refuse what may not be done; else find out who would do it, and ask."""
    may_act(desk)
    picture_of(desk)
    desk.journey(_ask_soon(desk, verb, tuple(targets), wish))


async def _ask_soon(desk: Desk, verb: ActionVerb, targets: tuple[str, ...], wish: Mapping[str, Any]) -> None:
    jobs = await job_desk(desk)
    moment = desk.moment
    try:
        made = plan(verb, targets, moment.snapshot.slurm, now=moment.now, user=jobs.user, **wish)
    except ActionError as error:
        raise RefusedError(str(error)) from error
    # Shown with the folder the commands are taken from, performed as planned.
    ask_first(desk, replace(made, commands=jobs.commands(made)), partial(jobs.perform, made))


def again(desk: Desk, text: str) -> None:
    """Open a job's script for another run."""
    job = find_job(desk, next(iter(_jobs(desk, text.split()))))
    desk.journey(_open_script(desk, job))


async def _open_script(desk: Desk, job: SlurmJob) -> None:
    jobs = await job_desk(desk)
    detail = await ask(jobs.detail(job))
    if not detail.script:
        raise RefusedError(detail.script_note or f"job {job.id} has no script that can be had")
    desk.open_page("submit")
    if desk.page is not None:
        desk.page.take(detail.script, f"as job {job.id}")


def kill(desk: Desk, text: str) -> None:
    """Send one's own process on this machine a signal: `TERM 4711`."""
    may_act(desk)
    place = desk.chosen()
    chosen = desk.page.chosen_process() if desk.page is not None else None
    if text == ASKED:
        if chosen is None:
            raise RefusedError("no process is chosen")
        desk.type_line(":", f"kill TERM {chosen}")
        return
    name, _, number = text.strip().partition(" ")
    pid = int(number) if number.strip().isdigit() and len(number) < 12 else chosen
    if place is None or pid is None or not name:
        raise RefusedError("which process? On a GPU's page, :kill TERM PID; signals are INT, TERM, KILL")
    gpu = desk.moment.snapshot.gpu(*place)
    if gpu is None or pid not in {one.pid for one in gpu.processes or ()}:
        raise RefusedError(f"no process {pid} is listed on {place[0]}/{place[1]}")
    if desk.options.processes is None:
        raise RefusedError("no process can be signalled from here")
    processes = desk.options.processes()
    try:
        made = processes.plan(place[0], pid, name)
    except ProcessError as error:
        raise RefusedError(str(error)) from error
    ask_first(desk, made, partial(processes.perform, made))


def may_act(desk: Desk) -> None:
    """Raises RefusedError where nothing may be done: by the user's own wish, or because this is the past."""
    if desk.options.read_only:
        raise RefusedError("--read-only: nothing is done to jobs, nodes or processes from here")
    if desk.bridge.replay is not None:
        raise RefusedError("this is the past; } goes back to now")


VERBS: Mapping[str, Callable[[Desk, str], None]] = {
    **{f"job_{verb}": partial(to_jobs, verb) for verb in SIMPLE},
    "job_extend": extend,
    "job_nice": nice,
    "job_signal": signal,
    "job_again": again,
    "kill": kill,
    "shell": open_shell,
    "node_drain": drain,
    "node_undrain": partial(to_nodes, "undrain"),
    "node_delete": partial(to_nodes, "delete"),
}
