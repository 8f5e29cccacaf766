"""A Prometheus server that is made of pages: the part of `PrometheusServer` that sources ask, answered from memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.sources.exposition import Exposition, Series
from app.sources.prometheus_names import Key
from app.transport.prometheus import FiringAlert
from app.transport.prometheus_answer import Answer, PrometheusError, Row


def rows_of(key: Key, scrapes: Sequence[tuple[float, bytes]]) -> list[Row]:
    """The series of a target that was scraped some times, labelled as a server labels them."""
    found: dict[str, tuple[Series, list[float], list[float]]] = {}
    for at, body in scrapes:
        samples = Exposition().read(body)
        for number, value in zip(samples.ids, samples.values, strict=True):
            one = samples.new[number]
            row = found.setdefault(repr(one), (one, [], []))
            row[1].append(at)
            row[2].append(value)
    return [Row(_labels(key, series), times, values) for series, times, values in found.values()]


def _labels(key: Key, series: Series) -> dict[str, str]:
    taken = {f"exported_{name}" if name in ("job", "instance") else name: text for name, text in series.labels.items()}
    return {"__name__": series.name, **taken, "job": key.job, "instance": key.instance}


class Server:
    """A server with these targets; `down` are those that it could not scrape."""

    name = "prom:9090"
    shown = "http://prom:9090"

    def __init__(self, scrapes: Mapping[Key, Sequence[tuple[float, bytes]]], now: float) -> None:
        self.scrapes = dict(scrapes)
        self.down: list[Key] = []
        self.now = now
        self.asked: list[str] = []
        self.error: PrometheusError | None = None
        self.notes: tuple[str, ...] = ()
        self.firing: tuple[FiringAlert, ...] = ()
        self.most_reach_s = 1e9
        """A question that reaches further back is too much for it."""

    async def instant(self, query: str, at: float | None = None) -> Answer:
        """The questions of a sweep, and no others."""
        self.asked.append(query)
        now = self.now if at is None else at
        if self.error is not None:
            raise self.error
        if query.startswith("up{"):
            jobs = query.partition('job=~"')[2].partition('"')[0].replace("\\\\", "\\")
            return Answer(tuple(Row(key._asdict(), [now], [0.0]) for key in self.down if re.fullmatch(jobs, key.job)))
        names = re.search(r'__name__=~?"([^"]*)"', query)
        wanted = set(names[1].split("|")) if names else set(re.findall(r"\((\w+)\{", query))
        rows = [row for key, some in self.scrapes.items() for row in rows_of(key, some)]
        rows = [row for row in rows if row.labels["__name__"] in wanted]
        if query.startswith("count"):
            there = [row.labels["__name__"] for row in rows]
            return Answer(tuple(Row({"__name__": name}, [now], [there.count(name)]) for name in sorted(set(there))))
        if query.startswith("sum without"):
            return Answer(tuple(Row(row.labels, [now], row.values[-1:]) for row in rows))
        reach_s = float(query.rpartition("[")[2].rstrip("s]"))
        if reach_s > self.most_reach_s:
            raise PrometheusError("too_many", "too many samples")
        return Answer(tuple(one for row in rows if (one := _within(row, now - reach_s, now))), self.notes)

    async def alerts(self) -> tuple[FiringAlert, ...]:
        """What fires there."""
        if self.error is not None:
            raise self.error
        return self.firing

    async def close(self) -> None:
        """Nothing is held."""


def _within(row: Row, start: float, end: float) -> Row | None:
    kept = [(at, value) for at, value in zip(row.times, row.values, strict=True) if start <= at <= end]
    return Row(row.labels, [at for at, _ in kept], [value for _, value in kept]) if kept else None
