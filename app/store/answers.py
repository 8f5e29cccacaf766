"""One question: a metric of a subject over time. Which level answers, whose values are believed, how many become one.

Runs on a reader's thread inside one read transaction. The grid of spans is aligned to the epoch, so that a chart does
not shiver as time goes on; the series says where it begins and how wide its spans are, which may be wider than asked
where only minutes or quarters of an hour are left of that time.
"""

from __future__ import annotations

import gc
import math
import sqlite3
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from itertools import chain, repeat
from itertools import count as count_up
from operator import itemgetter

from app.domain.frozen import frozen
from app.domain.metric import Metric
from app.domain.metrics import by_key
from app.domain.naming import uuid_key
from app.domain.series import Columns, Series, Subject
from app.store.chunks import Stored, minutes, quarters, samples, state_value
from app.store.levels import MINUTE, QUARTER, RAW, SPAN_S
from app.store.scale import scale_of
from app.store.spans import Line, coarsen, edges, first_known, fold_lines, held, line_of, line_of_samples
from app.store.ticks import PULSE
from app.store.view import View

GAP_INTERVALS = 2.5
"""Raw samples further apart than this many intervals have a gap between them: two looks in a row brought nothing."""
HOLD_INTERVALS = 1.5
"""For this many intervals a sample holds in spans narrower than the interval."""


@frozen
class Question:
    """Which past is asked for, as `History.series` takes it."""

    subject: Subject
    metric: str
    start: float
    end: float
    step_s: float


@frozen
class Range:
    """Where an answer is read, and of what time."""

    view: View
    start: float
    end: float


def unhindered(answer: Callable[[View, Question], Series]) -> Callable[[View, Question], Series]:
    """The same answer while the collector of cycles rests.

    Walking over thousands of fresh values again and again, none of which can be in a cycle, would add half to the time
    that a day takes.
    """

    @wraps(answer)
    def answered(view: View, asked: Question) -> Series:
        was_on = gc.isenabled()
        gc.disable()
        try:
            return answer(view, asked)
        finally:
            if was_on:
                gc.enable()

    return answered


@unhindered
def series(view: View, asked: Question) -> Series:
    """Answer as `History.series` promises. Raises LookupError with a sentence for a person."""
    row = by_key().get(asked.metric)
    if row is None:
        raise LookupError(f"no metric is called {asked.metric!r}")
    members = members_of(view.db, asked.subject, row)
    end = max(asked.start, asked.end)
    step_s = step_of(view, max(0.0, asked.step_s), asked.start)
    if step_s == 0 and len(members) > 1:
        step_s = max(stored.interval_s for stored in chain.from_iterable(members))
    if step_s == 0:
        points = _raw(Range(view, asked.start, end), members[0])
        return Series(asked.subject, row.key, row.unit, asked.start, end, 0.0, points)
    first = math.floor(asked.start / step_s)
    count = max(0, math.ceil(end / step_s) - first)
    grid = Range(view, first * step_s, (first + count) * step_s)
    lines = [first_known([line_on(grid, stored, step_s, count) for stored in member]) for member in members if member]
    line = fold_lines(lines, row.fold) if lines else Line([None] * count, [None] * count, [None] * count)
    times = array("d", (grid.start + place * step_s for place in range(count)))
    points = Columns(times, line.means, line.lows, line.highs)
    return Series(asked.subject, row.key, row.unit, grid.start, grid.end, step_s, points)


def members_of(db: sqlite3.Connection, subject: Subject, metric: Metric) -> list[list[Stored]]:
    """The tracks that answer, best rank first: a list for each GPU where a node is asked for its GPUs' metric."""
    over_gpus = subject.kind == "node" and metric.scope == "gpu"
    where, given = _place(replace(subject, kind="gpu") if over_gpus else subject)
    rows = db.execute(
        "SELECT id, idx, shelf, slot, interval_s, rank FROM track"  # noqa: S608 - conditions of `_place` alone
        f" WHERE {where} AND source <> ? ORDER BY rank, id",
        (*given, PULSE),
    ).fetchall()
    if not rows and not (over_gpus and _is_known_node(db, subject.node)):
        raise LookupError(f"{subject} was never seen by this history")
    numbers = tuple(
        (number, scale_of(quantum))
        for number, quantum in db.execute("SELECT id, quantum FROM metric WHERE key = ?", (metric.key,))
    )
    wanted = {number for number, _ in numbers}
    groups: dict[int, list[Stored]] = defaultdict(list)
    for _, index, shelf, slot, interval_s, rank in rows:
        have = db.execute("SELECT metric FROM field WHERE shelf = ? AND slot = ?", (shelf, slot))
        if wanted.isdisjoint(one for (one,) in have):
            continue
        stored = Stored(shelf, slot, interval_s, rank, numbers, scale_of(metric.quantum))
        groups[index if over_gpus else 0].append(stored)
    return list(groups.values()) or [[]]


