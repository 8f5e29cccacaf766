"""Recorded fleets that went about their work: nobody is got out of bed for them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from app.config.settings import Target
from app.domain.apply import apply, forget
from app.domain.reading import SourceSpec
from app.sources.exporter import ExporterSource
from app.sources.registry import Making
from app.transport.endpoint import Endpoint
from app.transport.scrape import Answer, Limits, ScrapeClient
from tests.bench.faults.play import Alerts, Doctor
from tests.conformance.conftest import Table
from tests.conformance.fleet_traces import FOLDER, Trace, traces

DAY_S = 86400.0
MOST_A_DAY = 1.0


@dataclass
class Fleet:
    """The network as it was at one moment: pages by node. Also its clock."""

    at: float = 0.0
    pages: dict[str, str] = field(default_factory=dict)

    async def get(self, endpoint: Endpoint, _timeout_s: float, _limits: Limits) -> Answer:
        """The page of a node."""
        body = self.pages[endpoint.server.authority.partition(":")[0]].encode()
        return Answer(body, {}, len(body))

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Nothing waits."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said of a trace."""

    moments: int
    lasted_s: float
    alarms: Counter[str]
    """Rule or fault → how often it called for somebody at once."""
    told: int
    """Warnings and worse, by rules and incidents."""


def test_recorded_fleets_page_nobody(request: pytest.FixtureRequest, tables: dict[str, Table]) -> None:
    """Rules and diagnosis together raise one critical alarm a day at most over the whole of each trace."""
    folder: Path | None = request.config.getoption("captures")
    if folder is None or not (folder / FOLDER).is_dir():
        pytest.skip("no recorded traces: make conformance CAPTURES=DIR")
    rows: Table = [("trace", "looks", "hours", "page-level", "warnings and worse", "which")]
    failed = []
    for trace in traces(folder):
        heard = asyncio.run(replayed(trace))
        pages = heard.alarms.total()
        which = ", ".join(f"{name} {count}" for name, count in heard.alarms.most_common())
        hours = heard.lasted_s / 3600
        rows.append((trace.name, str(heard.moments), f"{hours:.1f}", str(pages), str(heard.told), which))
        if pages > max(MOST_A_DAY, MOST_A_DAY * heard.lasted_s / DAY_S):
            failed.append((trace.name, which))
    tables["recorded fleets"] = rows

    assert [] == failed


async def replayed(trace: Trace) -> Heard:
    """Read every page of a trace, evaluate every rule and diagnose at every moment."""
    fleet, doctor, alerts = Fleet(), Doctor(), Alerts()
    known: dict[str, ExporterSource] = {}
    grave: dict[str, str] = {}
    moments, first, told = 0, 0.0, set[str]()
    alarms: Counter[str] = Counter()
    for at, pages in trace.moments:
        first, moments = first or at, moments + 1
        fleet.at, fleet.pages = at, dict(pages)
        for gone in known.keys() - pages.keys():
            doctor.snapshot = forget(doctor.snapshot, known.pop(gone).spec.name)
        for node in pages.keys() - known.keys():
            known[node] = _source(node, trace.interval_s, fleet)
        for source in known.values():
            doctor.snapshot = apply(doctor.snapshot, source.spec, await source.read()).snapshot
        for one in doctor.look(at, trace.interval_s).incidents:
            root = doctor.state.diagnosis.finding(one.root)
            if one.severity == "critical" and grave.get(one.id) != "critical":
                alarms[root.code if root is not None else one.title] += 1
            if one.severity != "info":
                told.add(one.id)
            grave[one.id] = one.severity
        alerts.look(doctor.snapshot, at)
    alarms.update(one.name for one in alerts.raised if one.severity == "critical")
    warned = sum(one.severity != "info" for one in alerts.raised)
    return Heard(moments, fleet.at - first, alarms, len(told) + warned)


def _source(node: str, interval_s: float, fleet: Fleet) -> ExporterSource:
    target = Target(url=f"http://{node}:9400/metrics", name=node)
    spec = SourceSpec(node, "exporter", target.url, interval_s, node)
    return ExporterSource(Making(spec, target, 0.9 * interval_s, cast(ScrapeClient, fleet), fleet))
