"""What the results of looks hold, as facts that a number or a name in an answer can rest on. Pure.

Every number of a result is a fact of a kind, by its key (`memory_used_mib`, `power_w`), about whom it stands under
(`gpu-1/3`), and of the things it counts (`gpus_busy`). What a reader may reckon from a list is a fact too: how many it
has, how many of them are alike, the sum and the mean of a column; and how long ago a moment was.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any

from app.agent.amounts import Kind, read
from app.agent.nouns import first_noun, nouns_of, tags_of, topics_of
from app.domain.frozen import frozen

MOST_FACTS = 60_000
_MOMENT = (1.0e9, 4.2e9)
"""Epoch seconds of our time: 2001 to 2103."""
_SHORTEST_AGO_S = 2.0
"""What is not longer ago is the time of the look itself."""
_LONGEST_AGO_S = 60 * 86400.0
_SUFFIXES: tuple[tuple[str, Kind, float], ...] = (
    ("dollars_per_hour", "money", 1.0), ("cost_per_hour", "money", 1.0), ("bytes_per_s", "rate", 1.0),
    ("per_s", "rate", 1.0), ("per_second", "rate", 1.0), ("per_min", "plain", 1.0), ("per_hour", "money", 1.0),
    ("percent", "percent", 1.0), ("pct", "percent", 1.0), ("usage", "percent", 100.0),
    ("ratio", "percent", 100.0),
    ("fraction", "percent", 100.0), ("share", "percent", 100.0), ("gib", "memory", 1024 * 1048576.0),
    ("mib", "memory", 1048576.0), ("kib", "memory", 1024.0), ("bytes", "memory", 1.0), ("gpu_hours", "plain", 1.0),
    ("kwh", "energy", 3.6e6), ("wh", "energy", 3600.0), ("joules", "energy", 1.0), ("mhz", "frequency", 1e6),
    ("ghz", "frequency", 1e9), ("hz", "frequency", 1.0), ("ms", "time", 1e-3), ("minutes", "time", 60.0),
    ("hours", "time", 3600.0), ("days", "time", 86400.0), ("seconds", "time", 1.0), ("s", "time", 1.0),
    ("min", "time", 60.0), ("h", "time", 3600.0), ("kw", "power", 1e3), ("w", "power", 1.0), ("watts", "power", 1.0),
    ("c", "temperature", 1.0), ("celsius", "temperature", 1.0), ("usd", "money", 1.0), ("dollars", "money", 1.0),
    ("cost", "money", 1.0), ("price", "money", 1.0),
)  # fmt: skip
"""Ends of keys; the first that fits says what a number is, and how much of the base unit one is."""
_METRIC_UNITS: Mapping[str, tuple[Kind, float]] = {
    "%": ("percent", 1.0), "MiB": ("memory", 1048576.0), "°C": ("temperature", 1.0), "W": ("power", 1.0),
    "MHz": ("frequency", 1e6), "B/s": ("rate", 1.0), "B": ("memory", 1.0), "s": ("time", 1.0), "J": ("energy", 1.0),
    "tok/s": ("rate", 1.0), "/s": ("rate", 1.0), "$/h": ("money", 1.0), "dollars": ("money", 1.0),
    "ratio": ("percent", 100.0),
}  # fmt: skip
_NAMES = ("gpu", "node", "job", "subject", "service", "name", "id", "incident", "user", "target", "where", "host", "on")
"""Keys whose text says whom the rest is about."""
_OVERLAPPING = frozenset({"partitions", "free_by_model", "accounts", "findings", "evidence"})
"""Lists whose rows share what they count: their sums mean nothing."""
_NODE_KEYS = frozenset({"node", "nodes", "host", "hosts", "required_nodes", "excluded_nodes"})
_JOB_KEYS = frozenset({"job", "jobs", "job_ids", "job_id"})
_USER_KEYS = frozenset({"user", "users", "acknowledged_by"})
_STATISTICS = re.compile(r"min|max|mean|first|last|p\d\d|change(?:_per_hour)?")
"""Keys whose number is of whatever the metric around them measures."""
_WHOLES = (
    (re.compile(r"idle_(.+)"), r"\1"),
    (re.compile(r"(.+)_idle"), r"\1"),
    (re.compile(r"(.+)_(?:used|free)(_.+|)"), r"\1_total\2"),
    (re.compile(r"(.+)_(w)"), r"\1_limit_\2"),
    (re.compile(r"elapsed_s"), r"time_limit_s"),
    (re.compile(r"free|allocated|unavailable"), r"total"),
)
"""Keys of parts, and of what they are parts of in the same mapping."""
_INDEX_KEYS = frozenset({"index", "rank", "gpu_index", "schema", "version", "pid"})
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@frozen
class Fact:
    """One number that an answer may rest on."""

    kind: Kind
    value: float
    raw: float
    """As it stands in the result."""
    about: frozenset[str] = frozenset()
    nouns: frozenset[str] = frozenset()
    """What it counts, for a plain one: `gpu`, `job`."""
    tags: frozenset[str] = frozenset()
    """How they are: `pending`, `busy`."""
    topics: frozenset[str] = frozenset()
    """What it is a number of, by its key: `memory`, `limit`."""
    is_name: bool = False
    """It tells which, not how many: an index, an id."""
    is_hourly: bool = False
    """Dollars an hour."""
    look: int = 0
    """Number of the look it comes from; -1: of one before this answer; 0: of none."""


@dataclass(slots=True)
class _Seen:
    """What is gathered beside the facts."""

    texts: list[str] = field(default_factory=list)
    moments: list[tuple[float, frozenset[str]]] = field(default_factory=list)
    """Each with whom it is about."""
    nodes: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Facts:
    """All that an answer may rest on."""

    numbers: list[Fact] = field(default_factory=list)
    text: str = ""
    """Every text of the results, for names and quotations, in one case."""
    nodes: set[str] = field(default_factory=set)
    """Names of nodes that were found."""
    jobs: set[str] = field(default_factory=set)
    """Ids of jobs that were found."""
    users: set[str] = field(default_factory=set)
    """Names of people that were found."""
    zone: tzinfo = UTC

    def add_result(
        self, result: str, began: float = 0.0, arguments: Mapping[str, Any] | None = None, look: int = 0
    ) -> None:
        """Take the result of a look; `began` is when it was made, epoch seconds."""
        self.text += "\n" + result.casefold()
        try:
            found = json.loads(result)
        except ValueError:
            self.add_text(result, look)
            return
        seen = _Seen(nodes=self.nodes, jobs=self.jobs, users=self.users)
        facts = list(islice(_walk(found, "", _named(arguments or {}), seen), MOST_FACTS))
        self.text += "\n" + "\n".join(seen.texts).casefold()
        at = found.get("at") if isinstance(found, dict) else None
        nows = [one for one in (at, began) if isinstance(one, int | float) and one > 0]
        for moment, about in dict.fromkeys(seen.moments):
            facts += _times(moment, nows, about, self.zone)
        self.numbers += (replace(one, look=look) for one in facts)

    def add_text(self, text: str, look: int = 0) -> None:
        """Take what a person said, or a text that was given along: its numbers may be repeated, for anything."""
        self.text += "\n" + text.casefold()
        facts = list(_in_text(text, frozenset()))
        for match in _ISO.finditer(text):
            if moment := _moment(match[0]):
                facts += _times(moment, (), frozenset(), self.zone)
        self.numbers += (replace(one, look=look) for one in facts)


def _walk(
    value: Any,  # noqa: ANN401 - JSON has no better name
    key: str,
    about: frozenset[str],
    seen: _Seen,
    unit: tuple[Kind, float] | None = None,
) -> Iterator[Fact]:
    """The facts of a value that stands under a key."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield from _number(float(value), key, about, seen, unit)
    elif isinstance(value, str):
        seen.texts.append(value)
        if key in _NODE_KEYS:
            seen.nodes.add(value.partition("/")[0])
        elif key in _JOB_KEYS:
            seen.jobs.add(value)
        elif key in _USER_KEYS:
            seen.users.add(value.casefold())
        yield from _in_text(value, about)
        if moment := _moment(value):
            seen.moments.append((moment, about))
    elif isinstance(value, Mapping):
        yield from _mapping(value, key, about, seen, unit)
    elif isinstance(value, Sequence):
        yield from _list(value, key, about, seen, unit)