def _is_known_node(db: sqlite3.Connection, node: str) -> bool:
    return db.execute("SELECT 1 FROM track WHERE kind = 'node' AND node = ?", (node,)).fetchone() is not None


def _place(subject: Subject) -> tuple[str, tuple[str | int, ...]]:
    """Where to look for a subject's tracks: a condition, and its values."""
    if subject.kind == "gpu" and not subject.node:
        return "uuid = ? AND uuid <> ''", (uuid_key(subject.key) or "",)
    if subject.kind == "gpu" and subject.index is None:
        return "kind = ? AND node = ?", ("gpu", subject.node)
    index = -1 if subject.index is None else subject.index
    return "kind = ? AND node = ? AND idx = ? AND key = ?", (subject.kind, subject.node, index, subject.key)


def step_of(view: View, step_s: float, start: float) -> float:
    """The width of spans that can be answered: wider than asked where the finer level is gone by then."""
    finer = _oldest_s(view.db, RAW)
    for level in (MINUTE, QUARTER):
        coarser = _oldest_s(view.db, level)
        if start < finer and coarser < math.inf and coarser + view.windows.of(level) <= finer:
            step_s = max(1, math.ceil(step_s / SPAN_S[level])) * SPAN_S[level]
        finer = coarser
    return step_s


def _oldest_s(db: sqlite3.Connection, level: int) -> float:
    """When a level's oldest chunk begins, unsealed samples counted as raw; infinity where there is none."""
    found = db.execute("SELECT min(start) FROM chunk WHERE level = ?", (level,)).fetchone()[0]
    if found is None and level == RAW:
        sealed = (state_value(db, "sealed"),)
        found = db.execute("SELECT at FROM tick WHERE id > ? ORDER BY id LIMIT 1", sealed).fetchone()
        found = found and found[0]
    return math.inf if found is None else found / 1000


def line_on(asked: Range, stored: Stored, step_s: float, count: int) -> Line:
    """One track's spans on the grid, from the coarsest level that divides them."""
    for level, read in ((QUARTER, quarters), (MINUTE, minutes)):
        if step_s % SPAN_S[level] == 0:
            factor = int(step_s) // SPAN_S[level]
            found = read(asked.view, stored, int(asked.start), count * factor)
            line = line_of(found if factor == 1 else coarsen(found, factor), stored.scale)
            return held(line, int(HOLD_INTERVALS * stored.interval_s / step_s))
    hold_s = HOLD_INTERVALS * stored.interval_s if step_s < 2 * stored.interval_s else 0.0
    raw = samples(asked.view, stored, asked.start - hold_s, asked.end)
    cuts = edges(raw.times, asked.start, step_s, count)
    since = count_up(asked.start - hold_s, step_s) if hold_s else repeat(math.inf)
    return line_of_samples(raw.times, stored.scale.values(raw.counts), cuts, since)


def _raw(asked: Range, tracks: Sequence[Stored]) -> Columns:
    """Samples at their own times, with one empty point in each gap."""
    times: Sequence[float] = ()
    values: list[float | None] = []
    interval_s = longest_s = 0.0
    for stored in tracks:
        found = samples(asked.view, stored, asked.start, asked.end)
        more: list[float | None] = [*stored.scale.values(found.counts)]
        if times:
            times, values = _filled_in(times, values, interval_s, found.times, more)
            longest_s = math.inf
        else:
            times, values, longest_s = found.times, more, found.longest_s
        interval_s = max(interval_s, stored.interval_s)
    if longest_s > GAP_INTERVALS * interval_s:
        times, values = _with_gaps(times, values, interval_s)
    return Columns(times, values, values, values)


def _filled_in(
    times: Sequence[float],
    values: list[float | None],
    interval_s: float,
    more: Sequence[float],
    found: list[float | None],
) -> tuple[list[float], list[float | None]]:
    """Samples of a better track, with those of the next one wherever the better one holds no more."""
    reach_s = HOLD_INTERVALS * interval_s
    before = [bisect_right(times, at) for at in more]
    taken = [
        (at, value)
        for at, value, place in zip(more, found, before, strict=True)
        if not place or at - times[place - 1] > reach_s
    ]
    both = sorted([*zip(times, values, strict=True), *taken], key=itemgetter(0))
    return [at for at, _ in both], [value for _, value in both]


def _with_gaps(
    times: Sequence[float], values: list[float | None], interval_s: float
) -> tuple[list[float], list[float | None]]:
    """The samples with an empty one an interval after each that nothing follows for long."""
    with_gaps: list[float] = []
    and_values: list[float | None] = []
    for at, value in zip(times, values, strict=True):
        if with_gaps and at - with_gaps[-1] > GAP_INTERVALS * interval_s:
            with_gaps.append(with_gaps[-1] + interval_s)
            and_values.append(None)
        with_gaps.append(at)
        and_values.append(value)
    return with_gaps, and_values
