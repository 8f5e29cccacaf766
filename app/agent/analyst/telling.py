"""How numbers, moments and texts of others are written in an answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.domain.hostlist import expand
from app.domain.metrics import by_key
from app.domain.naming import clean, short_model
from app.engine.words import clock, span

_UNITS = (
    ("_percent", " %"), ("_mib", " MiB"), ("_w", " W"), ("_c", " °C"), ("_mhz", " MHz"), ("_bytes_per_s", " B/s"),
    ("_per_s", "/s"), ("_s", " s"), ("_rpm", " rpm"), ("_dollars_per_hour", " $/h"), ("_joules", " J"),
    ("_bytes", " B"),
)  # fmt: skip
_HARMLESS = str.maketrans({"`": "'", "*": "", "[": "(", "]": ")", "<": "‹", "|": "/"})
_HOSTS = re.compile(r"[A-Za-z][\w.-]*\[[\d,-]+\]")
_MOST_HOSTS = 16
_GIB_FROM = 10_240.0
"""MiB from which GiB are told."""


def own(text: str, most: int = 160) -> str:
    """A text that somebody else wrote, as code: nothing in it is markup, and nobody takes it for ours."""
    shown = clean(" ".join(text.split()), most).replace("`", "ˋ")
    return f"`{shown}`" if shown else ""


def harmless(told: str) -> str:
    """A sentence of ours that may hold names of others: nothing in it is markup, a link or a citation."""
    return " ".join(told.translate(_HARMLESS).split())


def opened(told: str) -> str:
    """A sentence of ours with its host lists written out, `gpu-[1-2]` as `gpu-1, gpu-2`, so that none is a citation."""
    return _HOSTS.sub(lambda found: ", ".join(expand(found.group())[:_MOST_HOSTS]), told)


def when(iso: str, now: float) -> str:
    """`03:10` of today, else with the day."""
    try:
        return clock(datetime.fromisoformat(iso).timestamp(), now)
    except ValueError:
        return ""


def since(iso: str, now: float) -> str:
    """` since 03:10`; empty where it is not known."""
    told = when(iso, now)
    return f" since {told}" if told else ""


def at(iso: str, now: float) -> str:
    """`at 03:10`; empty where it is not known."""
    told = when(iso, now)
    return f"at {told}" if told else ""


def lasting(seconds: float | None) -> str:
    """`3 h 06`; empty where it is not known."""
    return "" if seconds is None else span(seconds)


def figure(value: float, digits: int = 1) -> str:
    """A plain number: `1,024`, `97`, `0.4`."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits}f}"


def valued(name: str, value: float) -> str:
    """A number with the unit that its name ends with: `temperature_c` 91 → `91 °C`."""
    if name.endswith("_mib"):
        return memory(value)
    if name.endswith("_s") and not name.endswith("_per_s"):
        return span(value) if value >= 10 else f"{value:.3g} s"
    if name == "uptime":
        return span(value)
    for ending, unit in _UNITS:
        if name.endswith(ending):
            return f"{figure(value)}{unit}"
    return figure(value, 2)


def memory(mib: float) -> str:
    """`71.0 GiB`, `512 MiB`."""
    return f"{mib / 1024:.1f} GiB" if mib >= _GIB_FROM else f"{figure(mib)} MiB"


def percent(value: float | None) -> str:
    """`97 %`; empty where it is not known."""
    return "" if value is None else f"{value:.0f} %"


def dollars(value: float | None, per: str = "") -> str:
    """`$3.20`; empty where it is not known."""
    return "" if value is None else f"${value:,.2f}{per}"


def many(number: float, one: str, more: str = "") -> str:
    """`1 job`, `3 jobs`, `no job`."""
    if not number:
        return f"no {one}"
    return f"{figure(number)} {one if number == 1 else more or one + 's'}"


def named(some: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; of more how many there are beyond."""
    shown = [str(one) for one in some[:most]]
    if len(some) > most:
        return f"{', '.join(shown)} and more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def job_line(job: Mapping[str, Any], key: str = "job") -> str:
    """`job 812 (ana, llama-ft)`."""
    who = [str(job["user"])] if job.get("user") else []
    name = [own(str(job["name"]), 40)] if job.get("name") else []
    told = ", ".join([*who, *name])
    return f"job {job.get(key, '?')}" + (f" ({told})" if told else "")


def title_of(key: str) -> str:
    """What a catalogue row is called in a sentence."""
    words = {"gpu.utilization": "utilization", "gpu.temperature": "temperature", "gpu.power": "power",
             "gpu.memory_used": "memory used", "service.kv_cache_usage": "KV cache in use"}  # fmt: skip
    row = by_key().get(key)
    return words.get(key) or (row.title if row is not None else key)


def model_words(models: Mapping[str, Any]) -> str:
    """`8 × H100 80GB HBM3`; of several models all."""
    return ", ".join(f"{count} × {own(short_model(name), 60)}" for name, count in models.items())


def first_upper(text: str) -> str:
    """A sentence's beginning."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """With a full stop at its end."""
    shown = text.strip()
    return shown if not shown or shown[-1] in ".!?:" else f"{shown}."


def joined(parts: Iterable[str], between: str = ", ") -> str:
    """Those that say something."""
    return between.join(one for one in parts if one)


def of_user(user: str) -> str:
    """` of ana`; empty where nobody is known."""
    return f" of {user}" if user else ""


def behind(lead: str, told: str) -> str:
    """A text with what leads to it, ` by root`; empty where there is no text."""
    return f"{lead}{told}" if told else ""
