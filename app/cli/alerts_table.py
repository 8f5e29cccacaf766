"""Alerts, rules and dry runs as lines for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from app.domain.naming import clean
from app.engine.alerting.expression import duration
from app.engine.alerting.machine import number_text, where_of
from app.services.dry_run import DryRun


def alert_lines(answer: Mapping[str, Any], now: float, *, is_all: bool) -> list[str]:
    """One line an alert, the worst first; muted and resolved ones only where all are wanted."""
    shown = [one for one in answer["alerts"] if is_all or (not one["muted"] and one["state"] != "resolved")]
    rows = [
        (
            one["id"],
            "no data" if one["no_data"] else one["state"],
            one["severity"],
            _ago(now - one["since"]),
            clean(one["text"], 160) + _remarks(one),
        )
        for one in shown
    ]
    lines = list(_aligned([("id", "state", "severity", "for", ""), *rows])) if rows else ["nothing fires"]
    hidden = len(answer["alerts"]) - len(shown)
    if hidden:
        lines.append(f"{hidden} more are muted or over (--all)")
    lines += [
        f"silence {one['id']}: {clean(', '.join(one['matchers']), 120)} for {_ago(one['ends_at'] - now)} more"
        for one in answer["silences"]
    ]
    return lines + [f"{clean(where, 120)}: {clean(why, 240)}" for where, why in answer["troubles"].items()]


def _remarks(one: Mapping[str, Any]) -> str:
    words = []
    if one["ack"] is not None:
        by = f" by {clean(one['ack']['by'], 32)}" if one["ack"]["by"] else ""
        words.append(f"taken on{by}" + (f": {clean(one['ack']['note'], 80)}" if one["ack"]["note"] else ""))
    words += [clean(why, 100) for why in one["muted"]]
    return f" [{'; '.join(words)}]" if words else ""


def rule_lines(rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line a rule."""
    rows = [
        (
            one["name"],
            one["severity"] if one["enabled"] else "off",
            duration(one["for_s"]) if one["for_s"] else "-",
            clean(one["expr"], 90),
        )
        for one in rules
    ]
    return list(_aligned([("rule", "severity", "for", "condition"), *rows]))


def dry_run_lines(found: DryRun) -> list[str]:
    """When a rule would have fired."""
    span = duration(round(found.end - found.start))
    head = f"{found.rule} over {span}: {len(found.episodes)} times, {found.series} series"
    if found.left_out:
        head += f" ({found.left_out} more were not read)"
    rows = [
        (
            _clock(one.fired_at),
            "still" if one.ended_at is None else _ago(one.ended_at - one.fired_at),
            where_of(one.labels),
            number_text(one.worst),
        )
        for one in sorted(found.episodes, key=lambda one: one.fired_at)
    ]
    return [head, *(_aligned([("fired", "lasted", "where", "worst"), *rows]) if rows else ())]


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _ago(seconds: float) -> str:
    return duration(max(0, round(seconds)))


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