def _mapping(
    value: Mapping[str, Any],
    key: str,
    about: frozenset[str],
    seen: _Seen,
    unit: tuple[Kind, float] | None,
) -> Iterator[Fact]:
    own = about | _named(value)
    if key == "gpus" and isinstance(index := value.get("index"), int):
        own |= {f"{node}/{index}".casefold() for node in seen.nodes if node.casefold() in about}
    if isinstance(name := value.get("name"), str):
        if key == "nodes":
            seen.nodes.add(name)
        elif key == "users":
            seen.users.add(name.casefold())
        elif key == "jobs" and name[:1].isdigit():
            seen.jobs.add(name)
    found = value.get("unit")
    unit = _METRIC_UNITS.get(found, unit) if isinstance(found, str) else unit
    if metric := value.get("metric"):
        unit = unit or _unit_of(str(metric))
    moments = [moment for part in value.values() if (moment := _moment_in(part)) is not None]
    yield from _apart(sorted(dict.fromkeys(moments))[:8], own)
    for name, part in value.items():
        seen.texts.append(str(name))
        is_telling = _unit_of(name) is not None or bool(nouns_of(name)) or name.endswith("_at")
        is_telling = is_telling and not topics_of(key)
        under = name if is_telling or not key or isinstance(part, Mapping | list) else f"{key} {name}"
        scope = own | {name.casefold()} if isinstance(part, Mapping) else own
        yield from _walk(part, under, scope, seen, unit)
    yield from _shares(value, own)
    if len(value) > 1 and all(isinstance(part, int) and not isinstance(part, bool) for part in value.values()):
        yield _count(len(value), key, own)


