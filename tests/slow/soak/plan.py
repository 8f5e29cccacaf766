"""What goes wrong in a soak, and when: drawn once from a seed, so that a run can be had again. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Mood = Literal["dead", "hung", "html", "halved", "wrong"]
MOODS: tuple[Mood, ...] = ("dead", "hung", "html", "halved", "wrong")
"""How an exporter fails: its port is closed, it never answers, it answers HTML, half a page, or status 500."""
HOT_S = 600.0
"""A GPU is hot for at least so long."""
REST_S = 300.0
"""Nothing else happens to a node so long before and after one of its GPUs is hot."""
WARM_UP_S = 300.0
KILLED_SHARE = 0.4
"""Of a soak's length, in which the daemon is killed: by its middle the last one has warmed up."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A node's exporter fails for a while."""

    node: int
    mood: Mood
    since: float
    """Seconds after the beginning."""
    until: float


@dataclass(frozen=True, slots=True)
class Hot:
    """A GPU is too hot for a while."""

    node: int
    gpu: int
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that goes wrong."""

    length_s: float
    nodes: int
    bad: tuple[Bad, ...]
    hot: tuple[Hot, ...]
    kills: tuple[float, ...]
    """When the daemon is killed: all in the first part, so that the second half shows what memory does."""
    steps: tuple[tuple[float, float], ...]
    """(when, seconds by which the clock is set)."""
    full: tuple[tuple[float, float], ...]
    """Spans in which the disk is full."""


def plan(seed: int, *, length_s: float, nodes: int, kills: int) -> Plan:
    """Draw a soak: misfortunes of exporters and heat anywhere, the others where no GPU is hot."""
    dice = random.Random(seed)
    hours = length_s / 3600
    hot: list[Hot] = []
    for number in range(max(2, round(2 * hours))):
        share = (length_s - WARM_UP_S - 900) / max(2, round(2 * hours))
        since = WARM_UP_S + number * share + dice.uniform(0.0, 0.1 * share)
        node = dice.randrange(nodes)
        hot.append(Hot(node, dice.randrange(8), since, since + min(HOT_S, 0.5 * share)))
    bad = [_bad(dice, length_s, nodes) for _ in range(round(6 * hours) + 2)]
    calm = [one for one in bad if not any(_meet(one, other) for other in hot)]
    gaps = _gaps(hot, length_s)
    kept = [gap for gap in gaps if gap[1] < KILLED_SHARE * length_s] or gaps[:1]
    return Plan(
        length_s,
        nodes,
        tuple(calm),
        tuple(hot),
        tuple(sorted(dice.uniform(*dice.choice(kept)) for _ in range(kills))),
        tuple((since, dice.choice((-600.0, -90.0, 90.0, 600.0))) for since, _ in gaps[3::6]),
        tuple((since, since + min(240.0, 0.5 * (until - since))) for since, until in gaps[4::6]),
    )


def _bad(dice: random.Random, length_s: float, nodes: int) -> Bad:
    since = dice.uniform(WARM_UP_S, length_s - 900)
    return Bad(dice.randrange(nodes), dice.choice(MOODS), since, since + dice.uniform(60, 900))


def _meet(one: Bad, other: Hot) -> bool:
    is_near = one.since < other.until + REST_S and other.since - REST_S < one.until
    return one.node == other.node and is_near


def _gaps(hot: list[Hot], length_s: float) -> list[tuple[float, float]]:
    """Spans in which no GPU is hot, nor was a moment ago."""
    ends = [WARM_UP_S, *(one.until + REST_S for one in hot)]
    begins = [*(one.since - 60.0 for one in hot), length_s - 120.0]
    return [(since, until) for since, until in zip(ends, begins, strict=True) if until - since > 60.0]
