"""A job that waits for something other than room: a time, another job, a partition, a node, a reservation. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from app.domain.naming import clean
from app.domain.slurm import SlurmJob
from app.engine.pending_case import Case
from app.engine.reasons import job_state_lines
from app.engine.supply import closed_words, is_open
from app.engine.words import clock, count, names, span

_DEPENDENCY = re.compile(
    r"(afterok|afterany|afternotok|aftercorr|afterburstbuffer|after|expand|singleton)(?::([\w:*+()\[\],-]*?))?"
    r"(\((?:unfulfilled|fulfilled|failed)\))?(?=[,?]|$)"
)
_ASKS = {
    "afterok": "to end well",
    "afterany": "to end",
    "afternotok": "to fail",
    "aftercorr": "to end well, task for task",
    "afterburstbuffer": "to finish copying its files",
    "after": "to start",
    "expand": "to be made larger",
}


def begin_text(case: Case) -> str:
    """`starts not before 14:00, in 1 h 10`."""
    begins, now = case.job.eligible_at or case.job.start_at, case.now
    again = ""
    if case.job.restarts:
        again = f"; it was requeued {count(case.job.restarts, 'time')}"
    if begins is None:
        return ""
    if begins <= now:
        return f"its begin time has come: the scheduler looks at it in its next round{again}"
    return f"starts not before {clock(begins, now, case.zone)}, in {span(begins - now)}{again}"


def partition_state_text(case: Case) -> str:
    """`partition gpu is DOWN`."""
    shut = [part for part in case.partitions if part.state != "UP"]
    if not shut:
        return ""
    return "; ".join(f"partition {clean(part.name, 40)} is {clean(part.state, 20)}" for part in shut)


def reservation_text(case: Case) -> str:
    """What is known of the reservation it waits for: its name, and the nodes that carry it."""
    name = case.job.reservation
    if not name:
        return ""
    holding = [node.name for node in case.supply.picture.nodes.values() if node.reservation == name]
    where = f" ({names(holding)})" if holding else "; no node is in it now, so it has probably not begun"
    return f"waits for reservation {clean(name, 40)}{where}"


def closed_nodes_text(case: Case) -> str:
    """`needs node1, which is down: slurmd does not answer (20 min)`: the named nodes that take no jobs."""
    nodes = case.supply.picture.nodes
    named = case.said.nodes or case.want.required
    shut = [nodes[name] for name in named if name in nodes and not is_open(nodes[name])]
    strange = [name for name in named if name not in nodes] if nodes else []
    if shut:
        told = f"needs {clean(shut[0].name, 40)}, which is {clean(closed_words(shut[0], case.now), 80)}"
        more = [node.name for node in shut[1:]]
        return told + (f"; {names(more)} too" if more else "")
    if strange:
        return f"needs {names(strange)}, which Slurm does not list (any more)"
    if case.said.nodes and nodes:
        again = "it takes jobs again" if len(named) == 1 else "they take jobs again"
        return f"Slurm found {names(named)} not available; {again}: it is looked at in the scheduler's next round"
    return ""


def dependency_text(case: Case) -> str:
    """`waits for job 812 (ana, llama-ft) to end well: running, at most 2 h 10 left`."""
    lines = list(_dependencies(case))
    if not lines:
        return ""
    more = f"; and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"waits for {lines[0]}{more}"


def dependency_lines(case: Case) -> tuple[str, ...]:
    """All it waits for, where that is more than one."""
    lines = list(_dependencies(case))
    if len(lines) < 2:
        return ()
    any_of = "any one of them is enough" if "?" in (case.job.dependency or "") else "all of them must come true"
    return (*(f"waits for {line}" for line in lines[:8]), any_of)


def never_text(case: Case) -> str:
    """Which job ended the other way, and how."""
    failed = list(_dependencies(case, failed=True))
    return f"can never start: waited for {failed[0]}" if failed else ""


def _dependencies(case: Case, *, failed: bool = False) -> Iterator[str]:
    """Each job it depends on and has not got yet; with `failed` only those that can no longer come true."""
    found = _DEPENDENCY.findall(case.job.dependency or "")
    broken = [row for row in found if row[2] == "(failed)"]
    for kind, ids, state in broken if failed and broken else found:
        if state == "(fulfilled)":
            continue
        if kind == "singleton":
            yield f"{clean(case.job.user, 32)}'s other jobs named {clean(case.job.name, 40)}"
            continue
        for one in ids.split(":"):
            name, _, delay = one.split("(")[0].partition("+")
            if name:
                wait = f", and {delay} min more" if delay.isdigit() else ""
                yield f"{_named(case, name)} {_ASKS[kind]}{wait}: {_state(case, name)}"


def _named(case: Case, name: str) -> str:
    return f"job {case.who(name)}" if name.isdigit() else f"jobs {clean(name, 40)}"


def _state(case: Case, name: str) -> str:
    """How the jobs of a dependency stand: one job, or the tasks of an array by their states."""
    jobs = case.supply.picture.jobs or {}
    one = jobs.get(name)
    if one is not None:
        return _one_state(one, case.now)
    array = name.partition("_")[0]
    tasks = case.supply.tasks.get(int(array), ()) if array.isdigit() else ()
    if not tasks:
        return "not in the queue"
    states = Counter(job.state.lower() for job in tasks)
    return ", ".join(f"{number:,} {clean(state, 20)}" for state, number in states.most_common(3))


def _one_state(job: SlurmJob, now: float) -> str:
    word = next(text for _, text in job_state_lines(job.state, ()))
    if job.is_running and job.end_at is not None and job.end_at > now:
        return f"it {word}, at most {span(job.end_at - now)} more"
    return f"it {word}"
