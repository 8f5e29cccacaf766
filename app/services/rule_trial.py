"""Trying a rule before it is saved: of what it is true now, and when it would have fired in the last day."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.domain.alert import Labels, Rule
from app.domain.metrics import by_key
from app.engine.alerting.evaluate import EvaluationError, evaluate
from app.engine.alerting.expression import selectors
from app.engine.alerting.live import LiveSamples
from app.engine.alerting.parse import parse
from app.engine.alerting.signals import View
from app.engine.alerting.windows import Windows
from app.services.dry_run import DryRun, DryRunError, OnRead, dry_run

if TYPE_CHECKING:
    from app.services.feed import Feed

DAY_S = 86400.0
_STEPS_S: tuple[tuple[int, float], ...] = ((64, 60.0), (512, 120.0))
"""Up to so many GPUs, steps of so long; beyond, the longest: a large fleet's day is read in as much time."""
_LONGEST_STEP_S = 300.0


async def true_now(rule: Rule, feed: Feed) -> Mapping[Labels, float] | None:
    """Whom a rule's condition is true of now, and with which value; None where it looks back and cannot say."""
    tree = parse(rule.expr)
    if any(one.window_s is not None for one in selectors(tree)):
        return None
    now = feed.now()
    view = View(feed.latest(), now, feed.watched(), feed.diagnosis().findings)
    try:
        return await asyncio.to_thread(evaluate, tree, LiveSamples(view, Windows()), now)
    except EvaluationError as error:
        raise DryRunError(f"it cannot be evaluated: {error}") from error


def is_kept(rule: Rule) -> bool:
    """Whether the history keeps all that a rule asks for, so that it can be tried on the past."""
    return all(one.name in by_key() for one in selectors(parse(rule.expr)))


async def last_day(rule: Rule, feed: Feed, on_read: OnRead) -> DryRun:
    """When a rule would have fired in the last day of history. Raises DryRunError."""
    snapshot = feed.latest()
    gpus = sum(1 for _ in snapshot.gpus())
    step_s = next((step for most, step in _STEPS_S if gpus <= most), _LONGEST_STEP_S)
    end = feed.now() // step_s * step_s
    return await dry_run(rule, feed, snapshot, end - DAY_S, end, step_s, on_read=on_read)
