"""Our own store and a real Prometheus, asked the same of the same scrapes: every value equal."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config.settings import Prometheus
from app.domain.metrics import METRICS, by_key
from app.domain.series import Point, Series, Subject
from app.domain.snapshot import Snapshot
from app.sources.prometheus_past import PrometheusPast
from app.store.prometheus import PrometheusHistory
from app.store.sqlite import SqliteHistory, open_store
from app.transport.clock import SystemClock
from app.transport.prometheus import PrometheusServer
from tests.real.conftest import StartServer
from tests.real.prometheus_scrapes import STEP_S, fill_server, fill_store

pytestmark = pytest.mark.real("prometheus")
SCRAPES = 300
"""Two and a half hours."""


@dataclass(frozen=True, slots=True)
class Both:
    """The two histories of the same scrapes."""

    own: SqliteHistory
    server: PrometheusHistory
    picture: Snapshot
    start: int

    @property
    def end(self) -> int:
        return self.start + SCRAPES * STEP_S

    def subjects(self) -> Iterator[tuple[Subject, frozenset[str]]]:
        """Everybody, with the keys of what they have said."""
        for node in self.picture.nodes.values():
            yield Subject("node", node=node.name), frozenset(key for one in node.layers for key in one.values)
            for gpu in node.gpus:
                keys = frozenset(key for one in gpu.layers for key in one.values)
                yield Subject("gpu", node.name, gpu.index), keys
        for service in self.picture.services.values():
            yield Subject("service", key=service.id), frozenset(key for one in service.layers for key in one.values)


@asynccontextmanager
async def both(folder: Path, port: int, start_server: StartServer) -> AsyncIterator[Both]:
    start = int(time.time() // 3600 - 8) * 3600
    data = fill_server(folder, start, SCRAPES)
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    listen = f"127.0.0.1:{port}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={data}"]
    start_server([*command, f"--web.listen-address={listen}"], port)
    settings = Prometheus(url=f"http://{listen}", timeout_s=30.0)
    server, clock = PrometheusServer(settings), SystemClock()
    own = await open_store(folder / "history.db", clock.now)
    try:
        picture = await fill_store(own, start, SCRAPES)
        history = PrometheusHistory(PrometheusPast(server, settings, clock), server.shown, clock.now)
        yield Both(own, history, picture, start)
    finally:
        await own.close()
        await server.close()


def same(own: Series, theirs: Series, slack: float) -> str:
    """Where two answers differ by more than `slack`; empty: nowhere."""
    if (own.start, own.step_s, len(own.points)) != (theirs.start, theirs.step_s, len(theirs.points)):
        return f"{len(own.points)} spans of {own.step_s} s and {len(theirs.points)} of {theirs.step_s} s"
    for mine, other in zip(own.points, theirs.points, strict=True):
        if not all(_near(one, two, slack) for one, two in zip(mine, other, strict=True)):
            return f"{Point(*mine)} and {Point(*other)}"
    return ""


def _near(one: float | None, two: float | None, slack: float) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=1e-6, abs_tol=slack + 1e-6)


async def test_our_store_and_prometheus_give_the_same_answers(
    tmp_path: Path, free_port: Callable[[], int], start_server: StartServer
) -> None:
    """Every metric of every subject: samples at their times, and spans of five minutes, are the same in both.

    Five kinds of GPU exporter, node_exporter and vLLM, each scraped 300 times; rates and quantiles are among them.
    """
    differences: list[str] = []
    compared = 0
    async with both(tmp_path, free_port(), start_server) as past:
        for subject, keys in past.subjects():
            for metric in (one for one in METRICS if one.key in keys):
                for step_s in (0.0, 300.0):
                    span = (past.end - 7200.0, float(past.end), step_s)
                    own = await past.own.series(subject, metric.key, *span)
                    theirs = await past.server.series(subject, metric.key, *span)
                    compared += len(own.points)
                    if wrong := same(own, theirs, metric.quantum if step_s else 0.0):
                        differences.append(f"{subject} {metric.key} {step_s:g}: {wrong}")

    assert [] == differences, "\n".join(differences)
    assert compared > 20_000


async def test_minutes_of_the_server_are_our_minutes(
    tmp_path: Path, free_port: Callable[[], int], start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a question reaches so far that minutes answer, their means and extremes are the same too."""
    keys = ("gpu.utilization", "gpu.power", "gpu.memory_used", "gpu.temperature", "node.load_1m", "node.memory_total")
    differences: list[str] = []
    monkeypatch.setattr("app.store.prometheus_span.RAW_REACH_S", 3600.0)
    async with both(tmp_path, free_port(), start_server) as past:
        for subject, known in past.subjects():
            if subject.node == "pod-1":
                continue  # its exporter says how old samples are, of which the server's folds know nothing
            for key in (one for one in keys if one in known):
                span = (past.start + 600.0, past.end - 600.0, 600.0)
                own = await past.own.series(subject, key, *span)
                theirs = await past.server.series(subject, key, *span)
                if wrong := same(own, theirs, by_key()[key].quantum):
                    differences.append(f"{subject} {key}: {wrong}")
        then = past.start + SCRAPES // 2 * STEP_S + 10.0
        mine, other = await past.own.at(then), await past.server.at(then)

    assert [] == differences, "\n".join(differences)
    assert mine is not None
    assert other is not None
    assert _values(mine) == _values(other)


def _values(picture: Snapshot) -> dict[str, dict[str, float]]:
    """Every value of a picture, to the quantum that history keeps."""
    found: dict[str, dict[str, float]] = {}
    for gpu in picture.gpus():
        for layer in gpu.layers:
            found[f"{gpu.node}/{gpu.index} {layer.source} {layer.at:.0f}"] = {
                key: round(value / by_key()[key].quantum) for key, value in layer.values.items()
            }
    return found
