"""Which series of a Prometheus server mean anything to us: selectors out of the catalogue, rows into pages. Pure.

A server holds a target's page taken apart: every sample with the target's own labels on it. Here it is put together
again as the exporter sent it, so that the same adapters read it (`app.sources.page`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from app.domain.metrics import by_whole, by_wire, histograms
from app.sources.adapters import ADAPTERS, adapter_of

MOST_ROWS = 2000
"""Series that one question should bring: its JSON is read in one go, and a key must not wait for that."""
MOST_NAMES = 40
"""Names in one question."""
SUMMED: Mapping[str, str] = {"node_cpu_seconds_total": "cpu"}
"""Names of which one look takes the sum over a label: they have a series a core and mode, a million in a fleet."""
ONE_OF_MANY: Mapping[str, str] = {"node_cpu_info": 'cpu="0"'}
"""Names whose series all say the same."""
_PREFIXES = tuple(adapter.prefix for adapter in ADAPTERS if adapter.prefix)


class Key(NamedTuple):
    """A target as its series name it."""

    job: str
    instance: str


@cache
def wanted() -> frozenset[str]:
    """Every sample name that some adapter takes."""
    marks = {mark.wire for adapter in ADAPTERS for mark in adapter.marks if mark.role != "aside"}
    bare = {*by_wire(), *by_whole(), *(f"{name}_bucket" for name in histograms()), *marks}
    # A name as it may be written before a server: an exporter can be told to set something before its own.
    longer = {f"{prefix}{name}" for prefix in _PREFIXES for name in bare if adapter_of(f"{prefix}{name}")}
    return frozenset(bare | longer)


def names_selector(names: Iterable[str], only: str) -> str:
    """A selector of all series with these names."""
    pattern = "|".join(sorted(names))
    return f'{{__name__=~"{pattern}"{_and(only)}}}'


def name_selector(name: str, only: str) -> str:
    """A selector of the series with one name."""
    more = [part for part in (ONE_OF_MANY.get(name, ""), only.strip().rstrip(",")) if part]
    return f'{{__name__="{name}"{"".join(f", {part}" for part in more)}}}'


def of_target(key: Key, only: str) -> str:
    """`only`, and that series are of one target."""
    return ", ".join(part for part in (f"job={quoted(key.job)}", f"instance={quoted(key.instance)}", only) if part)


def quoted(text: str) -> str:
    """A text as PromQL writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _and(only: str) -> str:
    told = only.strip().rstrip(",")
    return f", {told}" if told else ""


def look_selectors(counts: Mapping[str, int], only: str) -> tuple[str, ...]:
    """Selectors that together bring everything of one look, none of them too much; `counts`: series a name has."""
    alone = [name for name in counts if name in ONE_OF_MANY]
    found = [name_selector(name, only) for name in sorted(alone)]
    batch: list[str] = []
    rows = 0
    for name in sorted(counts):
        if name in SUMMED or name in ONE_OF_MANY:
            continue
        if batch and (len(batch) == MOST_NAMES or rows + counts[name] > MOST_ROWS):
            found.append(names_selector(batch, only))
            batch, rows = [], 0
        batch.append(name)
        rows += counts[name]
    return (*found, names_selector(batch, only)) if batch else tuple(found)


def key_of(labels: Mapping[str, str]) -> Key:
    """The target that a series comes from."""
    return Key(labels.get("job", ""), labels.get("instance", ""))


def page_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels as the page had them: without the target's, and under their own names where the target took those."""
    own: dict[str, str] = {}
    for name, value in labels.items():
        if name in ("__name__", "job", "instance"):
            continue
        own[name.removeprefix("exported_")] = value
    return own


def line_start(labels: Mapping[str, str], name: str = "") -> str:
    """A sample's line up to its value, as an exporter would write it."""
    told = ",".join(f"{label}={quoted(value)}" for label, value in page_labels(labels).items())
    return f"{name or labels.get('__name__', '')}{{{told}}} "


def page_text(lines: Sequence[tuple[str, float]]) -> bytes:
    """A page, its lines in an order that stays."""
    return "".join(f"{start}{value!r}\n" for start, value in sorted(lines)).encode()
