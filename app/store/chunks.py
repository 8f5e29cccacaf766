"""Reading what is stored of one track: samples, minutes and quarters, sealed or not, joined as if they were one.

Runs on a reader's thread inside one read transaction, so that sealing meanwhile neither doubles nor hides anything.
A stream that is damaged is a gap.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import compress, islice
from operator import sub

from app.domain.frozen import frozen
from app.store.blocks import Block, DamagedBlock, checksum
from app.store.levels import MINUTE, QUARTER, RAW, SPAN_S
from app.store.recent import column_between
from app.store.scale import ABSENT, Scale
from app.store.shelves import SLOTS
from app.store.spans import Spans, coarsen, edges, fold_samples
from app.store.view import Grid, View, grid_of

TIMES = 0
"""The "metric" under which a shelf's sample times are sealed."""


@frozen
class Stored:
    """One metric of one track: where it lies, and how its numbers read."""

    shelf: int
    slot: int
    interval_s: float
    rank: int
    metrics: tuple[tuple[int, Scale], ...]
    """Number and scale of the metric; more than one where its quantum was changed."""
    scale: Scale
    """The scale answers are given in."""

    def recounted(self, counts: list[int], scale: Scale) -> list[int]:
        """Counts of another scale in ours."""
        return counts if scale == self.scale else [self.scale.recount(count, scale) for count in counts]


@frozen
class ShelfState:
    """How far a shelf is sealed and rolled up."""

    sealed: int
    """Last tick whose rows are in chunks."""
    minutes: int
    """Epoch seconds up to which minutes are made."""
    quarters: int


def state_value(db: sqlite3.Connection, key: str) -> int:
    """A number the store keeps about itself; 0 before it was set."""
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0


def add_to_state(db: sqlite3.Connection, key: str, more: int) -> None:
    """Add to a number the store keeps about itself."""
    db.execute(
        "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = value + excluded.value",
        (key, more),
    )


def tally(level: int) -> str:
    """The state key under which the samples in a level's chunks are counted."""
    return f"samples_{level}"


def shelf_state(db: sqlite3.Connection, shelf: int) -> ShelfState:
    """How far a shelf is."""
    row = db.execute("SELECT sealed, minutes, quarters FROM shelf WHERE id = ?", (shelf,)).fetchone()
    sealed, minutes, quarters = row or (0, 0, 0)
    return ShelfState(max(sealed, state_value(db, "sealed")), minutes, quarters)


def blocks(
    db: sqlite3.Connection, shelf: int, level: int, metric: int, after_ms: int, before_ms: int
) -> Iterator[tuple[int, Block]]:
    """(start in ms, stream) of a shelf's chunks that begin after one time and before another, oldest first."""
    rows = db.execute(
        "SELECT start, body FROM chunk WHERE shelf = ? AND level = ? AND metric = ? AND start > ? AND start < ?"
        " ORDER BY start",
        (shelf, level, metric, after_ms, before_ms),
    )
    for start, body in rows:
        try:
            yield start, Block(body)
        except DamagedBlock:
            continue


def on_grid(view: View, shelf: int, metric: int, start_s: float, end_s: float) -> list[tuple[Grid, Block]]:
    """(times, stream) of the raw chunks of a metric that may touch start…end, oldest first.

    A chunk whose times cannot be read is left out.
    """
    reach_s = view.windows.raw_s
    after_ms, before_ms = round((start_s - 3 * reach_s) * 1000), round((end_s + reach_s) * 1000)
    found = list(_raw_blocks(view, shelf, metric, after_ms, before_ms))
    grids = {start: view.grids.get((shelf, start)) for start, _ in found}
    missing = [start for start, grid in grids.items() if grid is None]
    if missing:
        for start, block in blocks(view.db, shelf, RAW, TIMES, missing[0] - 1, missing[-1] + 1):
            grid = grids[start] = grid_of(block.column(0) or ())
            view.grids.put((shelf, start), grid)
    timed = ((grids[start], block) for start, block in found)
    return [(grid, block) for grid, block in timed if grid is not None and len(grid.times) == block.length]


def _raw_blocks(view: View, shelf: int, metric: int, after_ms: int, before_ms: int) -> Iterator[tuple[int, Block]]:
    """As `blocks`, for raw chunks; those looked at last are remembered, since a GPU's neighbours stand in the same."""
    rows = view.db.execute(
        "SELECT start, body FROM chunk WHERE shelf = ? AND level = ? AND metric = ? AND start > ? AND start < ?"
        " ORDER BY start",
        (shelf, RAW, metric, after_ms, before_ms),
    )
    for start, body in rows:
        key = (shelf, metric, start, checksum(body))
        block = view.blocks.get(key)
        if block is None:
            try:
                block = Block(body)
            except DamagedBlock:
                continue
            view.blocks.put(key, block)
        yield start, block


@frozen
class Samples:
    """A track's raw samples, in order of time."""

    times: array[float]
    """Epoch seconds."""
    counts: list[int]
    longest_s: float
    """No two neighbours are further apart than this."""


