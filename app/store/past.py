"""Time travel: the whole picture as it stood at a moment, put together from its parts and its tracks.

Runs on a reader's thread inside one read transaction. Values are the last ones of each source within five of its
intervals before the moment, at their own times. Where the raw samples of that time are gone, the mean of the minute
stands for them. Processes are not kept.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from app.domain.ages import EXPIRED_INTERVALS
from app.domain.frozen import frozen
from app.domain.naming import natural, uuid_key
from app.domain.slurm import SlurmPicture
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState
from app.store.levels import MINUTE, RAW, SPAN_S
from app.store.pages import Pages
from app.store.parts import parts_at
from app.store.ticks import PULSE

NEAR_S = 120.0
"""A moment further than this behind the last tick before it, and than five ticks, has no picture."""


@frozen
class _Track:
    kind: str
    node: str
    index: int
    key: str
    uuid: str
    source: str
    interval_s: float
    rank: int
    shelf: int
    slot: int


@frozen
class _Found:
    """A track's last values before the moment."""

    track: _Track
    layer: Layer


def picture_at(pages: Pages, when: float) -> Snapshot | None:
    """The picture as it stood at `when`; None when nothing was kept near that time."""
    db = pages.view.db
    last = db.execute("SELECT max(at) FROM tick WHERE at <= ?", (round(when * 1000),)).fetchone()[0]
    tracks = _tracks(pages)
    quickest_s = min((track.interval_s for track in tracks), default=0.0)
    if last is None or when - last / 1000 > max(NEAR_S, EXPIRED_INTERVALS * quickest_s):
        return None
    level = RAW if _has_raw(db, round(when * 1000)) else MINUTE
    found = _values(pages, level, tracks, when)
    frame = parts_at(db, when) or Snapshot()
    pulses = {one.track.key: one.layer for one in found if one.track.source == PULSE}
    places: dict[tuple[str, str, int, str], list[_Found]] = defaultdict(list)
    for one in found:
        if one.track.source != PULSE:
            places[one.track.kind, one.track.node, one.track.index, one.track.key].append(one)
    sources = {name: _source(state, pulses.get(name)) for name, state in frame.sources.items()}
    return replace(
        frame,
        at=last / 1000,
        sources=sources,
        slurm=None if frame.slurm is None else _slurm(frame.slurm, sources),
        nodes=_nodes(frame.nodes, places),
        services={
            name: replace(service, layers=_layers(places.get(("service", "", -1, name), ())))
            for name, service in frame.services.items()
        },
    )


def _tracks(pages: Pages) -> list[_Track]:
    rows = pages.view.db.execute("SELECT kind, node, idx, key, uuid, source, interval_s, rank, shelf, slot FROM track")
    return [_Track(*row) for row in rows]


def _has_raw(db: sqlite3.Connection, when_ms: int) -> bool:
    """Whether raw samples reach back to a time."""
    oldest = db.execute("SELECT min(start) FROM chunk WHERE level = ?", (RAW,)).fetchone()[0]
    older = db.execute("SELECT min(start) FROM chunk WHERE level = ?", (MINUTE,)).fetchone()[0]
    return oldest is None or oldest <= when_ms or older is None or older > when_ms


def _values(pages: Pages, level: int, tracks: list[_Track], when: float) -> list[_Found]:
    """Each track's last values within five of its intervals before the moment."""
    when_ms = round(when * 1000)
    least_s = 0.0 if level == RAW else float(SPAN_S[MINUTE])
    shelves: dict[int, list[_Track]] = defaultdict(list)
    for track in tracks:
        shelves[track.shelf].append(track)
    found: list[_Found] = []
    for shelf, standing in shelves.items():
        reach_ms = round(1000 * EXPIRED_INTERVALS * max(least_s, *(track.interval_s for track in standing)))
        missing = standing
        for page in pages.around(shelf, level, when_ms, reach_ms):
            still: list[_Track] = []
            for track in missing:
                interval_s = max(least_s, track.interval_s)
                row = page.at(track.slot, when_ms)
                if row is None or when_ms - row[0] > 1000 * EXPIRED_INTERVALS * interval_s:
                    still.append(track)
                    continue
                layer = Layer(track.source, row[0] / 1000, interval_s, row[1], track.rank)
                found.append(_Found(track, layer))
            missing = still
            if not missing:
                break
    return found


def _source(state: SourceState, pulse: Layer | None) -> SourceState:
    """A source as it stood: its lasting part, with the numbers of its last look."""
    if pulse is None:
        return state
    said = pulse.values
    tried_at = pulse.at - said.get("source.lag", 0.0)
    failures = round(said.get("source.failures", 0.0))
    return replace(
        state,
        tried_at=tried_at,
        ok_at=state.ok_at if failures else tried_at,
        error=state.error if failures else None,
        duration_s=said.get("source.duration"),
        failures=failures,
        missed_slots=round(said.get("source.missed", 0.0)),
    )


