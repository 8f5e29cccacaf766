"""The parts of a picture that are not numbers: who there is, and how it stands. Kept when they change, read as of then.

A part is the cluster's frame, a source, a node with its GPUs, a service, Slurm's frame, or a node as Slurm sees it
(jobs have a table of their own, `app.store.jobs`); a version of it is kept when something in
it changed, so that a quiet fleet costs nothing. Values, processes, times of the last look and remarks that come with
every reading are no part of it: values are in the tracks, and `app.store.past` puts both together again.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import fields, replace
from operator import attrgetter
from typing import TypeVar, assert_never

from app.domain.codec import decode, encode
from app.domain.naming import natural
from app.domain.slurm import SlurmNode, SlurmPicture
from app.domain.snapshot import Gpu, Node, Service, Snapshot, SourceState
from app.store.jobs import JobBook, jobs_at
from app.store.shelves import storable

CLUSTER, SOURCE, NODE, SERVICE = "cluster", "source", "node", "service"
SLURM, SLURM_NODE = "slurm", "slurm-node"

_GPU_PASSING = frozenset({"layers", "processes", "processes_at", "mig", "seen_at", "note"})
_gpu_lasting = attrgetter(*(one.name for one in fields(Gpu) if one.name not in _GPU_PASSING))
_NODE_PASSING = frozenset({"layers", "gpus"})
_node_lasting = attrgetter(*(one.name for one in fields(Node) if one.name not in _NODE_PASSING))
_FRAME_PASSING = frozenset({"version", "at", "sources", "nodes", "services", "slurm"})
_frame_lasting = attrgetter(*(one.name for one in fields(Snapshot) if one.name not in _FRAME_PASSING))
_SLURM_PASSING = frozenset({"jobs", "nodes", "counts", "notes", "at"})
_slurm_lasting = attrgetter(*(one.name for one in fields(SlurmPicture) if one.name not in _SLURM_PASSING))
_SLURM_NODE_PASSING = frozenset({"cpu_load", "memory_free_mib", "busy_at"})
_slurm_node_lasting = attrgetter(*(one.name for one in fields(SlurmNode) if one.name not in _SLURM_NODE_PASSING))
Part = Snapshot | SourceState | Node | Service | SlurmPicture | SlurmNode
PartKey = tuple[str, str]
"""Kind, and name within it."""
_T = TypeVar("_T")


def lasting_node(node: Node) -> object:
    """What must change for a node to be kept anew. Compares fast: nearly all of it is shared with the one before."""
    return _node_lasting(node), tuple(
        (
            _gpu_lasting(gpu),
            gpu.note if gpu.is_lost else None,
            tuple((one.id, one.profile, one.uuid) for one in gpu.mig),
        )
        for gpu in node.gpus
    )


def lasting_source(state: SourceState) -> object:
    """What must change for a source to be kept anew: not its counts, which differ with every page."""
    page = state.page
    said = None if page is None else (page.flavour, tuple(name for name, _ in page.unknown), page.bad_lines > 0)
    return state.spec, state.error, said


def parts_of(snapshot: Snapshot) -> Iterator[tuple[PartKey, object, Part]]:
    """(key, what must change for it to be kept anew, the part) of every part of a picture."""
    yield (CLUSTER, ""), _frame_lasting(snapshot), snapshot
    for name, state in snapshot.sources.items():
        yield (SOURCE, storable(name)), lasting_source(state), state
    for name, node in snapshot.nodes.items():
        yield (NODE, storable(name)), lasting_node(node), node
    for name, service in snapshot.services.items():
        yield (SERVICE, storable(name)), (service.kind, service.target, service.model, service.facts), service
    if snapshot.slurm is not None:
        yield (SLURM, ""), _slurm_lasting(snapshot.slurm), snapshot.slurm
        for name, told in snapshot.slurm.nodes.items():
            yield (SLURM_NODE, storable(name)), _slurm_node_lasting(told), told


LOGS_KEPT = 200
"""Pieces of evidence a stored picture holds: each is written again at every news."""


def bare(part: Part) -> Part:
    """A part without values."""
    match part:
        case Node():
            return replace(part, layers=(), gpus=tuple(map(_bare_gpu, part.gpus)))
        case Service():
            return replace(part, layers=())
        case Snapshot():
            return replace(
                part, version=0, at=0.0, sources={}, nodes={}, services={}, slurm=None, logs=part.logs[-LOGS_KEPT:]
            )
        case SlurmPicture():
            return replace(part, jobs={} if part.jobs is not None else None, nodes={}, counts={}, notes=(), at=0.0)
        case SourceState() | SlurmNode():
            return part
        case _:
            assert_never(part)


def _bare_gpu(gpu: Gpu) -> Gpu:
    slices = tuple(replace(one, layers=()) for one in gpu.mig)
    return replace(gpu, layers=(), processes=None, processes_at=None, mig=slices)


def _body(part: Part) -> bytes:
    return zlib.compress(json.dumps(encode(bare(part)), separators=(",", ":")).encode(), 6)


class PictureBook:
    """What of the last picture is in the store already; used on the writer's thread."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._numbers = _numbers(db)
        self._kept: dict[PartKey, object] = {}
        self._written: set[PartKey] = set()
        """Those of which this tick has written a version."""
        self._gone: set[PartKey] = set()
        self._tried: dict[str, float | None] = {}
        self._seen: list[str] = []
        """Sources whose looks are new with this tick."""
        self._jobs = JobBook(db)
        self._has_written_jobs = False

    def begin(self) -> None:
        """Begin a tick: what comes from now on can be taken back."""
        self._written.clear()
        self._seen.clear()
        self._has_written_jobs = False

    def undo(self, db: sqlite3.Connection) -> None:
        """Take this tick back: the store does not have it, the next one is to write again what it brought."""
        if self._written:
            self._numbers = _numbers(db)
            self._gone -= self._written
            for key in self._written:
                self._kept.pop(key, None)
        for name in self._seen:
            self._tried.pop(name, None)
        if self._has_written_jobs:
            self._jobs = JobBook(db)

    def has_seen(self, state: SourceState) -> bool:
        """Whether this look at a source was seen before; from now on it was."""
        name, tried = state.spec.name, state.tried_at
        if self._tried.get(name) == tried:
            return True
        self._tried[name] = tried
        self._seen.append(name)
        return False

    def keep(self, db: sqlite3.Connection, at: float, snapshot: Snapshot) -> None:
        """Keep a version of every part that changed since the picture before."""
        present: set[PartKey] = set()
        for key, lasting, part in parts_of(snapshot):
            present.add(key)
            if key in self._kept and self._kept[key] == lasting:
                continue
            self._write(db, key, at, _body(part))
            self._kept[key] = lasting
        for key in (self._numbers.keys() | self._kept.keys()) - present - self._gone:
            self._write(db, key, at, None)
            self._kept.pop(key, None)
            self._gone.add(key)
        self._gone -= present
        before, self._has_written_jobs = db.total_changes, True  # and so it is where this raises
        self._jobs.keep(db, at, snapshot)
        self._has_written_jobs = db.total_changes > before

    def _write(self, db: sqlite3.Connection, key: PartKey, at: float, body: bytes | None) -> None:
        self._written.add(key)
        if key not in self._numbers:
            made = db.execute("INSERT INTO part (kind, key) VALUES (?, ?)", key)
            self._numbers[key] = made.lastrowid or 0
        db.execute("INSERT OR REPLACE INTO version (part, at, body) VALUES (?, ?, ?)", (self._numbers[key], at, body))


