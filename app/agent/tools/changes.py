"""what_changed: what is otherwise than it was: events, jobs, incidents, nodes, and the values that moved most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.places import begin_of, look, picture_of_then
from app.agent.tools.told import counted, iso, lean, moment, number, plural, unit_name
from app.agent.tools.tool import Found
from app.domain.diagnosis import GRAVITY, Diagnosis
from app.domain.fleet import cluster_facts
from app.domain.metrics import by_key
from app.domain.series import Event
from app.domain.snapshot import Snapshot
from app.transport.turns import in_thread

_MOST_EVENTS = 2000
_TOLD_EVENTS = 80
_TOLD_MOVES, _OF_ONE_METRIC = 16, 4
_JOBS = ("job.started", "job.ended", "job.requeued")
_MOVES: dict[str, float] = {
    "gpu.utilization": 25.0, "gpu.temperature": 8.0, "gpu.power": 100.0, "gpu.memory_used": 8192.0,
    "gpu.sm_clock": 300.0, "gpu.pcie_width": 1.0, "gpu.nvlinks_active": 1.0, "gpu.power_limit": 10.0,
}  # fmt: skip
"""How far a value must move to be told of; it is ordered by how many times that it moved."""
_RISES = (
    "gpu.ecc_dbe_volatile", "gpu.ecc_sbe_volatile", "gpu.row_remap_pending", "gpu.row_remap_failure", "gpu.xid_count",
    "gpu.retired_pages_pending", "gpu.nvlink_crc_errors", "gpu.nvlink_replay_errors", "gpu.pcie_replays",
)  # fmt: skip


async def what_changed(
    ground: Ground,
    since: Annotated[str | None, "since when: a span back (30m, 6h, 1d) or a time (03:10); null: 1h"] = None,
) -> Found:
    """What changed since then: events, incidents, jobs, nodes, alerts, and the GPU values that moved most.

    Use it for "what happened", "what is different" and "what changed" questions, with since shortly before the moment
    that is asked about.
    """
    snapshot, now = await look(ground)
    start = begin_of(since, now, "1h")
    until = ground.now()
    events = await ground.feed.events(start, until, None, _MOST_EVENTS)
    before = await picture_of_then(ground, start)
    some = [one for one in events if start <= one.at <= until]
    others = [one for one in some if one.kind not in _JOBS]
    data = {
        **moment(now),
        **moment(start, "since"),
        "events_by_kind": counted(one.kind for one in some),
        "incidents": _incidents(await ground.diagnosis(), start),
        "events": _told(others, _TOLD_EVENTS),
        "job_events": _told([one for one in some if one.kind in _JOBS], _TOLD_EVENTS),
        **({} if before is None else await in_thread(_compared, *before, snapshot, now)),
        "note": "no picture was kept of then: values cannot be compared" if before is None else None,
    }
    return Found(
        lean(data), f"{plural(len(some), 'event')} since {iso(start)}", now,
        trim=("job_events", "moved_most", "events", "counters_that_rose", "incidents"), narrow="a later since",
    )  # fmt: skip


def _incidents(diagnosis: Diagnosis, start: float) -> list[dict[str, Any]]:
    """Those that began or ended since then, and those that lasted throughout."""
    some = [*diagnosis.incidents, *(one for one in diagnosis.ended if (one.ended or 0.0) >= start)]
    return [
        lean(
            {
                "id": one.id,
                "title": one.title,
                "severity": one.severity,
                "change": "ended" if one.ended is not None else "began" if one.began >= start else "was there before",
                "began_iso": iso(one.began),
                "ended_iso": iso(one.ended),
            }
        )
        for one in some
    ]


def _told(events: Sequence[Event], most: int) -> list[dict[str, Any]]:
    """The gravest events, then in the order of time, the newest first: what is cut from the end is the oldest."""
    chosen = sorted(events, key=lambda one: (-GRAVITY[one.severity], -one.at))[:most]
    chosen.sort(key=lambda one: -one.at)
    return [
        {
            "at_iso": iso(one.at),
            "kind": one.kind,
            "severity": one.severity,
            "subject": str(one.subject),
            "text": one.text,
        }
        for one in chosen
    ]


def _compared(before: Snapshot, then: float, after: Snapshot, now: float) -> dict[str, Any]:
    """Two pictures: the fleet's counts, the values that moved most, the counters that rose."""
    return {
        "cluster": _fleets(before, after, then, now),
        "moved_most": _moved(before, after, then, now),
        "counters_that_rose": _risen(before, after, then, now),
    }


def _fleets(before: Snapshot, after: Snapshot, start: float, now: float) -> dict[str, Any]:
    """The fleet's counts then and now; how many are busy only where that is known."""
    then, today = cluster_facts(before, start), cluster_facts(after, now)
    keys = ("gpus", "gpus_busy", "gpus_lost", "gpus_allocated", "nodes", "nodes_down", "jobs_running", "jobs_pending")
    both = {key: {"then": getattr(then, key), "now": getattr(today, key)} for key in keys}
    both["power_w"] = {"then": number(then.power_w), "now": number(today.power_w)}
    if then.gpus_unknown or today.gpus_unknown:
        del both["gpus_busy"]
    return {key: lean(one) for key, one in both.items() if one["then"] != one["now"]}


def _pairs(
    before: Snapshot, after: Snapshot, start: float, now: float, keys: Sequence[str]
) -> list[tuple[str, str, float, float]]:
    """(GPU, metric, value then, value now) of what is known at both moments."""
    found = []
    for gpu in after.gpus():
        old = before.gpu(gpu.node, gpu.index)
        if old is None:
            continue
        for key in keys:
            was, is_now = old.value(key, start), gpu.value(key, now)
            if was is not None and is_now is not None and was != is_now:
                found.append((gpu.id, key, was, is_now))
    return found


def _move(place: str, key: str, was: float, is_now: float) -> dict[str, Any]:
    name = unit_name(by_key()[key])
    return {"gpu": place, "metric": name, "then": number(was), "now": number(is_now), "change": number(is_now - was)}


def _moved(before: Snapshot, after: Snapshot, start: float, now: float) -> list[dict[str, Any]]:
    pairs = [one for one in _pairs(before, after, start, now, tuple(_MOVES)) if abs(one[3] - one[2]) >= _MOVES[one[1]]]
    pairs.sort(key=lambda one: -abs(one[3] - one[2]) / _MOVES[one[1]])
    told: dict[str, list[tuple[str, str, float, float]]] = {}
    for one in pairs:  # a few of each: what befell a whole job would else be told of one metric only
        told.setdefault(one[1], []).append(one)
    chosen = {id(one) for some in told.values() for one in some[:_OF_ONE_METRIC]}
    return [_move(*one) for one in pairs if id(one) in chosen][:_TOLD_MOVES]


def _risen(before: Snapshot, after: Snapshot, start: float, now: float) -> list[dict[str, Any]]:
    keys = tuple(key for key in _RISES if key in by_key())
    return [_move(*one) for one in _pairs(before, after, start, now, keys) if one[3] > one[2]][:_TOLD_MOVES]
