"""What logs say, put into the snapshot: the newest evidence, Xids at their GPUs, and events for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from app.domain.boards import Boards
from app.domain.evidence import LogEvidence
from app.domain.naming import clean
from app.domain.reading import XidCount
from app.domain.series import FLEET, Event, Subject
from app.domain.snapshot import Gpu, Node, Snapshot

MOST_KEPT = 2000
"""Pieces of evidence a snapshot holds; the oldest go first."""
MOST_EVENTS = 20
"""Events of one kind that one look tells of; more are told as a number."""
_TOLD = frozenset(
    ("xid", "host.boot", "host.shutdown", "fs.nfs_ok", "fs.lustre_ok", "nic.link_up", "vllm.starting", "vllm.ready")
    + ("slurm.time_limit", "gpu.driver_loaded")
)
"""Kinds that are events although they are only information; the rest of it is kept for the diagnosis, and silent."""


def apply_logs(before: Snapshot, said: Sequence[LogEvidence], at: float) -> tuple[Snapshot, tuple[Event, ...]]:
    """The snapshot with what logs said, and the events of what is news in it."""
    boards = Boards(before, at)
    kept = (*before.logs, *said)[-MOST_KEPT:]
    after = replace(before, logs=kept, logs_count=before.logs_count + len(said))
    placed = [(one, boards.gpu(one.node, one.pci, one.uuid, one.gpu)) for one in said]
    after = _with_xids(after, placed)
    events = (_event(one, gpu, boards) for one, gpu in placed if _is_news(one))
    return after, tuple(_bounded(events, at))


def new_evidence(before: int, snapshot: Snapshot) -> tuple[LogEvidence, ...]:
    """What came since a snapshot whose `logs_count` was `before`; what is no longer held is left out."""
    more = snapshot.logs_count - before
    if more <= 0:
        return ()
    return snapshot.logs[-more:] if more < len(snapshot.logs) else snapshot.logs


def _with_xids(snapshot: Snapshot, placed: Iterable[tuple[LogEvidence, Gpu | None]]) -> Snapshot:
    """The snapshot with the Xids that logs told at their GPUs."""
    changed: dict[str, dict[int, dict[int, XidCount]]] = {}
    for one, gpu in placed:
        if one.kind != "xid" or one.code is None or gpu is None:
            continue
        known = changed.setdefault(gpu.node, {}).setdefault(gpu.index, {two.code: two for two in gpu.log_xids})
        was = known.get(one.code)
        last_at = max(one.at, was.last_at or 0.0) if was else one.at
        known[one.code] = XidCount(one.code, (was.count if was else 0) + one.repeats, last_at)
    if not changed:
        return snapshot
    nodes = {
        name: _with_counts(node, changed[name]) if name in changed else node for name, node in snapshot.nodes.items()
    }
    return replace(snapshot, nodes=nodes)


def _with_counts(node: Node, told: dict[int, dict[int, XidCount]]) -> Node:
    gpus = tuple(
        replace(gpu, log_xids=tuple(told[gpu.index][code] for code in sorted(told[gpu.index])))
        if gpu.index in told
        else gpu
        for gpu in node.gpus
    )
    return replace(node, gpus=gpus)


def _is_news(one: LogEvidence) -> bool:
    return not one.is_history and (one.severity != "info" or one.kind in _TOLD)


def _event(one: LogEvidence, gpu: Gpu | None, boards: Boards) -> Event:
    again = f" ×{one.repeats}" if one.repeats > 1 else ""
    who = gpu.id if gpu is not None else boards.node(one.node) or one.source
    if one.kind == "xid":
        board = f" ({one.pci})" if gpu is None and one.pci else ""
        what = f"Xid {one.code}{again}{board}: {_words(one.text)}"
    else:
        what = f"{one.text}{again}"
    return Event(one.at, f"log.{one.kind}", one.severity, _subject(one, gpu, boards), f"{who} {clean(what, 300)}")


def _words(text: str) -> str:
    """An Xid line without its head, which the event says better."""
    return text.partition("): ")[2].partition(", ")[2] or text


def _subject(one: LogEvidence, gpu: Gpu | None, boards: Boards) -> Subject:
    if gpu is not None:
        return Subject("gpu", node=gpu.node, index=gpu.index)
    if one.kind.startswith(("vllm.", "cuda.", "nccl.")) and not one.node:
        return Subject("service", key=one.source)
    if one.node:
        return Subject("node", node=boards.node(one.node))
    return Subject("job", key=one.job) if one.job else FLEET


def _bounded(events: Iterable[Event], at: float) -> Iterator[Event]:
    """A storm told as a number."""
    by_kind: dict[str, int] = {}
    left: dict[str, int] = {}
    for event in events:
        by_kind[event.kind] = by_kind.get(event.kind, 0) + 1
        if by_kind[event.kind] <= MOST_EVENTS:
            yield event
        else:
            left[event.kind] = left.get(event.kind, 0) + 1
    for kind, count in left.items():
        yield Event(at, kind, "info", FLEET, f"{count} more of {kind} in the same look")
