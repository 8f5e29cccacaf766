"""cost: what the GPUs cost now, what was spent, and who lets them idle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.places import begin_of, look
from app.agent.tools.told import iso, lean, moment
from app.agent.tools.tool import Found
from app.domain.series import FLEET, Series
from app.services import queries_money

_TABLES = ("users", "jobs", "nodes", "accounts", "partitions")


async def cost(
    ground: Ground,
    since: Annotated[str | None, "spent since when: a span back (6h, 7d) or a time; null: 1d"] = None,
) -> Found:
    """Money: dollars an hour now, for idle GPUs too (held by jobs or by nobody), spent since, forecast, who costs most.

    `idle_per_hour` of users and jobs is what they hold and leave idle: who wastes GPUs. GPUs without a known price are
    in `unpriced` and in no sum.
    """
    snapshot, now = await look(ground)
    start = begin_of(since, now, "1d")

    async def ask(key: str, begin: float, end: float, step_s: float) -> Series:
        return await ground.feed.series(FLEET, key, begin, end, step_s)

    told = await queries_money.money(snapshot, now, now - start, ask)
    data: dict[str, Any] = {
        **moment(now),
        "unit": "dollars",
        "now": _rounded(told["now"] or {}),
        "note": None if told["now"] is not None else "no price of any GPU model here is known (see [prices])",
        "unpriced_gpus": told["unpriced"],
        **{name: _spent(told[name]) for name in ("since", "today", "month")},
        "forecast": _rounded(told["forecast"]),
        **{name: [_rounded(row) for row in told[name]] for name in _TABLES},
    }
    rate = f"{told['now']['per_hour']:g} $/h" if told["now"] is not None else "no price is known"
    return Found(lean(data), rate, now, trim=("accounts", "partitions", "nodes", "jobs", "users"))


def _rounded(one: Mapping[str, Any]) -> dict[str, Any]:
    """To cents."""
    return lean({key: round(value, 2) if isinstance(value, float) else value for key, value in one.items()})


def _spent(one: dict[str, Any] | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return _rounded({**one, "start": None, "end": None, "start_iso": iso(one["start"]), "end_iso": iso(one["end"])})
