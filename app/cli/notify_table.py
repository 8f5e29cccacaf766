"""Channels, routes and messages on their way, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.naming import clean
from app.present.units import format_age
from app.services.queries_notify import least


def channel_lines(answer: Mapping[str, Any], now: float) -> list[str]:
    """One line a channel, then the routes."""
    rows = [(one["name"], one["service"], _limit(one["limit"]), _health(one, now)) for one in answer["channels"]]
    lines = list(_aligned([("channel", "service", "limit", ""), *rows])) if rows else []
    lines += [f"alertmanager {clean(one, 100)}" for one in answer["alertmanagers"]]
    if answer["heartbeat"]:
        lines.append("a dead-man's switch is told that this runs")
    if rows and not answer["routes"]:
        lines.append("no routes: warnings and worse go to every channel")
    return lines + [_route(one) for one in answer["routes"]]


def _limit(limit: Mapping[str, Any] | None) -> str:
    return "-" if limit is None else f"{limit['count']} in {format_age(limit['per_s'])}"


def _health(one: Mapping[str, Any], now: float) -> str:
    words = []
    if (one["failed_at"] or 0.0) > (one["ok_at"] or 0.0):
        words.append(f"failing: {clean(one['error'] or '', 120)} ({format_age(now - one['failed_at'])} ago)")
    elif one["ok_at"]:
        words.append(f"told {format_age(now - one['ok_at'])} ago")
    else:
        words.append("never told yet")
    words += [f"{one[key]} {word}" for key, word in (("waiting", "waiting"), ("given_up", "given up")) if one[key]]
    return ", ".join(words)


def _route(one: Mapping[str, Any]) -> str:
    words = [least(one), *(clean(text, 60) for text in one["match"])]
    words += [f"team {' or '.join(one['team'])}"] if one["team"] else []
    words += [one["when"]] if one["when"] else []
    words += [f"gathered every {format_age(one['digest_s'])}"] if one["digest_s"] else []
    return f"{', '.join(words)}: {', '.join(one['to'])}{', and on' if one['continue'] else ''}"


def queue_lines(answer: Mapping[str, Any], now: float) -> list[str]:
    """What is on its way, then what was told and lasts."""
    rows = [
        (
            one["channel"],
            "given up" if one["state"] == "failed" else one["state"],
            f"{one['attempts']}×",
            format_age(now - one["made_at"]),
            clean(one["title"], 100) + (f" [{clean(one['error'], 100)}]" if one["error"] else ""),
        )
        for one in answer["queue"]
    ]
    lines = list(_aligned([("channel", "state", "tried", "age", ""), *rows])) if rows else ["nothing is on its way"]
    for key, word in (("held", "held back by its limit"), ("gathered", "waiting for its digest")):
        lines += [f"{name}: {count:,} {word}" for name, count in answer[key].items()]
    told = [
        (one["channel"], one["severity"], format_age(now - one["at"]), clean(one["title"], 100))
        for one in answer["told"]
    ]
    return lines + (list(_aligned([("told", "severity", "ago", ""), *told])) if told else [])


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