def _slurm(picture: SlurmPicture, sources: Mapping[str, SourceState]) -> SlurmPicture:
    """Slurm's picture with the time it was last told."""
    state = sources.get(picture.source)
    return replace(picture, at=(state.ok_at if state is not None else None) or 0.0)


def _layers(found: tuple[_Found, ...] | list[_Found]) -> tuple[Layer, ...]:
    """Layers as a subject holds them: best rank first."""
    return tuple(sorted((one.layer for one in found), key=lambda layer: layer.rank))


def _nodes(known: Mapping[str, Node], places: Mapping[tuple[str, str, int, str], list[_Found]]) -> dict[str, Node]:
    """The nodes with their values; one that only values speak of is made, for a store that was given no picture."""
    nodes = dict(known)
    gpus: dict[tuple[str, int], Gpu] = {(gpu.node, gpu.index): gpu for node in nodes.values() for gpu in node.gpus}
    for kind, node, index, _ in places:
        if kind in ("node", "gpu"):
            nodes.setdefault(node, Node(node))
        if kind == "gpu" and (node, index) not in gpus:
            gpus[node, index] = Gpu(node, index, None)
    by_node: dict[str, list[Gpu]] = defaultdict(list)
    for _, gpu in sorted(gpus.items()):
        by_node[gpu.node].append(_gpu(gpu, places))
    filled = {
        name: replace(node, layers=_layers(places.get(("node", name, -1, ""), ())), gpus=tuple(by_node[name]))
        for name, node in nodes.items()
    }
    return dict(sorted(filled.items(), key=lambda item: natural(item[0])))


def _gpu(gpu: Gpu, places: Mapping[tuple[str, str, int, str], list[_Found]]) -> Gpu:
    """A GPU with its values; those of another board that sat in its place are not its own."""
    here = places.get(("gpu", gpu.node, gpu.index, ""), [])
    board = uuid_key(gpu.uuid)
    own = [one for one in here if not board or not one.track.uuid or one.track.uuid == board]
    uuid = gpu.uuid or next((one.track.uuid for one in own if one.track.uuid), None)
    return replace(
        gpu,
        uuid=uuid,
        layers=_layers(own),
        mig=tuple(
            replace(one, layers=_layers(places.get(("mig", gpu.node, gpu.index, str(one.id)), ()))) for one in gpu.mig
        ),
        seen_at=max([gpu.seen_at, *(one.layer.at for one in own)]),
    )


def last_picture(pages: Pages, since: float) -> Snapshot | None:
    """The picture at the last tick; None when that was before `since`. For who goes on from it: see `_listed`."""
    # By number: while the machine's clock was wrong, a tick may have been kept at a time that is still to come.
    last = pages.view.db.execute("SELECT at FROM tick ORDER BY id DESC LIMIT 1").fetchone()
    if last is None or last[0] / 1000 < since:
        return None
    # Ticks are numbered in whole ms, versions of parts are not: those of the last tick may be half a ms after it.
    picture = picture_at(pages, last[0] / 1000 + 0.0005)
    if picture is None:
        return None
    tracks: dict[tuple[str, int], list[_Track]] = defaultdict(list)
    for track in _tracks(pages):
        if track.kind == "gpu":
            tracks[track.node, track.index].append(track)
    nodes = {
        name: replace(
            node,
            gpus=tuple(_listed(gpu, tracks.get((gpu.node, gpu.index), []), picture.sources) for gpu in node.gpus),
        )
        for name, node in picture.nodes.items()
    }
    return replace(picture, nodes=nodes)


def _listed(gpu: Gpu, tracks: list[_Track], sources: Mapping[str, SourceState]) -> Gpu:
    """A GPU with a layer, if need be an empty one, of every source that listed it.

    One that answered to the end and had no values of a GPU that others saw did not list it any more. One that was
    down has listed it until its last good look.
    """
    board, have = uuid_key(gpu.uuid), {layer.source for layer in gpu.layers}
    missing = [one for one in tracks if one.source not in have and (not board or not one.uuid or one.uuid == board)]
    down = [one for one in missing if (state := sources.get(one.source)) is not None and state.error is not None]
    listing = down if not gpu.is_lost and (have or down) else missing
    layers = {
        one.source: Layer(one.source, _sight(gpu, sources.get(one.source)), one.interval_s, {}, one.rank)
        for one in listing
    }
    return replace(
        gpu,
        layers=tuple(sorted((*gpu.layers, *layers.values()), key=lambda layer: layer.rank)),
        seen_at=max([gpu.seen_at, *(layer.at for layer in layers.values())]),
    )


def _sight(gpu: Gpu, source: SourceState | None) -> float:
    """When a source had last seen a GPU of which it has no values left."""
    if gpu.is_lost or source is None or source.error is None or source.ok_at is None:
        return gpu.seen_at
    return max(gpu.seen_at, source.ok_at)
