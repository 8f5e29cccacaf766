"""What one series is for: its adapter, the catalogue rows it feeds, the place its labels name.

A binding looks at one series alone and is made once a series; what several series mean together is the layout's
(`app.sources.layout`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from functools import cache

from app.domain.frozen import frozen
from app.domain.metric import Metric, Name
from app.domain.metrics import by_whole, by_wire, histograms
from app.domain.naming import clean
from app.sources.adapter import Adapter, Mark
from app.sources.adapters import adapter_of, mark_of
from app.sources.exposition import Series

_NO_FACT = frozenset({"", "[n/a]", "n/a", "none", "unknown"})
_LARGEST_INDEX = 4096


@frozen
class Place:
    """Whom a sample speaks of, as far as its own labels say."""

    node: str | None = None
    index: int | None = None
    uuid: str | None = None
    mig: int | None = None
    mig_profile: str = ""
    mig_uuid: str | None = None

    @property
    def is_gpu(self) -> bool:
        """Whether the labels name a GPU."""
        return self.index is not None or self.uuid is not None


@frozen
class Take:
    """A catalogue row that takes the sample, and which part of the quantity the sample is."""

    metric: Metric
    name: Name
    part: tuple[str, ...]
    """Values of the labels that tell parts apart; empty where the sample carries none of them."""
    is_whole: bool = False
    """The sample is what a part is a share of."""


@frozen
class Said:
    """What a set of labels says; the samples of one subject share it."""

    place: Place = field(default_factory=Place)
    service: str | None = None
    """The model a server serves."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Of the GPU or model server."""
    node_facts: Mapping[str, str] = field(default_factory=dict)
    """Of the machine, if the sample is about one."""
    job: str | None = None


@frozen
class Binding:
    """One series, understood."""

    name: str
    """The sample's name, harmless to show."""
    adapter: Adapter | None = None
    """None where no exporter we know uses the name."""
    said: Said = field(default_factory=Said)
    takes: tuple[Take, ...] = ()
    mark: Mark | None = None
    is_known: bool = False
    """A row has the name, even if this sample is ruled out by its labels."""
    process: Mapping[str, str] = field(default_factory=dict)
    xid: int | None = None
    bucket: tuple[str, float] | None = None
    """The histogram it is a bucket of, and the bucket's upper bound."""

    @property
    def is_used(self) -> bool:
        """Whether the sample means anything to us."""
        return bool(self.takes) or self.mark is not None or self.bucket is not None


