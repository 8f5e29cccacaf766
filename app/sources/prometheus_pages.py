"""The pages of a look at a Prometheus server: rows of samples, target by target, as their exporters sent them. Pure.

All samples of one scrape carry one time. A series whose last sample is older than the target's newest scrape was not on
that page any more, and is left out of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from app.domain.frozen import frozen
from app.sources.prometheus_names import SUMMED, Key, key_of, line_start, page_text
from app.transport.prometheus_answer import Row

SAME_SCRAPE_S = 0.5
"""Samples nearer together than this are of one scrape; where one comes as often, than half its interval."""


class PastPage(NamedTuple):
    """One page of a target, and when it was scraped."""

    at: float
    """Epoch seconds by the server's clock."""
    body: bytes


@frozen
class Seen:
    """What a server has of one target."""

    key: Key
    pages: tuple[PastPage, ...]
    """The newest last; two where the answer held two, so that rates need not wait for the next look."""
    interval_s: float | None
    """Between two scrapes; None where the answer held one alone."""
    labels: Mapping[str, str]
    """Of one of its series: the target's own are on each."""


def pages_of(rows: Iterable[Row], sums: Iterable[tuple[str, Row]], *, want_before: bool) -> dict[Key, Seen]:
    """The pages by target; `sums`: (name, its sum at the time of the look), which goes on the newest page."""
    by_key: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        if row.times:
            by_key[key_of(row.labels)].append(row)
    more: dict[Key, list[tuple[str, Row]]] = defaultdict(list)
    for name, row in sums:
        more[key_of(row.labels)].append((name, row))
    return {key: _seen(key, some, more[key], want_before=want_before) for key, some in by_key.items() if key.instance}


def _seen(key: Key, rows: Sequence[Row], sums: Sequence[tuple[str, Row]], *, want_before: bool) -> Seen:
    times = max((row.times for row in rows), key=len)
    interval_s = interval_of(times)
    newest = max(row.times[-1] for row in rows)
    reach_s = min(SAME_SCRAPE_S, interval_s / 2) if interval_s else SAME_SCRAPE_S
    lines = [(line_start(row.labels), row.values[-1]) for row in rows if newest - row.times[-1] < reach_s]
    lines += [(line_start(row.labels, name), row.values[-1]) for name, row in sums if row.values]
    pages = [PastPage(newest, page_text(lines))]
    if want_before and (before := _before(rows, newest - reach_s)) is not None:
        pages.insert(0, before)
    return Seen(key, tuple(pages), interval_s, rows[0].labels)


def _before(rows: Sequence[Row], until: float) -> PastPage | None:
    """The page of the scrape before."""
    olds = [(row, place) for row in rows if (place := _last_before(row.times, until)) is not None]
    if not olds:
        return None
    at = max(row.times[place] for row, place in olds)
    lines = [(line_start(row.labels), row.values[place]) for row, place in olds if at - row.times[place] < 0.1]
    return PastPage(at, page_text(lines))


def _last_before(times: Sequence[float], until: float) -> int | None:
    """Where the last time before another stands; few are looked at."""
    return next((place for place in range(len(times) - 1, -1, -1) if times[place] <= until), None)


def interval_of(times: Sequence[float]) -> float | None:
    """How often a series has a sample; None where there are not two."""
    gaps = [after - before for before, after in pairwise(times) if after - before > 0.05]
    return median(gaps) if gaps else None


def sum_query(name: str, only: str) -> str:
    """The question for a name that is summed by the server."""
    return f"sum without ({SUMMED[name]}) ({name}{{{only}}})"