def _shares(value: Mapping[str, Any], about: frozenset[str]) -> Iterator[Fact]:
    """Of a part and its whole that stand side by side (`idle_cost` and `cost`, `used` and `total`), the share."""
    for name, part in value.items():
        for pattern, whole in _WHOLES:
            if (match := pattern.fullmatch(name)) is None:
                continue
            found = value.get(match.expand(whole))
            if _is_number(part) and _is_number(found) and 0 <= part <= found != 0:
                share = 100.0 * part / found
                yield Fact("percent", share, share, about, topics=topics_of(name))


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON has no better name
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(
    value: Sequence[Any],
    key: str,
    about: frozenset[str],
    seen: _Seen,
    unit: tuple[Kind, float] | None,
) -> Iterator[Fact]:
    yield _count(len(value), key, about)
    inside = _Seen() if key == "points" else seen  # when each point was is no moment of anything
    for part in value:
        yield from _walk(part, key, about, inside, unit)
    rows = [part for part in value if isinstance(part, Mapping)]
    if len(rows) > 1:
        yield from _columns(rows, key, about)


def _columns(rows: Sequence[Mapping[str, Any]], key: str, about: frozenset[str]) -> Iterator[Fact]:
    """What may be reckoned from rows: sums and means of their numbers, how many are alike, how many differ."""
    for name in dict.fromkeys(name for row in rows for name in row):
        cells = [row.get(name) for row in rows]
        numbers = [float(one) for one in cells if isinstance(one, int | float) and not isinstance(one, bool)]
        if numbers and name not in _INDEX_KEYS and key not in _OVERLAPPING and not _is_moment(name, numbers[0]):
            total = math.fsum(numbers)
            for one in (total, total / len(numbers)):
                yield from _number(one, name, about, _Seen(), None)
        words = [str(one) for one in cells if isinstance(one, str | bool)]
        if name == "gpu":
            words += [word.partition("/")[0] for word in words if "/" in word]
        counts: dict[str, int] = {}
        for word in words:
            counts[word] = counts.get(word, 0) + 1
        for word, many in counts.items():
            tags = tags_of(word) | (tags_of(name) if word == "True" else frozenset())
            nouns = nouns_of(key) | nouns_of(name if name == "gpu" else "")
            yield Fact("plain", float(many), float(many), about | {word.casefold()}, nouns, tags)
        if words and name != "gpu":
            yield Fact("plain", float(len(counts)), float(len(counts)), about, nouns_of(name))


