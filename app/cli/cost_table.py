"""`cost` for people: the rate now, what is wasted, what was spent, what it comes to, and who. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.present.cells import Cell, Line, Tone, cells, fit, line, tidy
from app.present.units import MISSING

_WIDE, _NUMBER = 22, 11


def cost_lines(answer: Mapping[str, Any], since: str, width: int) -> list[Line]:
    """What things cost, as JSON has it, in lines of at most `width` columns."""
    width = max(60, width)
    if answer["now"] is None:
        missing = ", ".join(tidy(model, 40) for model in answer["unpriced"]) or "no GPU is seen"
        return [
            cells("no price is known", "look"),
            cells(fit(f"give one in [prices], by the model's name: {missing}", width).rstrip(), "quiet"),
        ]
    lines = [*_now(answer["now"]), (), *_past(answer, since)]
    for title, key in (("user", "users"), ("job", "jobs"), ("partition", "partitions"), ("node", "nodes")):
        if answer[key]:
            lines += [(), *_table(title, answer[key])]
    if answer["unpriced"]:
        without = ", ".join(f"{count} × {tidy(model, 40)}" for model, count in answer["unpriced"].items())
        lines += [(), cells(fit(f"without a price, and left out: {without}", width).rstrip(), "quiet")]
    return lines


def _now(now: Mapping[str, Any]) -> Iterator[Line]:
    yield _row("now", now["per_hour"], "/h", f"{now['gpus']:,} GPUs")
    idle = now["idle_per_hour"]
    yield _row("  doing nothing", idle, "/h", f"{now['gpus_idle']:,} GPUs", "look" if idle else "plain")
    if now["held_idle_per_hour"] is not None:
        held = now["held_idle_per_hour"]
        yield _row("  of it held by jobs", held, "/h", f"{now['gpus_held_idle']:,} GPUs", "look" if held else "plain")
    if now["unheld_per_hour"] is not None:
        yield _row("  no job has them", now["unheld_per_hour"], "/h", f"{now['gpus_unheld']:,} GPUs")
    if now["lost_per_hour"]:
        yield _row("  lost", now["lost_per_hour"], "/h", "paid for all the same", "bad")


def _past(answer: Mapping[str, Any], since: str) -> Iterator[Line]:
    for name, key in ((f"last {since}", "since"), ("today", "today"), ("this month", "month")):
        one = answer[key]
        if one is None:
            continue
        energy = f"{one['energy_kwh']:,.1f} kWh" if one["energy_kwh"] is not None else ""
        gaps = "" if one["covered"] > 0.98 else f"  (known: {one['covered']:.0%} of the time)"
        yield _row(f"spent {name}", one["cost"], "", f"{energy}{gaps}")
        if one["idle_cost"]:
            yield _row("  doing nothing", one["idle_cost"], "")
    ahead = answer["forecast"]
    if ahead["today"] is not None:
        yield _row("by the end of today", ahead["today"], "", "if all stays as it is")
    if ahead["month"] is not None:
        yield _row("by the end of the month", ahead["month"], "", "if all stays as it is")
    yield _row("a day at this rate", ahead["per_day"], "")
    yield _row("a month at this rate", ahead["per_month"], "", "730 h")


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    heads = "".join(fit(name, _NUMBER, "right") for name in ("GPUs", "idle", "$/h", "idle $/h"))
    is_job = title == "job"
    yield (Cell(fit(title, _WIDE) + heads + (fit("so far", _NUMBER, "right") if is_job else ""), "head"),)
    for row in rows:
        numbers = (f"{row['gpus']:,}", f"{row['gpus_idle']:,}", money(row["per_hour"]), money(row["idle_per_hour"]))
        more = fit(money(row["so_far"]), _NUMBER, "right") if is_job else ""
        tone: Tone = "look" if row["idle_per_hour"] else "plain"
        yield line(
            Cell(fit(tidy(row["name"]), _WIDE), tone), "".join(fit(one, _NUMBER, "right") for one in numbers), more
        )


def _row(name: str, dollars: float | None, per: str, rest: str = "", tone: Tone = "plain") -> Line:
    amount = fit(f"{money(dollars)}{per}", 16, "right")
    return line(fit(name, 26), Cell(amount, tone), Cell(f"  {rest}" if rest else "", "quiet"))


def money(dollars: float | None) -> str:
    """`$1,234.50`, `$0.0042`, or the sign for what is not known."""
    if dollars is None:
        return MISSING
    return f"${dollars:,.4f}" if 0 < dollars < 0.01 else f"${dollars:,.2f}"
