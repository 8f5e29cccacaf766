"""What the diagnosis writes down, as notes of the store, and how it is taken up again. Both directions pure.

Each note stands alone: one that cannot be read costs itself, not the others, and is named. Of more than fits the
newest is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from app.domain.codec import decode, encode
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis, Incident
from app.domain.evidence import XidEpisode
from app.domain.finding import Finding
from app.domain.frozen import frozen
from app.engine.diagnosis.memory import Held, Memory, SignKey
from app.engine.diagnosis.state import DiagnosisState, Known
from app.engine.episodes import Episodes
from app.services.log_marks import Mark

PREFIX = "diagnosis."
HEAD, KNOWN, NOW, PAST, SIGNS, EPISODES = (
    f"{PREFIX}{name}" for name in ("head", "known", "now", "past", "signs", "episodes")
)
VERSION = 1
"""Raised when a note changes its meaning; notes of another version are dropped."""
MOST_KNOWN, MOST_FINDINGS, MOST_PAST, MOST_SIGNS, MOST_EPISODES = 10_000, 2_000, 200, 4_000, 2_000

T = TypeVar("T")
_Past = dict[str, tuple[Incident, tuple[Finding, ...]]]


@frozen
class Told:
    """An incident as people know it."""

    incident: Incident
    """With the gravest severity that was told."""
    seen_at: float
    """Epoch seconds when it was there last."""


@frozen
class Kept:
    """All that must survive a kill."""

    state: DiagnosisState = field(default_factory=DiagnosisState)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What could not be read, for the log."""


@frozen
class _Head:
    at: float = 0.0
    last_finding: int = 0
    last_incident: int = 0
    sources: tuple[str, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)


def pack(kept: Kept) -> dict[str, str | None]:
    """All of it as notes."""
    state = kept.state
    heard = tuple(sorted(state.memory.sources))
    head = _Head(state.diagnosis.at, state.last_finding, state.last_incident, heard, kept.marks, kept.told)
    now = replace(state.diagnosis, findings=state.diagnosis.findings[:MOST_FINDINGS], ended=(), past=())
    past = sorted(state.past.items(), key=lambda one: -(one[1][0].ended or 0.0))[:MOST_PAST]
    signs = _newest(state.memory.held.values(), MOST_SIGNS, lambda one: one.last)
    episodes = _newest(state.episodes.known.values(), MOST_EPISODES, lambda one: one.last)
    ids = {one.id for one in episodes}
    return {
        HEAD: _dump(encode(head)),
        KNOWN: _dump(encode(dict(_newest(state.known.items(), MOST_KNOWN, lambda one: one[1].last)))),
        NOW: _dump(encode(now)),
        PAST: _dump(encode([(one, found[:MOST_FINDINGS]) for _, (one, found) in past])),
        SIGNS: _dump(encode(signs)),
        EPISODES: _dump(
            {
                "known": encode(episodes),
                "by_source": {key: one for key, one in state.episodes.by_source.items() if key in ids},
                "newest": [[*key, one] for key, one in state.episodes.newest.items() if one in ids],
            }
        ),
    }


def read(notes: Mapping[str, str]) -> Kept:
    """What notes hold; what cannot be read is left out and named."""
    if HEAD not in notes:
        return Kept()
    book = _Book(notes)
    head = book.part(HEAD, lambda raw: decode(_Head, raw), _Head())
    known: dict[str, Known] = book.part(KNOWN, _known, {})
    now = book.part(NOW, lambda raw: decode(Diagnosis, raw), NO_DIAGNOSIS)
    past: _Past = book.part(PAST, _past, {})
    held: dict[SignKey, Held] = book.part(SIGNS, _held, {})
    episodes = book.part(EPISODES, _episodes, Episodes())
    ended = sorted((one for one, _ in past.values()), key=lambda one: -(one.ended or 0.0))
    now = replace(now, ended=tuple(ended), past=tuple(one for key in ended for one in past[key.id][1]))
    state = DiagnosisState(
        Memory(held, frozenset(head.sources)),
        episodes,
        known,
        now,
        max((head.last_finding, *_numbers(one.id for one in known.values()))),
        max((head.last_incident, *_numbers(one.incident for one in known.values()), *_numbers(past))),
        past,
    )
    return Kept(state, head.marks, head.told, tuple(book.problems))


@dataclass(slots=True)
class _Book:
    notes: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def part(self, key: str, make: Callable[[Any], T], empty: T) -> T:
        """What one note holds; `empty` where it cannot be read, is missing, or is of another version."""
        try:
            raw = json.loads(self.notes[key])
            if raw["v"] != VERSION:
                raise ValueError(f"it is of version {raw['v']}")  # noqa: TRY301 - told as every other trouble
            return make(raw["it"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            self.problems.append(f"{key} cannot be read and is dropped: {error!r}")
            return empty


def _known(raw: Any) -> dict[str, Known]:  # noqa: ANN401 - JSON has no better name
    return {key: decode(Known, one) for key, one in raw.items()}


def _held(raw: Any) -> dict[SignKey, Held]:  # noqa: ANN401 - JSON has no better name
    return {one.sign.key: one for one in decode(tuple[Held, ...], raw)}


def _past(raw: Any) -> _Past:  # noqa: ANN401 - JSON has no better name
    pairs = ((decode(Incident, one), decode(tuple[Finding, ...], found)) for one, found in raw)
    return {one.id: (one, found) for one, found in pairs}


def _episodes(raw: Any) -> Episodes:  # noqa: ANN401 - JSON has no better name
    known = {one.id: one for one in decode(tuple[XidEpisode, ...], raw["known"])}
    newest = {(node, board, int(code)): one for node, board, code, one in raw["newest"]}
    return Episodes(known, {key: dict(one) for key, one in raw["by_source"].items()}, newest)


def _numbers(ids: Iterable[str]) -> list[int]:
    return [int(one[2:]) for one in ids if one[2:].isdigit()]


def _newest(some: Iterable[T], most: int, when: Callable[[T], float]) -> list[T]:
    """The newest of more than fits; in their order where all fit."""
    found = list(some)
    return found if len(found) <= most else list(islice(sorted(found, key=when, reverse=True), most))


def _dump(value: object) -> str:
    return json.dumps({"v": VERSION, "it": value}, separators=(",", ":"))
