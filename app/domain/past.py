"""Pieces of the past that come from somebody else's server: where a subject's samples are, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.frozen import frozen
from app.domain.series import Subject


class ServerSilentError(LookupError):
    """The server gave no answer, or refused one; the message is for a person."""


@frozen
class Place:
    """A target of a Prometheus server that knows of a subject."""

    job: str
    instance: str
    interval_s: float
    """Between two scrapes."""
    names: tuple[str, ...]
    """Of its series that a metric needs."""
    identities: tuple[str, ...]
    """Of those that say who is who."""
    labels: tuple[tuple[str, str], ...] = ()
    """Of one of its series."""


@frozen
class Piece:
    """One subject's values of one metric in one piece of time."""

    subject: Subject
    uuid: str | None
    rank: int
    """How far down the order of belief its source stands."""
    times: Sequence[float]
    """Of samples; of spans their beginning."""
    means: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
