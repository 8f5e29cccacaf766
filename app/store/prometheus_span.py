"""Pieces of a Prometheus server's past: which grain answers a question, in what pieces it is fetched and remembered.

The grains are SQLite's levels: samples, minutes, quarters of an hour. Pieces are aligned to the epoch, so that the
same piece serves every question that touches it; one whose end is still to come is remembered for a moment only. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from app.domain.metric import Metric
from app.domain.past import Piece, Place
from app.domain.reading import Reading, SourceSpec
from app.domain.series import Event, Subject

Grain = Literal[0, 60, 900]
"""Seconds a span covers; 0: samples."""
PIECE_S: dict[Grain, int] = {0: 7200, 60: 43_200, 900: 30 * 86_400}
"""Seconds of one piece: 720 minutes or 2,880 quarters, far below the 11,000 points that a server gives at once."""
RAW_REACH_S = 6 * 3600.0
"""A question that reaches further is answered from minutes, where its spans are as wide."""
MOST_RAW_S = 3 * 86_400.0
"""Samples are given for so long at most; further, spans are a minute wide at least."""
MINUTE_REACH_S = 14 * 86_400.0
LATE_S = 300.0
"""A piece is complete when it ended so long ago: agents that send later are seen by the next question."""
FRESH_S = 5.0
"""An incomplete piece is asked for anew after this."""
MOST_PIECES = 512


class Past(Protocol):
    """What a server's series mean; implemented where the adapters are."""

    async def places(self, subject: Subject, metric: Metric, start: float, end: float) -> tuple[Place, ...]:
        """The targets that knew of a subject and the metric; LookupError, for a person, for one not known."""

    async def pieces(self, place: Place, metric: Metric, grain: Grain, start: float, end: float) -> tuple[Piece, ...]:
        """Every subject's values at one target, within start…end. Raises LookupError."""

    async def fleet(self, metric: Metric, grain: Grain, step_s: float, start: float, end: float) -> tuple[Piece, ...]:
        """The fold over all GPUs, at `step_s`. Raises LookupError."""

    async def readings(self, when: float) -> Sequence[tuple[SourceSpec, Reading]]:
        """What every target said at a time."""

    async def moments(self, start: float, end: float, step_s: float) -> tuple[float, ...]:
        """Times at which the server had something."""

    async def events(self, start: float, end: float) -> Sequence[Event]:
        """Alerts of the server's own that began and ended."""


def grain_of(step_s: float, start: float, end: float) -> tuple[Grain, float]:
    """The grain that answers, and the width of spans that can be given: wider where so many would be too much."""
    span_s = end - start
    if span_s <= RAW_REACH_S or (step_s < 60 and span_s <= MOST_RAW_S):
        return 0, step_s
    if span_s <= MINUTE_REACH_S:
        return 60, _widened(step_s, 60)
    return 900, _widened(step_s, 900)


def _widened(step_s: float, least_s: int) -> float:
    return float(max(1, math.ceil(step_s / least_s)) * least_s)


def cuts(start: float, end: float, grain: Grain) -> Iterator[tuple[float, float]]:
    """The pieces that a question touches."""
    width = PIECE_S[grain]
    at = math.floor(start / width) * width
    while at < end:
        yield float(at), float(at + width)
        at += width