def _count(many: int, key: str, about: frozenset[str]) -> Fact:
    return Fact("plain", float(many), float(many), about, nouns_of(key), tags_of(key))


def _number(
    value: float, key: str, about: frozenset[str], seen: _Seen, unit: tuple[Kind, float] | None
) -> Iterator[Fact]:
    if not math.isfinite(value):
        return
    if _is_moment(key, value):
        seen.moments.append((value, about))
        return
    name = key.rpartition(" ")[2]
    own = unit if unit and _STATISTICS.fullmatch(name) else _unit_of(key)
    kind, size = own or (None if nouns_of(name) else unit) or ("plain", 1.0)
    is_name = name in _INDEX_KEYS or (name in {"gpu", "id", "job"} and value == int(value))
    is_hourly = kind == "money" and name.endswith("per_hour")
    yield Fact(kind, value * size, value, about, nouns_of(key), tags_of(key), topics_of(key), is_name, is_hourly)


def _is_moment(key: str, value: float) -> bool:
    return _MOMENT[0] < value < _MOMENT[1] and _unit_of(key) in (None, ("time", 1.0))


def _unit_of(key: str) -> tuple[Kind, float] | None:
    """What a key says of its number; of `power_w min` (no minutes) its metric does."""
    metric, _, last = key.rpartition(" ")
    name = last.rpartition(".")[2].casefold()
    if _STATISTICS.fullmatch(name):
        return _unit_of(metric) if metric else None
    for end, kind, size in _SUFFIXES:
        if name == end or name.endswith(f"_{end}"):
            return kind, size
    return None


def _named(value: Mapping[str, Any]) -> frozenset[str]:
    """Whom a mapping is about; of `gpu-1/3` also its node."""
    found = set()
    for key in _NAMES:
        text = value.get(key)
        if key == "gpu" and isinstance(text, int) and isinstance(value.get("node"), str):
            text = f"{value['node']}/{text}"
        if isinstance(text, str | int) and text != "" and not isinstance(text, bool):
            name = str(text).casefold().removeprefix("job ")
            found |= {name, name.partition("/")[0]}
    return frozenset(found)


def _in_text(text: str, about: frozenset[str]) -> Iterator[Fact]:
    """Numbers that a text tells, with what they count by the words behind them."""
    for one in read(text):
        if one.is_word:
            continue
        behind = text[one.end : one.end + 40]
        noun = first_noun(behind, most=3)
        nouns = frozenset({noun} if noun else ())
        for reading in one.readings:
            value = (reading.low + reading.high) / 2 if reading.kind != "time" else (2 * reading.low + reading.high) / 3
            yield Fact(reading.kind, value, value, about, nouns, tags_of(behind, most=4))


def _moment_in(value: Any) -> float | None:  # noqa: ANN401 - JSON has no better name
    if isinstance(value, str):
        return _moment(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and _MOMENT[0] < value < _MOMENT[1] else None


def _moment(text: str) -> float | None:
    if not _ISO.match(text) or len(text) > 40:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _times(moment: float, nows: Sequence[float], about: frozenset[str], zone: tzinfo) -> Iterator[Fact]:
    """What a moment may be told as: a time of day, a day, how long ago."""
    for where in (UTC, zone, None):
        yield from _of_day(moment, about, where)
    for now in nows:
        if _SHORTEST_AGO_S < abs(now - moment) < _LONGEST_AGO_S:
            yield Fact("time", abs(now - moment), abs(now - moment), about)


def _apart(moments: Sequence[float], about: frozenset[str]) -> Iterator[Fact]:
    """How far apart moments of one thing are: its beginning and its end."""
    for at, one in enumerate(moments):
        for other in moments[at + 1 :]:
            if _SHORTEST_AGO_S < abs(other - one) < _LONGEST_AGO_S:
                yield Fact("time", abs(other - one), abs(other - one), about)


def _of_day(moment: float, about: frozenset[str], zone: tzinfo | None) -> Iterator[Fact]:
    try:
        at = datetime.fromtimestamp(moment, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return
    second = at.hour * 3600.0 + at.minute * 60.0 + at.second
    yield Fact("clock", second, second, about)
    day = float(at.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal())
    yield Fact("date", day, day, about)
