"""What things cost, as JSON: rates now, what was spent, the forecast. Asks the history where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from app.domain.series import FLEET, Series
from app.domain.snapshot import Snapshot
from app.engine.money import Rate, Rates, Spent, bounds, forecast, most_expensive, rates, spent

SCHEMA = 1
MOST_ROWS = 20
STEP_S = 900.0
"""Spans that sums are made of: what the history keeps longest."""
_COST, _IDLE, _POWER = "fleet.cost_per_hour", "fleet.idle_cost_per_hour", "gpu.power"

AskSeries = Callable[[str, float, float, float], Awaitable[Series]]
"""The fleet's series of a metric: (key, start, end, step). Raises LookupError where there is none."""


async def money(snapshot: Snapshot, now: float, since_s: float, ask: AskSeries | None) -> dict[str, Any]:
    """Everything about money; `ask` None: no history is kept, and nothing is said of the past."""
    # Thousands of GPUs take a tenth of a second: beside the event loop, which has screens to answer.
    found = await asyncio.to_thread(rates, snapshot, now)
    times = bounds(now)
    since = day = month = None
    if ask is not None:
        since = await spent_since(ask, now - since_s, now)
        day = await spent_since(ask, times.day, now)
        month = await spent_since(ask, times.month, now)
    ahead = forecast(found.total, day, month, now)
    known = bool(found.total.gpus)
    return {
        "schema": SCHEMA,
        "at": round(now, 3),
        "cluster": snapshot.cluster,
        "now": _rates(found) if known else None,
        "unpriced": dict(found.unpriced),
        "since": _spent(since),
        "today": _spent(day),
        "month": _spent(month),
        "forecast": {
            "today": _dollars(ahead.today),
            "month": _dollars(ahead.month),
            "per_day": _dollars(ahead.day_rate) if known else None,
            "per_month": _dollars(ahead.month_rate) if known else None,
        },
        **{
            name: [_row(key, one) for key, one in most_expensive(table, MOST_ROWS)]
            for name, table in (
                ("nodes", found.by_node),
                ("jobs", found.by_job),
                ("users", found.by_user),
                ("accounts", found.by_account),
                ("partitions", found.by_partition),
            )
        },
    }


async def spent_since(ask: AskSeries, start: float, end: float) -> Spent | None:
    """What was spent between two moments; None where the history knows nothing of it."""
    step_s = max(60.0, min(STEP_S, (end - start) / 60))
    step_s = 60.0 * round(step_s / 60)
    try:
        cost = await ask(_COST, start, end, step_s)
    except LookupError:
        cost = Series(FLEET, _COST, "$/h", start, end, step_s, ())
    try:
        idle = await ask(_IDLE, start, end, step_s)
        power = await ask(_POWER, start, end, step_s)
    except LookupError:
        return None
    found = spent(start, end, cost, idle, power)
    return None if found.cost is None and found.energy_kwh is None else found


def _rates(found: Rates) -> dict[str, Any]:
    return {
        "per_hour": _dollars(found.total.per_hour),
        "idle_per_hour": _dollars(found.total.idle_per_hour),
        "held_idle_per_hour": _dollars(found.held.idle_per_hour) if found.held.gpus else None,
        "unheld_per_hour": _dollars(found.unheld.per_hour) if found.held.gpus or found.unheld.gpus else None,
        "lost_per_hour": _dollars(found.lost.per_hour),
        "gpus": found.total.gpus,
        "gpus_idle": found.total.gpus_idle,
        "gpus_held_idle": found.held.gpus_idle if found.held.gpus else None,
        "gpus_unheld": found.unheld.gpus if found.held.gpus or found.unheld.gpus else None,
    }


def _row(name: str, one: Rate) -> dict[str, Any]:
    return {
        "name": name,
        "gpus": one.gpus,
        "gpus_idle": one.gpus_idle,
        "per_hour": _dollars(one.per_hour),
        "idle_per_hour": _dollars(one.idle_per_hour),
        "so_far": _dollars(one.so_far),
    }


def _spent(one: Spent | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "start": round(one.start, 3),
        "end": round(one.end, 3),
        "cost": _dollars(one.cost),
        "idle_cost": _dollars(one.idle_cost),
        "energy_kwh": None if one.energy_kwh is None else round(one.energy_kwh, 3),
        "covered": round(one.covered, 4),
    }


def _dollars(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