def samples(view: View, stored: Stored, start_s: float, end_s: float) -> Samples:
    """A track's raw samples within start ≤ time < end."""
    times = array("d")
    counts: list[int] = []
    longest_s, in_order = 0.0, True
    for more, found, within_s in _pieces(view, stored, start_s, end_s):
        if times and more:
            in_order = in_order and more[0] >= times[-1]
            longest_s = max(longest_s, more[0] - times[-1])
        longest_s = max(longest_s, within_s)
        times += more
        counts += found
    if not in_order:  # the clock was set back while these were taken
        order = sorted(range(len(times)), key=times.__getitem__)
        times, counts = array("d", [times[place] for place in order]), [counts[place] for place in order]
        longest_s = end_s - start_s
    begin, end = bisect_left(times, start_s), bisect_left(times, end_s)
    if end - begin < len(times):
        times, counts = times[begin:end], counts[begin:end]
    return Samples(times, counts, longest_s)


def _pieces(
    view: View, stored: Stored, start_s: float, end_s: float
) -> Iterator[tuple[array[float], list[int], float]]:
    """(times, counts, longest gap) chunk by chunk, then of the rows no chunk holds yet; each in order of time."""
    db, shelf, reach_s = view.db, stored.shelf, view.windows.raw_s
    sealed = shelf_state(db, shelf).sealed
    since_ms, until_ms = round((start_s - reach_s) * 1000), round((end_s + reach_s) * 1000)
    for metric, scale in stored.metrics:
        for grid, block in on_grid(view, shelf, metric, start_s, end_s):
            column = block.column(stored.slot)
            if column is None:
                continue
            if block.is_masked(stored.slot):
                present = [count != ABSENT for count in column]
                times = array("d", compress(grid.times, present))
                yield times, stored.recounted(list(compress(column, present)), scale), _longest(times)
            else:
                yield grid.times, stored.recounted(column, scale), grid.longest_s
        place = db.execute(
            "SELECT place FROM field WHERE shelf = ? AND slot = ? AND metric = ?", (shelf, stored.slot, metric)
        ).fetchone()
        if place is not None:
            at, counts = column_between(db, shelf, place[0], sealed, since_ms, until_ms)
            times = array("d", at)
            yield times, stored.recounted(counts, scale), _longest(times)


def _longest(times: Sequence[float]) -> float:
    return max(map(sub, islice(times, 1, None), times), default=0.0)


def minutes(view: View, stored: Stored, start_s: int, count: int) -> Spans:
    """`count` spans of a minute from `start_s`, a multiple of 60: what was rolled up, and the rest from samples."""
    spans = Spans.empty(start_s, SPAN_S[MINUTE], count)
    _put_rolled_up(view, stored, MINUTE, spans)
    end_s = start_s + count * spans.span_s
    fresh_s = min(end_s, max(start_s, shelf_state(view.db, stored.shelf).minutes))
    if fresh_s < end_s:
        found = samples(view, stored, fresh_s, end_s)
        cuts = edges(found.times, fresh_s, spans.span_s, (end_s - fresh_s) // spans.span_s)
        spans.put(Spans(fresh_s, spans.span_s, *fold_samples(found.counts, cuts, stored.scale.mean_parts)))
    return spans


def quarters(view: View, stored: Stored, start_s: int, count: int) -> Spans:
    """`count` spans of 15 minutes from `start_s`, a multiple of 900: what was rolled up, the rest from minutes."""
    spans = Spans.empty(start_s, SPAN_S[QUARTER], count)
    _put_rolled_up(view, stored, QUARTER, spans)
    end_s = start_s + count * spans.span_s
    fresh_s = min(end_s, max(start_s, shelf_state(view.db, stored.shelf).quarters))
    if fresh_s < end_s:
        finer = minutes(view, stored, fresh_s, (end_s - fresh_s) // SPAN_S[MINUTE])
        spans.put(coarsen(finer, SPAN_S[QUARTER] // SPAN_S[MINUTE]))
    return spans


def _put_rolled_up(view: View, stored: Stored, level: int, spans: Spans) -> None:
    end_s = spans.start_s + len(spans.means) * spans.span_s
    for metric, scale in stored.metrics:
        if scale != stored.scale:
            continue  # means of another quantum: too rare to be worth a conversion of their parts
        after_ms = (spans.start_s - view.windows.of(level)) * 1000
        for start, block in blocks(view.db, stored.shelf, level, metric, after_ms, end_s * 1000):
            found = spans_of(block, stored.slot, start // 1000, SPAN_S[level])
            if found is not None:
                spans.put(found)


def spans_of(block: Block, slot: int, start_s: int, span_s: int) -> Spans | None:
    """A track's spans out of a rolled-up stream: its means, lows and highs stand under three tags."""
    means, lows, highs = (block.column(part * SLOTS + slot) for part in range(3))
    if means is None or lows is None or highs is None:
        return None
    return Spans(start_s, span_s, array("q", means), array("q", lows), array("q", highs))
