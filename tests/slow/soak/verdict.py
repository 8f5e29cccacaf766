"""What a soak has shown, held against what must be. Pure: a log in, sentences out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tests.slow.soak.collector import INTERVAL_S, LOOK_S, TIMEOUT_S
from tests.slow.soak.soak import Log

GROWTH = 1.02
"""Memory's last tenth over the first tenth of its second half."""
LONG_S = 12 * 3600.0
"""A daemon that is younger still learns: windows of alert rules are hours long."""
FOR_S = 60.0
SLACK_S = 3 * INTERVAL_S
STALL_S = 3.0
"""Most real seconds that the machine takes to start a daemon, or to write a tick, beside its other work."""
GIVEN_UP = 0.005
"""Most of all pages whose looks may run out of time: where a daemon starts it does, on a machine with other work."""

Span = tuple[float, float]
"""Since when, until when: seconds after the beginning."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A soak's figures, and what was wrong."""

    served: int
    kept: int
    lost: int
    """Pages that went out and were not kept, beyond those of the next two."""
    in_flight: int
    """Pages that no tick held yet at a kill, or that came while the disk was full."""
    given_up: int
    """Pages that came when their looks had run out of time, and that the daemon told as failed."""
    growth: float | None
    hot: int
    fired: int
    false: int
    wrong: tuple[str, ...]


def judge(log: Log) -> Verdict:
    """Hold a run against what must be."""
    spans, wrong = _flights(log)
    lost, in_flight, given_up = _lost(log, spans)
    served = sum(map(len, log.served.values()))
    missed, false = _alarms(log)
    growth = _growth(log.rss_mib, log.plan.length_s)
    wrong += [f"node-{node}: {count} pages were served and not kept" for node, count in lost.items()]
    if given_up > GIVEN_UP * served:
        wrong.append(f"{given_up} of {served} looks ran out of time: too much else runs on this machine")
    wrong += [f"no alarm for a hot GPU: {one}" for one in missed]
    wrong += [f"alarm without a hot GPU: {one}" for one in false]
    if growth is not None and growth > GROWTH and log.plan.length_s >= LONG_S:
        wrong.append(f"memory grew by {100 * (growth - 1):.1f} % in the last half")
    return Verdict(
        served,
        sum(map(len, log.kept.values())),
        sum(lost.values()),
        in_flight,
        given_up,
        growth,
        len(log.plan.hot),
        len(log.plan.hot) - len(missed),
        len(false),
        tuple(wrong),
    )


def _flights(log: Log) -> tuple[list[Span], list[str]]:
    """Spans whose pages may be missing, and what is wrong with them.

    In flight at a kill is what came after the last tick that another process could read a moment before, and at that
    tick the looks under way. It is taken from the store and not from a clock: a round of 64 nodes takes real
    milliseconds, at a soak's speed each of them is seconds of its interval. That a daemon writes at all is asked beside
    it: nothing may be in flight for longer than an interval and what the machine itself takes. A tick that could be
    read must be there at the end, and so must every page before it.
    """
    ticks, look_s, most_s = log.passed_of_ticks(), LOOK_S * log.speed, INTERVAL_S + STALL_S * log.speed
    spans: list[Span] = []
    wrong: list[str] = []
    began = 0.0
    for kill in log.killed:
        if kill.newest is not None and kill.newest not in ticks:
            wrong.append(f"tick {kill.newest[0]} was written before the kill at {kill.passed:.0f}, and is gone")
        newest = ticks.get(kill.newest, kill.passed) if kill.newest is not None else 0.0
        spans.append((newest - look_s, kill.started))
        idle_s, began = kill.passed - max(newest, began), kill.started
        is_full = any(since <= kill.passed and until >= newest for since, until in log.full)
        if idle_s > most_s and not is_full:
            wrong.append(f"nothing was written for {idle_s:.0f} s before the kill at {kill.passed:.0f}")
    times = sorted(ticks.values())
    for since, until in log.full:
        newest = times[bisect_right(times, since) - 1] if times and times[0] <= since else 0.0
        spans.append((max(newest, since - most_s) - look_s, until))
    return spans, wrong


def _lost(log: Log, spans: Sequence[Span]) -> tuple[dict[int, int], int, int]:
    """(node → pages that are in no store and have no excuse, those in flight, those whose looks ran out of time)."""
    lost: dict[int, int] = {}
    in_flight = given_up = 0
    for node, served in log.served.items():
        kept = log.kept.get(node, set())
        missing = [page.passed for page in served if page.serial not in kept]
        left = [passed for passed in missing if not _is_within(passed, spans)]
        in_flight += len(missing) - len(left)
        late = [one for one in log.failed.get(node, ()) if one[1] - one[0] >= 0.9 * TIMEOUT_S * log.speed]
        unread = [passed for passed in left if _is_within(passed, late)]
        given_up += len(unread)
        if len(left) > len(unread):
            lost[node] = len(left) - len(unread)
    return lost, in_flight, given_up


def _is_within(passed: float, spans: Sequence[Span]) -> bool:
    return any(since <= passed <= until for since, until in spans)


def _growth(rss: Sequence[tuple[float, float]], length_s: float) -> float | None:
    """Memory at the end over what it was in the middle; None where there is too little to say."""
    half = [mib for passed, mib in rss if passed >= length_s / 2]
    tenth = len(half) // 10
    return median(half[-tenth:]) / median(half[:tenth]) if tenth >= 3 else None


def _alarms(log: Log) -> tuple[list[str], list[str]]:
    """Hot GPUs nobody told of in time, and alarms about others."""
    fired = [
        (f"{one.subject.node}/{one.subject.index}", one.at)
        for one in log.events
        if one.kind == "alert.firing" and one.text.startswith("TooHot:")
    ]
    spans = [
        (f"node-{one.node}/{one.gpu}", log.at(one.since) + FOR_S - INTERVAL_S, log.at(one.until) + SLACK_S)
        for one in log.plan.hot
    ]
    missed = [
        f"{name} from {since:.0f}"
        for name, since, _ in spans
        if not any(name == known and since <= at <= since + INTERVAL_S + SLACK_S for known, at in fired)
    ]
    false = [
        f"{name} at {at:.0f}"
        for name, at in fired
        if not any(name == known and since <= at <= until for known, since, until in spans)
    ]
    return missed, false
