"""Frames of a recording as what happened: the other direction of `scribe`. A file may come from anybody.

Whatever cannot be understood is a RecordingError; nothing of a file is run, and what it names is only looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.codec import WIRE_VERSION, decode
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.domain.watched import IdleSpell
from app.services.recorder.bodies import BodyReader
from app.services.recorder.container import Frame, RecordingError, json_of
from app.sources.again import Again, Answer, PastLook, again

LONGEST = 20_000
"""Characters of one text."""
MOST_SOURCES = 20_000
MOST_PARTS = 10_000
"""Answers of one look."""
_ALL = 1e11
"""No moment is as late as this."""


@frozen
class Begun:
    """The beginning of a segment."""

    at: float
    picture: Snapshot
    cluster: str
    interval_s: float
    notes: Mapping[str, str]
    rules: tuple[tuple[str, str], ...]
    is_new: bool
    idle: Mapping[str, IdleSpell] = field(default_factory=dict)
    program: str = ""
    is_hidden: bool = False


@frozen
class Looked:
    """A look at a source, as it was read again."""

    at: float
    spec: SourceSpec
    reading: Reading
    missed: int = 0
    is_primer: bool = False


@frozen
class Ticked:
    """A judge took a step."""

    at: float
    kind: str
    idle: Mapping[str, IdleSpell] = field(default_factory=dict)


@frozen
class Went:
    """A source is configured no longer."""

    at: float
    name: str


Happened = Begun | Looked | Ticked | Went


@dataclass(slots=True)
class _Source:
    spec: SourceSpec
    reader: Again | None
    bodies: dict[str, BodyReader] = field(default_factory=dict)


class Reader:
    """Understands frames, one after the other from the beginning of a segment."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}

    async def happened(self, frame: Frame) -> Happened:
        """What a frame says. Raises RecordingError."""
        try:
            return await self._happened(frame)
        except RecordingError:
            raise
        except Exception as error:
            raise RecordingError(f"a frame of it makes no sense: {error!r:.200}") from error

    def begun(self, frame: Frame) -> Begun:
        """The beginning of a segment. Raises RecordingError."""
        try:
            return self._begin(_moment(frame.head["now"]), frame)
        except RecordingError:
            raise
        except Exception as error:
            raise RecordingError(f"its beginning makes no sense: {error!r:.200}") from error

    async def _happened(self, frame: Frame) -> Happened:
        head = frame.head
        at = _moment(head["now"])
        match head["t"]:
            case "look":
                return await self._look(at, frame)
            case "tick":
                return Ticked(at, str(head["kind"]), _idle(head))
            case "begin":
                return self._begin(at, frame)
            case "gone":
                name = clean(str(head["name"]), LONGEST)
                self._sources.pop(name, None)
                return Went(at, name)
        raise RecordingError(f"a frame of it is of an unknown kind {str(head['t'])[:20]!r}")

    def _begin(self, at: float, frame: Frame) -> Begun:
        head, size = frame.head, int(frame.head["about_size"])
        if head.get("wire") != WIRE_VERSION:
            raise RecordingError("it was recorded by a program of another version")
        about = json_of(frame.body[:size])
        interval_s = float(about["interval_s"])
        if not 0.05 <= interval_s <= 86400:
            raise RecordingError("its interval makes no sense")
        if bool(head["new"]):
            self._sources.clear()
        return Begun(
            at,
            decode(Snapshot, _plain(json.loads(frame.body[size:]))),
            clean(str(about["cluster"])),
            interval_s,
            {str(key): _plain_note(str(text)) for key, text in about["notes"].items()},
            tuple((str(path), str(text)) for path, text in about["rules"]),
            bool(head["new"]),
            _idle(about),
            str(about.get("program", "")),
            bool(about.get("is_hidden")),
        )

    async def _look(self, at: float, frame: Frame) -> Looked:
        head = frame.head
        source, when, took = self._source(head), _moment(head["at"]), float(head["took"])
        spec, missed, is_primer = source.spec, int(head.get("missed", 0)), bool(head.get("primer"))
        if "error" in head:
            return Looked(at, spec, Reading.failed(spec.name, when, clean(str(head["error"]), LONGEST), took), missed)
        if "reading" in head:
            return Looked(at, spec, decode(Reading, _plain(json.loads(frame.body))), missed)
        answers = self._answers(source, head["parts"], frame.body)
        if source.reader is None:
            raise RecordingError(f"what it holds of a source of kind {spec.kind!r} cannot be read")
        way, notes = clean(str(head.get("way", ""))), tuple(clean(str(one), LONGEST) for one in head.get("notes", ()))
        reading = await source.reader.read(PastLook(spec, when, took, answers, notes, way))
        return Looked(at, spec, reading, missed, is_primer)

    def _source(self, head: Mapping[str, Any]) -> _Source:
        if "spec" not in head:
            return self._sources[clean(str(head["s"]), LONGEST)]
        spec = decode(SourceSpec, _plain(head["spec"]))
        name: object = spec.name  # as the file has it
        if not isinstance(name, str) or not 0 < float(spec.interval_s) < _ALL:
            raise RecordingError("a source of it makes no sense")
        known = self._sources.get(spec.name)
        if known is None:
            if len(self._sources) >= MOST_SOURCES:
                raise RecordingError("it has more sources than can be")
            known = self._sources[spec.name] = _Source(spec, again(spec.kind))
        known.spec = spec
        return known

    def _answers(self, source: _Source, parts: list[list[Any]], body: bytes) -> tuple[Answer, ...]:
        if len(parts) > MOST_PARTS:
            raise RecordingError("a look of it has more parts than can be")
        made, at = [], 0
        for name, when, mode, size in parts:
            if not (isinstance(name, str) and isinstance(size, int) and 0 <= size <= len(body) - at):
                raise RecordingError("an answer of it is cut off")
            reader = source.bodies.setdefault(name, BodyReader())
            made.append(Answer(name, _moment(when), reader.read(str(mode), body[at : at + size])))
            at += size
        return tuple(made)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no better name
    """JSON whose texts hold nothing that a terminal would obey: a file is from anybody, and its texts are shown."""
    if isinstance(value, str):
        return clean(value, LONGEST)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {clean(key, LONGEST): _plain(one) for key, one in value.items()}
    return value


def _plain_note(text: str) -> str:
    try:
        return json.dumps(_plain(json.loads(text)))
    except ValueError:
        return clean(text, LONGEST)


def when_of(frame: Frame) -> float:
    """Epoch seconds when it happened. Raises RecordingError."""
    return _moment(frame.head.get("now"))


def _idle(head: Mapping[str, Any]) -> Mapping[str, IdleSpell]:
    return {str(place): decode(IdleSpell, one) for place, one in head.get("idle", {}).items()}


def _moment(value: object) -> float:
    """Epoch seconds. Raises RecordingError."""
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value < _ALL:
        raise RecordingError("a time of it makes no sense")
    return float(value)
