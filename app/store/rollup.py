"""Rolling up: minutes out of sealed samples, quarters of an hour out of minutes, one whole window at a time.

A generator like sealing, stopping after every stream. A window is made once everything of it is sealed; what comes
late all the same (a clock set back) is added to what the window holds already.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from itertools import compress

from app.store.blocks import Block, pack
from app.store.chunks import TIMES, add_to_state, blocks, on_grid, shelf_state, spans_of, tally
from app.store.levels import MINUTE, QUARTER, SPAN_S, Windows
from app.store.scale import ABSENT, Scale, scale_of
from app.store.schema import transaction
from app.store.shelves import SLOTS
from app.store.spans import Spans, coarsen, edges, fold_samples
from app.store.view import Grid, View


def roll_up(db: sqlite3.Connection, windows: Windows, shelf: int, sealed_until_s: float) -> Iterator[None]:
    """Make every window of a shelf's minutes and quarters that is complete, given that all before a time is sealed."""
    for level in (MINUTE, QUARTER):
        until_s = made_until(windows, level, sealed_until_s)
        while (start := _due(db, windows, shelf, level, until_s)) is not None:
            yield from _make(db, windows, shelf, level, start)
        yield


def made_until(windows: Windows, level: int, sealed_until_s: float) -> int:
    """Epoch seconds up to which a level is complete once `roll_up` is through."""
    minutes = int(sealed_until_s) // windows.minute_s * windows.minute_s
    return minutes if level == MINUTE else minutes // windows.quarter_s * windows.quarter_s


