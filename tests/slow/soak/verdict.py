"""What a soak has shown, held against what must be. Pure: a log in, sentences out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.slow.soak.collector import INTERVAL_S
from tests.slow.soak.soak import Log

GROWTH = 1.02
"""Memory's last tenth over the first tenth of its second half."""
LONG_S = 12 * 3600.0
"""A daemon that is younger still learns: windows of alert rules are hours long."""
FOR_S = 60.0
SLACK_S = 3 * INTERVAL_S
IN_FLIGHT_S = 1.5 * INTERVAL_S
"""What was read and is not written yet: the tick that is being filled, and the one that is being written."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A soak's figures, and what was wrong."""

    served: int
    kept: int
    lost: int
    """Pages that went out and were not kept, beyond those in flight at a kill or while the disk was full."""
    growth: float | None
    hot: int
    fired: int
    false: int
    wrong: tuple[str, ...]


def judge(log: Log) -> Verdict:
    """Hold a run against what must be."""
    lost = list(_lost(log))
    missed, false = _alarms(log)
    growth = _growth(log.rss_mib, log.plan.length_s)
    wrong = [f"node-{node}: {count} pages were served and not kept" for node, count in lost]
    wrong += [f"no alarm for a hot GPU: {one}" for one in missed]
    wrong += [f"alarm without a hot GPU: {one}" for one in false]
    if growth is not None and growth > GROWTH and log.plan.length_s >= LONG_S:
        wrong.append(f"memory grew by {100 * (growth - 1):.1f} % in the last half")
    return Verdict(
        sum(map(len, log.served.values())),
        sum(map(len, log.kept.values())),
        sum(count for _, count in lost),
        growth,
        len(log.plan.hot),
        len(log.plan.hot) - len(missed),
        len(false),
        tuple(wrong),
    )


def _lost(log: Log) -> Iterator[tuple[int, int]]:
    """(node, pages) that are in no store and have no excuse."""
    excused = [(when - IN_FLIGHT_S, when + IN_FLIGHT_S) for when in log.stepped]
    excused += [(since - IN_FLIGHT_S, until) for since, until in zip(log.killed, log.started, strict=True)]
    excused += [(since - IN_FLIGHT_S, until + IN_FLIGHT_S) for since, until in log.full]
    for node, served in log.served.items():
        kept = sorted(log.kept.get(node, ()))
        missing = [
            at for at in served if not any(since <= at <= until for since, until in excused) and not _is_near(kept, at)
        ]
        if missing:
            yield node, len(missing)


def _is_near(times: Sequence[float], at: float) -> bool:
    """Whether a time stands within half an interval."""
    return bisect_right(times, at + INTERVAL_S / 2) > bisect_left(times, at - INTERVAL_S / 2)


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
