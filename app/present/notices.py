"""Notices as text for people and as JSON for machines. Pure; what comes from the cluster is no markup anywhere.

The text is plain: channels that want another form are given it by Apprise. Mentions are broken up, so that a job's name
cannot wake a whole chat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from app.domain.naming import clean
from app.domain.notice import Notice, Phase
from app.present.units import format_age, format_money

SCHEMA = 1
LONGEST_BODY = 30_000
_WORDS: dict[Phase, str] = {
    "began": "",
    "worse": "WORSE: ",
    "more": "MORE: ",
    "again": "AGAIN: ",
    "still": "STILL: ",
    "over": "OVER: ",
}
_MENTION = re.compile(r"@(?=\w)|<(?=[!@#])")


def subject(notice: Notice) -> str:
    """One line: how grave, where and what."""
    grave = "" if notice.phase == "over" else f"[{notice.severity.upper()}] "
    cluster = f"{notice.cluster}: " if notice.cluster else ""
    return _tame(clean(f"{grave}{_WORDS[notice.phase]}{cluster}{notice.title}", 240))


def body(notice: Notice, zone: tzinfo | None = None, *, is_repeat: bool = False, most: int = LONGEST_BODY) -> str:
    """Everything a person needs at night, the cause first, in at most so many characters.

    Where a service takes less, what follows from it is left out first, then the cause is cut: what to do stays longest.
    """
    text = ""
    for shown, told in ((len(notice.lines), 600), (5, 600), (1, 300), (0, 120)):
        left_out = notice.left_out + len(notice.lines) - min(shown, len(notice.lines))
        short = replace(notice, lines=notice.lines[:shown], left_out=left_out)
        lines = [clean(line, told) for line in _lines(short, zone)]
        if is_repeat:
            lines.append("(This may have reached you before: the program was stopped while it sent this.)")
        text = _tame("\n".join(lines))
        if len(text) <= most:
            return text
    return text[: max(0, most - 1)] + "…"


def _since(notice: Notice, zone: tzinfo | None) -> Iterator[str]:
    if notice.joined:
        yield f"This is a part of {notice.joined.partition(':')[2]}, which is told by itself."
    elif notice.phase == "over" and notice.ended is not None:
        yield f"Over since {_clock(notice.ended, zone)}; it lasted {format_age(notice.ended - notice.began)}."
    elif notice.kind in ("incident", "alerts"):
        yield f"Since {_clock(notice.began, zone)}."
    elif notice.kind == "test":
        yield f"Somebody asked at {_clock(notice.at, zone)} whether this channel works: it does."


def _lines(notice: Notice, zone: tzinfo | None) -> Iterator[str]:
    yield from _since(notice, zone)
    if notice.root:
        yield f"Cause: {notice.root}"
    if hit := _affects(notice):
        yield f"Affects: {hit}"
    if notice.lines or notice.left_out:
        heads = {"incident": "Follows from it:", "alerts": "Alerts:"}
        yield heads.get(notice.kind, "")
        yield from (f"- {line}" for line in notice.lines)
        if notice.left_out:
            yield f"- … and {notice.left_out:,} more"
    if notice.phase != "over":
        for number, advice in enumerate(notice.actions):
            yield f"{'Do' if number == 0 else 'Then'}: {advice.text}"
            if advice.command:
                yield f"    {advice.command}"
    if notice.kind in ("incident", "alerts"):
        yield f"({notice.topic.replace(':', ' ')})"


def _affects(notice: Notice) -> str:
    hit = notice.affects
    words = []
    if hit.gpus:
        words.append(f"{hit.gpus:,} GPU{'s' if hit.gpus != 1 else ''}")
    if hit.jobs:
        shown = ", ".join(hit.jobs[:5])
        words.append(f"job{'s' if len(hit.jobs) > 1 else ''} {shown}{', …' if len(hit.jobs) > 5 else ''}")
    if notice.users:
        words.append(f"of {', '.join(notice.users[:5])}{', …' if len(notice.users) > 5 else ''}")
    if hit.cost_per_hour:
        words.append(format_money(hit.cost_per_hour))
    return ", ".join(words)


def _clock(at: float, zone: tzinfo | None) -> str:
    moment = datetime.fromtimestamp(at, zone) if zone is not None else datetime.fromtimestamp(at).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()


def _tame(text: str) -> str:
    """Text in which nothing is a mention: a word joiner stands behind each sign that begins one."""
    return _MENTION.sub(lambda found: f"{found[0]}\u2060", text)


def thread_of(origin: str, notice: Notice) -> str:
    """What all messages about one topic share, for receivers that keep them together."""
    return f"gpu-watchdog/{origin}/{notice.topic}"


def webhook_body(notice: Notice, key: str, channel: str, *, is_repeat: bool = False) -> dict[str, Any]:
    """What a webhook is sent (docs/schema/webhook.json)."""
    kind, _, name = notice.topic.partition(":")
    return {
        "schema": SCHEMA,
        "id": key,
        "channel": channel,
        "key": thread_of(key.rpartition("-")[0], notice),
        "kind": notice.kind,
        "incident": name if kind == "incident" else None,
        "phase": notice.phase,
        "severity": notice.severity,
        "cluster": notice.cluster,
        "at": round(notice.at, 3),
        "began": round(notice.began, 3),
        "ended": None if notice.ended is None else round(notice.ended, 3),
        "joined": notice.joined or None,
        "title": notice.title,
        "root": notice.root or None,
        "lines": list(notice.lines),
        "left_out": notice.left_out,
        "affects": {
            "gpus": notice.affects.gpus,
            "jobs": list(notice.affects.jobs),
            "users": list(notice.users),
            "cost_per_hour": notice.affects.cost_per_hour,
        },
        "actions": [{"text": one.text, "command": one.command, "gated": one.gated} for one in notice.actions],
        "labels": dict(notice.labels),
        "repeat": is_repeat,
        "text": f"{subject(notice)}\n{body(notice)}",
    }
