"""What happened, as frames of a recording: cleaned of secrets always, and of names where that is wished.

With names hidden, readings are kept as they were understood and not the answers they were made of: in the free text of
an answer a name can hide that nobody knows for one. Runs on one thread at a time, beside the loop.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import pairwise
from typing import Any

from app.domain.codec import WIRE_VERSION, encode, json_pieces
from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.services.recorder.bodies import BodyWriter, is_left
from app.services.recorder.container import Frame, Packer
from app.services.recorder.happenings import Begin, Happening, Heard, Look, Tick
from app.services.recorder.sheets import SheetWriter
from app.services.report_mask import Mask, bare

_LINES = frozenset(("host", "page", "machine", "node", "queue", "nodes", "partitions", "mark"))
"""Parts that come often, and much alike."""
_CONSTANT = frozenset(("host", "node", "mark"))
"""Parts that stay as they are; written once a segment."""
_EACH = frozenset(("new jobs", "log", "kind"))
"""Parts of which each answer is of its own: what a log said once is not said again."""
_FOLLOWED = "details"
_SINGLES, _MOST_SINGLES = "new jobs", 500
"""Answers about single jobs, which count until all are asked about again."""


@dataclass(slots=True)
class _Source:
    """What a segment needs to know of a source to go on with it."""

    heard: SourceSpec
    """As it came."""
    spec: SourceSpec
    """As it is told."""
    parts: dict[str, SheetWriter] = field(default_factory=dict)
    singles: list[bytes] = field(default_factory=list)
    """Deflated answers about single jobs."""
    notes: tuple[str, ...] = ()
    way: str = ""


def _go_on() -> None:
    """Nobody waits."""


class Scribe:
    """Writes happenings down."""

    def __init__(self, mask: Mask, let_go: Callable[[], None] = _go_on) -> None:
        """`let_go` is called between pieces of a long answer, for whoever has to wait for the thread that writes."""
        self._mask = mask
        self._let_go = let_go
        self._packer = Packer()
        self._sources: dict[str, _Source] = {}
        self._told: set[str] = set()
        """Names of the sources whose spec stands in this segment."""
        self._segment = 0

    def packed(self, happenings: Iterable[Happening], now: float) -> Iterator[tuple[bool, bytes]]:
        """Blocks, and whether they begin a segment."""
        all_of_them = tuple(happenings)
        primers = [one for one in all_of_them if isinstance(one, Look) and one.is_primer]
        edges = [at for at, one in enumerate(all_of_them) if isinstance(one, Begin)]
        for start, end in pairwise((0, *edges, len(all_of_them))):
            some, is_last = all_of_them[start:end], end == len(all_of_them)
            begins = bool(some) and isinstance(some[0], Begin)
            if begins:
                self._packer.begin()
                self._segment, self._told = self._segment + 1, set()
            if blocks := self._packer.pack(self._frames(some, primers), now if is_last else all_of_them[end].at):
                yield begins, blocks

    def _frames(self, happenings: Iterable[Happening], primers: Iterable[Look]) -> Iterator[Frame]:
        """A frame for each, made when the one before is packed: whole answers of a large cluster are megabytes."""
        for one in happenings:
            if isinstance(one, Begin):
                yield self._begin(one)
                for primer in primers:
                    self._look(primer)
                yield from self._primers(one.at)
            elif isinstance(one, Look):
                if not one.is_primer:
                    yield self._look(one)
            elif isinstance(one, Tick):
                head = {"t": "tick", "now": one.at, "kind": one.kind}
                yield Frame(head | ({"idle": self._mask.keys(encode(one.idle))} if one.idle else {}))
            else:
                self._sources.pop(one.name, None)
                self._told.discard(one.name)
                yield Frame({"t": "gone", "now": one.at, "name": self._mask(one.name)})

    def _begin(self, one: Begin) -> Frame:
        about = {**one.about, "is_hidden": self._mask.names is not None}
        picture = self._mask.snapshot(one.picture)
        if self._mask.names is None:
            about["notes"] = {key: self._json_text(text) for key, text in one.about.get("notes", {}).items()}
            about["rules"] = [[self._mask(path), self._mask(text)] for path, text in one.about.get("rules", ())]
        else:  # notes and rules name whom they are about in ways that nobody has learned
            about |= {
                "notes": {},
                "rules": [],
                "idle": self._mask.keys(one.about.get("idle", {})),
                "cluster": self._mask(str(one.about.get("cluster", ""))),
            }
        head = {"t": "begin", "now": one.at, "new": one.is_new, "wire": WIRE_VERSION}
        packed = json.dumps(about).encode()
        return Frame({**head, "about_size": len(packed)}, packed, [_json(picture)])

    def _json_text(self, text: str) -> str:
        try:
            return json.dumps(self._mask.json(json.loads(text)), separators=(",", ":"))
        except (ValueError, RecursionError):
            return self._mask(text)

    def _primers(self, at: float) -> Iterator[Frame]:
        """The last answers of each source, whole."""
        for name, source in self._sources.items():
            written = [(part, writer.at, writer.last()) for part, writer in source.parts.items() if writer.at]
            written += [(_SINGLES, at, zlib.decompress(one)) for one in source.singles]
            if not written:
                continue
            for writer in source.parts.values():
                writer.resume(self._segment)
            newest = max(when for _, when, _ in written)
            head = {"t": "look", "now": at, "at": newest, "primer": True, "took": 0.0}
            head |= self._spec(name, source) | _slurm_head(source)
            parts = [[part, when, "full", len(body)] for part, when, body in written]
            yield Frame({**head, "parts": parts}, rest=[body for _, _, body in written])

    def _look(self, one: Look) -> Frame:
        reading = one.arrival.reading
        if self._mask.names is not None:
            reading = self._learned(one.arrival.spec, reading)
        source = self._source(one.arrival.spec)
        head: dict[str, Any] = {"t": "look", "now": one.at, "at": reading.at, "took": round(reading.duration_s, 4)}
        head |= self._spec(one.arrival.spec.name, source)
        if one.arrival.missed_slots:
            head["missed"] = one.arrival.missed_slots
        if reading.error is not None:
            return Frame({**head, "error": self._mask(reading.error)})
        if self._mask.names is not None or not one.answers:
            return Frame({**head, "reading": True}, self._reading(reading))
        if reading.slurm is not None:
            source.notes, source.way = tuple(map(self._mask, reading.slurm.notes)), reading.slurm.way
        parts, bodies = self._bodies(source, one.answers)
        return Frame({**head, **_slurm_head(source), "parts": parts}, rest=bodies)

    def _source(self, spec: SourceSpec) -> _Source:
        """Who was looked at; one that is as before is not looked through again, but where names are learned."""
        known = self._sources.get(spec.name)
        if known is not None and known.heard is spec and self._mask.names is None:
            return known
        told = self._mask.hide(spec)
        if known is None:
            known = self._sources[spec.name] = _Source(spec, told)
        elif known.spec != told:
            self._told.discard(spec.name)
        known.heard, known.spec = spec, told
        return known

    def _reading(self, reading: Reading) -> bytes:
        text = json.dumps(encode(reading), separators=(",", ":"))
        if not is_left(text, self._mask.leaves):
            text = json.dumps(encode(self._mask.hide(reading)), separators=(",", ":"))
        return text.encode()

    def _bodies(self, source: _Source, answers: Iterable[Heard]) -> tuple[list[list[Any]], list[bytes]]:
        parts: list[list[Any]] = []
        bodies: list[bytes] = []
        for one in answers:
            writer = self._writer(source, one.part)
            if one.part in _CONSTANT and writer.stands(one.told, self._segment):
                continue
            mode, written = writer.write(one.told, one.at, self._segment)
            parts.append([one.part, one.at, mode, len(written)])
            bodies.append(written)
            if one.part == _FOLLOWED:
                source.singles.clear()
            elif one.part == _SINGLES and len(source.singles) < _MOST_SINGLES:
                source.singles.append(zlib.compress(written, 1))
        return parts, bodies

    def _leaves(self, text: str) -> bool:
        self._let_go()
        return self._mask.leaves(text)

    def _writer(self, source: _Source, part: str) -> SheetWriter:
        known = source.parts.get(part)
        if known is not None:
            return known
        keeps_lines = part in _LINES or part[:1] == "/"
        made = SheetWriter(BodyWriter(self._mask, self._leaves, keeps_lines=keeps_lines))
        if part not in _EACH:
            source.parts[part] = made
        return made

    def _spec(self, name: str, source: _Source) -> dict[str, Any]:
        """Who it is: in full where the segment does not know yet."""
        if name in self._told:
            return {"s": source.spec.name}
        self._told.add(name)
        return {"spec": encode(source.spec)}

    def _learned(self, spec: SourceSpec, reading: Reading) -> Reading:
        """The reading without what only owners of jobs would write; whom it names is learned."""
        names, slurm = self._mask.names, reading.slurm
        assert names is not None, "names are learned to be hidden"  # noqa: S101 - a mistake of ours
        before = names.count
        names.learn_reading(spec, reading)
        if names.count != before:
            self._mask.forget()
        if slurm is None or not slurm.jobs:
            return reading
        return replace(reading, slurm=replace(slurm, jobs=tuple(map(bare, slurm.jobs))))


def _json(picture: Snapshot) -> bytes:
    text = BytesIO()
    for piece in json_pieces(picture):
        text.write(piece.encode())
    return text.getvalue()


def _slurm_head(source: _Source) -> dict[str, Any]:
    return {"notes": list(source.notes), "way": source.way} if source.way else {}
