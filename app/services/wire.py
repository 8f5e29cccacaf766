"""What a daemon and those attached to it say to each other: one JSON object an event, in both directions pure."""

from __future__ import annotations

import binascii
import json
import zlib
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from app.domain.codec import WIRE_VERSION, decode, encode
from app.domain.pieces import Pieces, whole
from app.domain.reading import Reading, SourceSpec
from app.domain.series import Event, Point, Series, Subject
from app.domain.snapshot import Node, Snapshot, SourceState
from app.domain.watched import Watched
from app.services import json_pieces
from app.services.board import Arrival
from app.store.history import StoreHealth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.alerts_now import AlertsNow
    from app.domain.diagnosis import Diagnosis
    from app.domain.slurm import SlurmJob

T = TypeVar("T")
DEFLATED = "deflated"
"""Name of the event of a stream whose data are other events, deflated."""
CURRENT = "current"
"""Name of what says that the picture, which many share, and all that came since have been told."""
MOST_INFLATED = 256 << 20
"""Bytes of events in one; a picture of 8,192 GPUs has nine million."""
_CURRENT = f": {CURRENT}".encode()
"""A comment of the stream, for those who know what it means."""
_LEVEL = 1
"""The quickest: what is sent is mostly names that come again and again, and these it finds as well as the best does."""


_PICTURE = {
    "nodes": json_pieces.Large(make=partial(decode, Node)),
    "sources": json_pieces.Large(make=partial(decode, SourceState)),
}
_LARGE = json_pieces.Large({"snapshot": json_pieces.Large(_PICTURE)})
"""What grows with the fleet in a snapshot."""


class WireError(Exception):
    """The other side speaks another version, or nonsense; the message is for a person."""


def pack_snapshot(snapshot: Snapshot) -> str:
    """A whole snapshot as one line of JSON."""
    return _dump({"wire": WIRE_VERSION, "snapshot": encode(snapshot)})


def unpack_snapshot(text: str | bytes) -> Snapshot:
    """The snapshot of `pack_snapshot`. Raises WireError."""
    return whole(snapshot_pieces(text))


def snapshot_pieces(text: str | bytes) -> Pieces[Snapshot]:
    """As `unpack_snapshot`, a few nodes a piece."""
    try:
        raw = yield from json_pieces.read(text.decode() if isinstance(text, bytes) else text, _LARGE)
        _check(raw)
        parts = {name: raw["snapshot"].pop(name, {}) for name in ("nodes", "sources")}
        return replace(decode(Snapshot, raw["snapshot"]), **parts)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        _load(text)  # it may be no JSON at all, or of another version: then that is what to say
        raise _unreadable(error) from error


def pack_arrival(arrival: Arrival) -> str:
    """One reading with its source as one line of JSON."""
    return _dump(
        {
            "wire": WIRE_VERSION,
            "spec": encode(arrival.spec),
            "reading": encode(arrival.reading),
            "missed": arrival.missed_slots,
        }
    )


def unpack_arrival(text: str | bytes) -> Arrival:
    """The reading of `pack_arrival`. Raises WireError."""
    raw = _load(text)
    return Arrival(_decode(SourceSpec, raw["spec"]), _decode(Reading, raw["reading"]), int(raw.get("missed", 0)))


def pack_series(series: Series) -> str:
    """A series as one line of JSON."""
    points = [[p.at, p.mean, p.low, p.high] for p in series.points]
    return _dump({"wire": WIRE_VERSION, "series": {**encode(series), "points": points}})


def unpack_series(text: str | bytes) -> Series:
    """The series of `pack_series`. Raises WireError."""
    raw = _load(text)["series"]
    points = tuple(Point(at, mean, low, high) for at, mean, low, high in raw["points"])
    return Series(
        subject=_decode(Subject, raw["subject"]),
        metric=raw["metric"],
        unit=raw["unit"],
        start=raw["start"],
        end=raw["end"],
        step_s=raw["step_s"],
        points=points,
    )


def pack_events(events: tuple[Event, ...]) -> str:
    """Events as one line of JSON."""
    return _dump({"wire": WIRE_VERSION, "events": [encode(one) for one in events]})


def unpack_events(text: str | bytes) -> tuple[Event, ...]:
    """The events of `pack_events`. Raises WireError."""
    return tuple(_decode(Event, one) for one in _load(text)["events"])