class Binder:
    """Understands the series of one source, one by one."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, tuple[tuple[str, str], ...]], Said] = {}
        self._unused: dict[str, Binding] = {}

    def bind(self, series: Series) -> Binding:
        """Understand one series; those of no use to us (buckets of histograms) share one binding a name."""
        found = self._bind(series)
        return found if found.is_used else self._unused.setdefault(series.name, found)

    def _bind(self, series: Series) -> Binding:
        name, labels = clean(series.name, 120), series.labels
        owner = adapter_of(series.name)
        if owner is None:
            # A client library's own process metrics: the layout gives them to a model server, if the page is one's.
            takes = tuple(take for take in _takes(series.name, labels) if take.metric.scope == "service")
            return Binding(name, takes=takes, is_known=bool(takes))
        adapter, wire = owner
        takes, mark, bucket = _takes(wire, labels), mark_of(adapter, wire), _bucket(wire, labels)
        if not takes and mark is None and bucket is None:
            return Binding(name, adapter, is_known=wire in by_wire() or wire in by_whole())
        is_process = mark is not None and mark.role == "process"
        return Binding(
            name,
            adapter,
            self._hear(adapter, labels),
            takes,
            mark,
            is_known=True,
            process=_process(adapter, labels) if is_process else _NOTHING,
            xid=_number(labels.get("xid")) if mark is not None and mark.role.startswith("xid") else None,
            bucket=bucket,
        )

    def _hear(self, adapter: Adapter, labels: Mapping[str, str]) -> Said:
        key = (adapter.flavour, tuple(labels.items()))
        known = self._said.get(key)
        if known is None:
            known = self._said[key] = _said(adapter, labels)
        return known


_NOTHING: Mapping[str, str] = {}


def _said(adapter: Adapter, labels: Mapping[str, str]) -> Said:
    place = _place(adapter, labels)
    model = _first(labels, adapter.service)
    return Said(
        place=place,
        service=clean(model, 200) if model is not None else None,
        facts=_facts(adapter, labels, is_gpu=place.is_gpu),
        node_facts=_named(adapter.node_facts, labels),
        job=_first(labels, adapter.jobs),
    )


def _takes(wire: str, labels: Mapping[str, str]) -> tuple[Take, ...]:
    simple = _simple_takes().get(wire)
    if simple is not None:
        return simple
    return tuple(
        Take(metric, name, _part(name, labels), is_whole)
        for is_whole, pairs in ((False, by_wire().get(wire, ())), (True, by_whole().get(wire, ())))
        for metric, name in pairs
        if all(labels.get(label) == value for label, value in name.where)
        and not any(fnmatchcase(labels.get(label, ""), pattern) for label, pattern in name.unless)
    )


@cache
def _simple_takes() -> dict[str, tuple[Take, ...]]:
    """Of names whose labels do not matter, once for all series."""
    return {
        wire: tuple(Take(metric, name, ()) for metric, name in pairs)
        for wire, pairs in by_wire().items()
        if wire not in by_whole() and not any(name.where or name.unless or name.parts for _, name in pairs)
    }


def _bucket(wire: str, labels: Mapping[str, str]) -> tuple[str, float] | None:
    """The histogram and the upper bound, where some row needs its buckets."""
    name = wire.removesuffix("_bucket")
    if name == wire or name not in histograms():
        return None
    try:
        bound = float(labels.get("le", ""))
    except ValueError:
        return None
    return None if math.isnan(bound) else (name, bound)


def _part(name: Name, labels: Mapping[str, str]) -> tuple[str, ...]:
    part = tuple(labels.get(label, "") for label in name.parts)
    return part if any(part) else ()


def _place(adapter: Adapter, labels: Mapping[str, str]) -> Place:
    index, mig = _number(text := _first(labels, adapter.index)), None
    if index is None and text is not None and ":" in text:  # nvitop names slice 1 of GPU 0 "0:1"
        index, mig = (_number(part) for part in text.split(":", 1))
    if mig is None:
        mig = _number(_first(labels, adapter.mig))
    node = _first(labels, adapter.node)
    uuid = clean(_first(labels, adapter.uuid) or "", 80)
    mig_uuid = clean(_first(labels, adapter.mig_uuid) or "", 80)
    if uuid.startswith("MIG-"):  # the slice's own, where an exporter lists slices as devices
        uuid, mig_uuid = "", uuid
    return Place(
        node=_host(node) if node is not None else None,
        index=index,
        uuid=uuid or None,
        mig=mig,
        mig_profile=clean(_first(labels, adapter.mig_profile) or "", 40),
        mig_uuid=mig_uuid or None,
    )


def _facts(adapter: Adapter, labels: Mapping[str, str], *, is_gpu: bool) -> dict[str, str]:
    """Facts of the GPU or model server that the labels name."""
    if not is_gpu and adapter.service_kind is None:
        return {}
    facts = _named(adapter.facts, labels)
    model = _first(labels, adapter.model)
    if model is not None and is_gpu:
        facts["model"] = clean(model, 80)
    return facts


def _process(adapter: Adapter, labels: Mapping[str, str]) -> dict[str, str]:
    """Who the process is that the labels name."""
    return {"kind": adapter.process_kind, **_named(adapter.process, labels)}


def _named(names: tuple[tuple[str, str], ...], labels: Mapping[str, str]) -> dict[str, str]:
    """Labels under the names of their facts; the first label of a fact wins, and what says "unknown" is left out."""
    found: dict[str, str] = {}
    for label, fact in names:
        text = labels.get(label, "")
        if fact not in found and text.lower() not in _NO_FACT:
            found[fact] = clean(text)
    return found


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The first of the labels that is there and not empty."""
    return next((labels[name] for name in names if labels.get(name)), None)


def _number(text: str | None) -> int | None:
    """A label that counts: GPU index, slice id, Xid code."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 5:
        return None
    number = int(text)
    return number if number <= _LARGEST_INDEX else None


def _host(text: str) -> str:
    """A host name without the port that a Prometheus server's `instance` label carries."""
    if text.startswith("["):
        return clean(text[1:].split("]", 1)[0], 120)
    host, colon, port = text.rpartition(":")
    return clean(host if colon and port.isdigit() and ":" not in host else text, 120)