def _numbers(db: sqlite3.Connection) -> dict[PartKey, int]:
    return {(kind, key): number for number, kind, key in db.execute("SELECT id, kind, key FROM part")}


def parts_at(db: sqlite3.Connection, when: float) -> Snapshot | None:
    """The picture without values, as of the newest version of each part not after `when`; None before the first one.

    A version that cannot be read is left out.
    """
    rows = db.execute(
        "SELECT part.kind, part.key, version.body FROM part JOIN version ON version.part = part.id AND version.at ="
        " (SELECT max(v.at) FROM version AS v WHERE v.part = part.id AND v.at <= ?) ORDER BY part.id",
        (when,),
    )
    frame: Snapshot | None = None
    sources: dict[str, SourceState] = {}
    nodes: dict[str, Node] = {}
    services: dict[str, Service] = {}
    slurm: SlurmPicture | None = None
    slurm_nodes: dict[str, SlurmNode] = {}
    for kind, key, body in rows:
        if body is None:
            continue
        try:
            if kind == CLUSTER:
                frame = _part(Snapshot, body)
            elif kind == SOURCE:
                sources[key] = _part(SourceState, body)
            elif kind == NODE:
                nodes[key] = _part(Node, body)
            elif kind == SERVICE:
                services[key] = _part(Service, body)
            elif kind == SLURM:
                slurm = _part(SlurmPicture, body)
            elif kind == SLURM_NODE:
                slurm_nodes[key] = _part(SlurmNode, body)
        except (zlib.error, ValueError, TypeError, KeyError):
            continue
    if frame is None and not nodes:
        return None
    if slurm is not None:
        told = dict(sorted(slurm_nodes.items(), key=lambda item: natural(item[0])))
        slurm = replace(slurm, nodes=told, jobs=None if slurm.jobs is None else jobs_at(db, when))
    nodes = dict(sorted(nodes.items(), key=lambda item: natural(item[0])))
    return replace(frame or Snapshot(), sources=sources, nodes=nodes, services=services, slurm=slurm)


def _part(kind: type[_T], body: bytes) -> _T:
    return decode(kind, json.loads(zlib.decompress(body)))