def pack_jobs(jobs: tuple[SlurmJob, ...]) -> str:
    """Jobs as one line of JSON."""
    return _dump({"wire": WIRE_VERSION, "jobs": [encode(one) for one in jobs]})


def unpack_jobs(text: str | bytes) -> tuple[SlurmJob, ...]:
    """The jobs of `pack_jobs`. Raises WireError."""
    from app.domain.slurm import SlurmJob  # noqa: PLC0415 - only a cluster with Slurm pays for it

    return tuple(_decode(SlurmJob, one) for one in _load(text)["jobs"])


def pack_watched(watched: Watched) -> str:
    """What was watched as one line of JSON."""
    return _dump({"wire": WIRE_VERSION, "watched": encode(watched)})


def unpack_watched(text: str | bytes) -> Watched:
    """The value of `pack_watched`. Raises WireError."""
    return _decode(Watched, _load(text)["watched"])


def pack_alerts(alerts: AlertsNow) -> str:
    """What an evaluation left as one line of JSON."""
    return _dump({"wire": WIRE_VERSION, "alerts": encode(alerts)})


def unpack_alerts(text: str | bytes) -> AlertsNow:
    """The value of `pack_alerts`. Raises WireError."""
    from app.domain.alerts_now import AlertsNow  # noqa: PLC0415 - only who asks for alerts pays for it

    return _decode(AlertsNow, _load(text)["alerts"])


def pack_diagnosis(diagnosis: Diagnosis | None) -> str:
    """A diagnosis as one line of JSON; None: the one that is known already."""
    return _dump({"wire": WIRE_VERSION, "diagnosis": None if diagnosis is None else encode(diagnosis)})


def mark_of(diagnosis: Diagnosis) -> str:
    """What tells one diagnosis of a daemon from its next; a step that failed adds a blind spot and keeps the time."""
    return f"{diagnosis.at!r}/{len(diagnosis.blind)}"


def unpack_diagnosis(text: str | bytes) -> Diagnosis | None:
    """The value of `pack_diagnosis`. Raises WireError."""
    from app.domain.diagnosis import Diagnosis  # noqa: PLC0415 - only who asks for a diagnosis pays for it

    raw = _load(text)["diagnosis"]
    return None if raw is None else _decode(Diagnosis, raw)


def pack_health(health: StoreHealth) -> str:
    """The store's health as one line of JSON."""
    return _dump({"wire": WIRE_VERSION, "store": asdict(health)})


def unpack_health(text: str | bytes) -> StoreHealth:
    """The health of `pack_health`. Raises WireError."""
    return _decode(StoreHealth, _load(text)["store"])


def deflate(events: bytes) -> bytes:
    """Events of a stream as the data of one."""
    return binascii.b2a_base64(zlib.compress(events, _LEVEL), newline=False)


def inflate(data: bytes) -> bytes:
    """The events of `deflate`. Raises WireError."""
    inflating = zlib.decompressobj()
    try:
        events = inflating.decompress(binascii.a2b_base64(data), MOST_INFLATED)
    except (binascii.Error, zlib.error) as error:
        raise WireError(f"the daemon's stream cannot be read: {error}") from error
    if not inflating.eof:
        raise WireError("the daemon's stream cannot be read: an event is cut, or too large")
    return events


class EventParts:
    """Puts the lines of a stream together to events, also those that come deflated in one."""

    def __init__(self) -> None:
        self._name = ""

    def of(self, line: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that a line makes whole, as (name, data). Raises WireError."""
        if line == _CURRENT:
            yield CURRENT, b""
        elif line.startswith(b"event: "):
            self._name = line[7:].decode("utf-8", "replace")
        elif line.startswith(b"data: "):
            if self._name == DEFLATED:
                inner = EventParts()
                for each in inflate(line[6:]).split(b"\n"):
                    yield from inner.of(each)
            else:
                yield self._name, line[6:]


def _dump(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=True)


def _load(text: str | bytes) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise WireError(f"the daemon's answer is not JSON: {error}") from error
    _check(raw)
    found: dict[str, Any] = raw
    return found


def _check(raw: object) -> None:
    if not isinstance(raw, dict) or raw.get("wire") != WIRE_VERSION:
        raise WireError("the daemon is of another version: restart it, or upgrade this program")


def _decode(kind: type[T], raw: object) -> T:
    try:
        return decode(kind, raw)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> WireError:
    return WireError(f"the daemon's answer cannot be read: {error!r}")