def _due(db: sqlite3.Connection, windows: Windows, shelf: int, level: int, until_s: int) -> int | None:
    """Where the next window to make begins, in epoch seconds; None when none is complete.

    It is the next one with anything in it: years may lie between, after a pause or a wrong clock.
    """
    state = shelf_state(db, shelf)
    done_s = state.minutes if level == MINUTE else state.quarters
    # Raw chunks begin with their first sample, which may be just before the window that most of it is in.
    early_s = 2 * windows.raw_s if level == MINUTE else 0
    first = db.execute(
        "SELECT min(start) FROM chunk WHERE shelf = ? AND level = ? AND metric = ? AND start >= ?",
        (shelf, level - 1, TIMES, (done_s - early_s) * 1000),
    ).fetchone()[0]
    if first is None:
        return None
    window_s = windows.of(level)
    start = max(done_s, int(first) // 1000 // window_s * window_s)
    return start if start + window_s <= until_s else None


def _make(db: sqlite3.Connection, windows: Windows, shelf: int, level: int, start_s: int) -> Iterator[None]:
    streams = [(TIMES, 0, pack(0, ()))]
    view = View(db, windows)
    metrics = db.execute(
        "SELECT DISTINCT metric.id, metric.quantum FROM field JOIN metric ON metric.id = field.metric WHERE shelf = ?"
        " ORDER BY metric.id",
        (shelf,),
    ).fetchall()
    for metric, quantum in metrics:
        if level == MINUTE:
            made = _minutes(view, shelf, (metric, scale_of(quantum)), start_s)
        else:
            made = _quarters(db, windows, shelf, metric, start_s)
        kept = _merged(db, shelf, level, metric, start_s, made)
        if kept:
            streams.append(_stream(metric, kept))
            yield
    _write(db, windows, shelf, level, start_s, streams)
    yield


def _minutes(view: View, shelf: int, metric: tuple[int, Scale], start_s: int) -> dict[int, Spans]:
    """Minutes of every slot that has samples of the metric in the window."""
    number, scale = metric
    end_s = start_s + view.windows.minute_s
    found = on_grid(view, shelf, number, start_s, end_s)
    span_s = SPAN_S[MINUTE]
    made: dict[int, Spans] = {}
    known_cuts: dict[tuple[int, ...], list[int]] = {}
    for slot in sorted({tag for _, block in found for tag in block.tags}):
        times, counts, key = _joined(found, slot)
        cuts = known_cuts.get(key) if key else None
        if cuts is None:
            cuts = edges(times, start_s, span_s, view.windows.minute_s // span_s)
            known_cuts[key] = cuts
        if cuts[0] < cuts[-1]:
            made[slot] = Spans(start_s, span_s, *fold_samples(counts, cuts, scale.mean_parts))
    return made


def _joined(found: Sequence[tuple[Grid, Block]], slot: int) -> tuple[list[float], list[int], tuple[int, ...]]:
    """(times, counts, which blocks) of a slot; the last is empty where its times are not simply those of the blocks."""
    times: list[float] = []
    counts: list[int] = []
    which: tuple[int, ...] = ()
    is_whole = True
    for place, (grid, block) in enumerate(found):
        column, more = block.column(slot), grid.times.tolist()
        if column is None:
            continue
        if block.is_masked(slot):
            is_whole = False
            mask = [count != ABSENT for count in column]
            more, column = list(compress(more, mask)), list(compress(column, mask))
        if times and more and more[0] < times[-1]:  # the clock was set back between two blocks
            pairs = sorted(zip(times + more, counts + column, strict=True))
            times, counts, is_whole = [at for at, _ in pairs], [count for _, count in pairs], False
        else:
            times += more
            counts += column
        which += (place,)
    return times, counts, which if is_whole else ()


def _quarters(db: sqlite3.Connection, windows: Windows, shelf: int, metric: int, start_s: int) -> dict[int, Spans]:
    """Quarters of an hour of every slot that has minutes in the window."""
    end_s = start_s + windows.quarter_s
    fine: dict[int, Spans] = {}
    for start, block in blocks(db, shelf, MINUTE, metric, (start_s - windows.minute_s) * 1000, end_s * 1000):
        for slot in _slots(block):
            spans = spans_of(block, slot, start // 1000, SPAN_S[MINUTE])
            if spans is not None:
                whole = fine.setdefault(slot, Spans.empty(start_s, SPAN_S[MINUTE], windows.quarter_s // 60))
                whole.put(spans)
    factor = SPAN_S[QUARTER] // SPAN_S[MINUTE]
    return {slot: coarsen(spans, factor) for slot, spans in fine.items()}


def _slots(block: Block) -> list[int]:
    return [tag for tag in block.tags if tag < SLOTS]


def _merged(
    db: sqlite3.Connection, shelf: int, level: int, metric: int, start_s: int, made: dict[int, Spans]
) -> dict[int, Spans]:
    """What a window holds already, with what was made of it now on top."""
    for _, block in blocks(db, shelf, level, metric, start_s * 1000 - 1, start_s * 1000 + 1):
        for slot in _slots(block):
            before = spans_of(block, slot, start_s, SPAN_S[level])
            if before is not None:
                if slot in made:
                    before.put(made[slot])
                made[slot] = before
    return made


def _stream(metric: int, made: dict[int, Spans]) -> tuple[int, int, bytes]:
    columns: list[tuple[int, array[int]]] = []
    samples = 0
    for slot, spans in sorted(made.items()):
        samples += len(spans.means) - spans.means.count(ABSENT)
        for part, column in enumerate((spans.means, spans.lows, spans.highs)):
            columns.append((part * SLOTS + slot, column))
    length = len(columns[0][1])
    return metric, samples, pack(length, [(tag, column) for tag, column in columns if column.count(ABSENT) < length])


def _write(
    db: sqlite3.Connection,
    windows: Windows,
    shelf: int,
    level: int,
    start_s: int,
    streams: list[tuple[int, int, bytes]],
) -> None:
    place = (shelf, level, start_s * 1000)
    with transaction(db):
        before = db.execute(
            "SELECT coalesce(sum(samples), 0) FROM chunk WHERE shelf = ? AND level = ? AND metric IN"
            " (SELECT id FROM metric) AND start = ?",
            place,
        ).fetchone()[0]
        db.executemany(
            "INSERT OR REPLACE INTO chunk (shelf, level, metric, start, samples, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(shelf, level, metric, start_s * 1000, samples, body) for metric, samples, body in streams],
        )
        add_to_state(db, tally(level), sum(samples for _, samples, _ in streams) - before)
        if level == MINUTE:
            again_s = start_s // windows.quarter_s * windows.quarter_s
            marks = (start_s + windows.minute_s, again_s, shelf)
            db.execute("UPDATE shelf SET minutes = ?, quarters = min(quarters, ?) WHERE id = ?", marks)
        else:
            db.execute("UPDATE shelf SET quarters = ? WHERE id = ?", (start_s + windows.quarter_s, shelf))
