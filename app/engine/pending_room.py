"""A job that waits for room: what it needs, what the nodes have free, who is ahead, and when running jobs end. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.naming import clean
from app.engine.fit import Release
from app.engine.pending_case import Case
from app.engine.queue_line import NOBODY
from app.engine.supply import Stock, closed_words
from app.engine.words import clock, count, gpu_word, names, span

_FEW = 4
"""Nodes that a line names."""
_NEXT = ("None", "Resources", "Priority")
"""Reasons of a job that starts as soon as there is room."""


def room_text(case: Case) -> str:
    """`needs 4 H100 on one node; the best has 2; job 812 frees 4 in 1 h 10`; empty where no node of it is known."""
    parts = [case.want.needs]
    ahead = case.supply.ahead(case.job) if case.said.reason.code in ("Priority", "None") else NOBODY
    if ahead:
        parts.insert(0, f"{count(ahead.jobs, 'job')} {'is' if ahead.jobs == 1 else 'are'} ahead")
    if not case.fit.known:
        return "; ".join(parts) if ahead else ""
    parts.append(_state_of_nodes(case, kept=bool(ahead) or case.said.reason.code not in _NEXT))
    release = case.fit.release
    if release is not None and not case.fit.has_room(case.want):
        parts.append(release_text(release, case))
    return "; ".join(part for part in parts if part)


def release_text(release: Release, case: Case) -> str:
    """`job 812 frees 4 in 1 h 10`, `jobs 812 and 815 free 6 by 3 h`."""
    what = f"{release.gpus:,}" if release.gpus else "room"
    left = release.at - case.now
    when = f"in {span(left)}" if left > 0 else "any moment"
    if len(release.jobs) == 1:
        return f"job {clean(release.jobs[0], 40)} frees {what} {when}"
    who = f"jobs {names(release.jobs)}" if len(release.jobs) <= 3 else count(len(release.jobs), "job")
    return f"{who} free {what} {when}"


def _state_of_nodes(case: Case, *, kept: bool) -> str:
    want, fit = case.want, case.fit
    if not fit.able:
        return _never_fits(case)
    if len(fit.able) < want.nodes and not want.is_spread:
        return f"only {count(len(fit.able), 'node')} of {case.partition_names} can do that"
    if len(fit.closed) == len(fit.able):
        return _all_closed(case)
    if len(fit.open) < want.nodes and not want.is_spread:
        takes = "takes" if len(fit.open) == 1 else "take"
        return f"only {len(fit.open):,} of the {len(fit.able):,} nodes for it {takes} jobs"
    if fit.has_room(want):
        where = names([stock.node.name for stock in fit.room], 2)
        return f"there is room on {where}, probably kept for others" if kept else f"there seems to be room on {where}"
    return _too_little(case)


def _too_little(case: Case) -> str:
    """How far the open nodes are from it."""
    want, fit = case.want, case.fit
    if fit.free_gpus is None and want.gpus:
        return "how many are free is not known"
    if fit.starved is not None and not fit.room:
        return _starved(fit.starved, case)
    if not fit.is_sure and want.nodes == 1 and not want.is_spread:
        return f"the best has {fit.best_free:,} at most"
    if want.is_spread:
        return f"{fit.free_gpus:,} free in all, at most {fit.best_free:,} on one node"
    if want.nodes > 1:
        have = "has" if len(fit.room) == 1 else "have"
        return f"{len(fit.room):,} of {count(len(fit.able), 'node')} {have} that free"
    if want.gpus or want.cpus_per_node:
        return f"the best has {fit.best_free:,}"
    return "no node has room"


def _starved(stock: Stock, case: Case) -> str:
    """`gpu-03 has 4 free but only 2 of 64 CPUs`."""
    free = stock.gpus_free(case.want.gpu_type) or 0
    node = stock.node
    cpus = stock.cpus_free
    if cpus is not None and cpus < (case.want.cpus_per_node or 1):
        return f"{clean(node.name, 40)} has {free:,} free, but {cpus:,} of {node.cpus:,} CPUs"
    memory = (stock.memory_free_mib or 0.0) / 1024
    asked = (case.want.memory_per_node_mib or 0.0) / 1024
    return f"{clean(node.name, 40)} has {free:,} free, but {memory:,.0f} G of memory where it asks for {asked:,.0f} G"


def never_fits_text(case: Case) -> str:
    """`needs 9 H100 on one node; no node of gpu has so many: the most on one is 8`; empty where some could."""
    if not case.fit.known or case.fit.able:
        return ""
    return f"{case.want.needs}; {_never_fits(case)}"


def _never_fits(case: Case) -> str:
    want, fit = case.want, case.fit
    admitted = [stock for stock in fit.known if want.admits(stock.node) is not False]
    if not admitted:
        why = f"feature {clean(want.features or '', 40)}" if want.features else "its list of nodes"
        return f"no node of {case.partition_names} fits {why}"
    if want.at_least_per_node:
        most = max(stock.gpus(want.gpu_type) for stock in admitted)
        if most < want.at_least_per_node:
            word = gpu_word(want.gpu_type, most)
            has = f"the most on one is {most:,}" if most else f"none has {word}"
            return (
                f"no node of {case.partition_names} has so many: {has}" if most else f"{has} in {case.partition_names}"
            )
    return f"no node of {case.partition_names} is large enough in CPUs and memory"


def _all_closed(case: Case) -> str:
    closed = case.fit.closed
    if len(closed) == 1:
        node = closed[0].node
        return f"the only node for it, {clean(node.name, 40)}, is {clean(closed_words(node, case.now), 60)}"
    return f"all {len(closed):,} nodes for it take no jobs: {names([stock.node.name for stock in closed])}"


def room_lines(case: Case) -> Iterator[str]:
    """The numbers behind it, line by line."""
    yield from _ahead_lines(case)
    yield from _node_lines(case)
    yield from _release_lines(case)
    want = case.want
    for part in case.partitions:
        limit = part.time_limit_s
        if limit is not None and case.job.time_limit_s is not None and case.job.time_limit_s > limit:
            yield f"it asks for {span(case.job.time_limit_s)}; partition {part.name} allows {span(limit)}"
    if want.features:
        unsure = "" if all(want.admits(stock.node) is not None for stock in case.fit.known) else ", not checked here"
        yield f"only nodes with {clean(want.features, 60)}{unsure}"
    if want.required:
        yield f"only with {names(want.required)}"
    if want.excluded:
        yield f"not on {names(want.excluded)}"
    if want.reservation:
        yield f"in reservation {clean(want.reservation, 40)}"


def _ahead_lines(case: Case) -> Iterator[str]:
    ahead = case.supply.ahead(case.job)
    if not ahead:
        return
    asked = f", asking for {count(ahead.gpus, 'GPU')}" if ahead.gpus else ""
    verb = "waits" if ahead.jobs == 1 else "wait"
    yield f"{count(ahead.jobs, 'job')} of higher priority {verb} in {case.partition_names}{asked}"
    yield f"first in line: job {case.who(ahead.first)}"


def _node_lines(case: Case) -> Iterator[str]:
    want, fit = case.want, case.fit
    if fit.open and want.gpus:
        frees = [(stock.node.name, stock.gpus_free(want.gpu_type)) for stock in fit.open[:_FEW]]
        shown = ", ".join(f"{clean(name, 40)} {'?' if free is None else free}" for name, free in frees)
        more = f" and {len(fit.open) - _FEW:,} more" if len(fit.open) > _FEW else ""
        of = f"{len(fit.open):,} of {count(len(fit.known), 'node')} of {case.partition_names} can run it"
        yield f"{of}; free {gpu_word(want.gpu_type)}: {shown}{more}"
    for stock in fit.closed[:_FEW]:
        has = f" ({stock.gpus(want.gpu_type)} {gpu_word(want.gpu_type)})" if want.gpus else ""
        yield f"{clean(stock.node.name, 40)}{has} takes no jobs: {clean(closed_words(stock.node, case.now), 100)}"
    if len(fit.closed) > _FEW:
        yield f"{len(fit.closed) - _FEW:,} more nodes take no jobs"


def _release_lines(case: Case) -> Iterator[str]:
    release = case.fit.release
    if case.fit.has_room(case.want):
        if case.supply.ahead(case.job):
            return
        yield "if it does not start soon, what is not shown here keeps it: exclusive nodes, sockets, licences, switches"
        return
    if release is None:
        return
    jobs = [case.who(one) for one in release.jobs[:_FEW]]
    at = clock(max(release.at, case.now), case.now, case.zone)
    yield f"room by {at} at the latest, when time is up for {names(jobs, _FEW)}"
    if case.supply.ahead(case.job):
        yield "those ahead may take that room first"
