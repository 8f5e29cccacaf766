"""The past: bytes a sample on disk, and a day asked for, beside Prometheus's own blocks and `query_range`.

Both keep the same values at the same times: two hours of 64 GPUs for the size; a day of one node at 5 s, and of the
fleet, for the questions. For the fleet's mean Prometheus holds one sample of each of 8,192 GPUs a step, which is less
than it would have scraped; ours is asked for the fold that it keeps of the whole fleet, at 5 s.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import httpx

from app.domain.apply import Change
from app.domain.series import FLEET, Subject
from app.domain.snapshot import Layer
from app.store.history import Tick
from app.store.sqlite import SqliteHistory, open_store
from tests.bench.fleet_values import GPUS_OF_NODE, KEYS, Realistic, changes
from tests.bench.report import Report, Target
from tests.bench.scale.field import INTERVAL_S, PEER, wait_for
from tests.bench.stage import free_port
from tests.real import paging
from tests.tools.parts import find

BEGIN = 1_800_057_600
SIZE_GPUS, SIZE_TICKS = 64, 1440
DAY_TICKS, STEP_S = 17_280, 300
FLEET_GPUS = 8192
ROUNDS = 9
ASKED = "gpu.power"


def run(report: Report, folder: Path, has_peer: bool) -> None:
    """Measure the size, then the questions."""
    ours = asyncio.run(_our_size(folder / "size.db"))
    theirs = {PEER: [_their_size(folder)]} if has_peer else {}
    report.add(f"bytes a sample, {SIZE_GPUS} GPUs × {len(KEYS)} for two hours", "B", ours, Target(at_most=2.0), theirs)
    asyncio.run(_questions(report, folder, has_peer))


async def _our_size(path: Path) -> float:
    values = Realistic(SIZE_GPUS, INTERVAL_S)
    history = await open_store(path, lambda: BEGIN)
    for number in range(SIZE_TICKS):
        at = BEGIN + number * INTERVAL_S
        await history.write(Tick(at, changes(values.tick(number), at, INTERVAL_S)))
    await history.close()
    await _seal(path, BEGIN + SIZE_TICKS * INTERVAL_S + 3600)
    with sqlite3.connect(path) as db:  # free pages are written again: a day's file has hardly more than an hour's
        pages = db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]
        return float(pages * db.execute("PRAGMA page_size").fetchone()[0] / (SIZE_TICKS * SIZE_GPUS * len(KEYS)))


async def _seal(path: Path, at: float) -> None:
    """Write one tick more, long after, with all the time in the world for chores."""
    history = await open_store(path, lambda: at, clock=lambda: 0.0)
    await history.write(Tick(at, ()))
    await history.close()


def _their_size(folder: Path) -> float:
    values = Realistic(SIZE_GPUS, INTERVAL_S)
    rows = [list(values.tick(number)) for number in range(SIZE_TICKS)]
    data = _blocks(folder / "size", _openmetrics(rows, KEYS, INTERVAL_S))
    size = sum(one.stat().st_size for one in data.rglob("*") if one.is_file())
    return size / (SIZE_TICKS * SIZE_GPUS * len(KEYS))


def _openmetrics(rows: Sequence[Sequence[tuple[float, ...]]], keys: Sequence[str], step_s: float) -> Iterator[str]:
    """Ticks of GPUs' values as promtool takes them, a series at a time."""
    for place, key in enumerate(keys):
        name = key.replace(".", "_")
        yield f"# TYPE {name} gauge\n"
        for gpu in range(len(rows[0])):
            node, index = divmod(gpu, GPUS_OF_NODE)
            head = f'{name}{{node="node-{node}",gpu="{index}"}}'
            for number, tick in enumerate(rows):
                yield f"{head} {tick[gpu][place]!r} {BEGIN + int(number * step_s)}\n"


def _blocks(folder: Path, lines: Iterator[str]) -> Path:
    """The blocks that Prometheus' own tool makes of it."""
    folder.mkdir()
    text, data = folder / "past.om", folder / "data"
    with text.open("w") as file:
        file.writelines(lines)
        file.write("# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(data)]
    subprocess.run(command, check=True, capture_output=True, timeout=900)
    text.unlink()
    return data


async def _questions(report: Report, folder: Path, has_peer: bool) -> None:
    node = Realistic(GPUS_OF_NODE, INTERVAL_S, seed=2)
    history = await open_store(folder / "day.db", lambda: BEGIN)
    day: list[list[tuple[float, ...]]] = []
    for number in range(DAY_TICKS):
        rows = list(node.tick(number))
        day.append([(row[KEYS.index(ASKED)],) for row in rows])
        at = BEGIN + number * INTERVAL_S
        fold = Change(FLEET, Layer("fold", at, INTERVAL_S, dict(zip(KEYS, rows[0], strict=True))))
        await history.write(Tick(at, (*changes(iter(rows), at, INTERVAL_S), fold)))
    gpu, fleet = _gpu_of, lambda _: FLEET
    ours = {
        "one GPU, 24 h: every sample": await _asked(history, gpu, ASKED, 0.0),
        "one GPU, 24 h: 288 spans of 300 s": await _asked(history, gpu, ASKED, STEP_S),
        f"mean of {FLEET_GPUS:,} GPUs, 24 h: 288 spans": await _asked(history, fleet, "gpu.utilization", STEP_S),
    }
    await history.close()
    theirs = _their_answers(folder, day) if has_peer else [[], [], []]
    for (what, took), limit, peer in zip(ours.items(), (10.0, 10.0, 100.0), theirs, strict=True):
        report.add(what, "ms", took, Target(at_most=limit), {PEER: peer})


def _gpu_of(number: int) -> Subject:
    return Subject("gpu", node="node-0", index=number * 3 % GPUS_OF_NODE)


async def _asked(history: SqliteHistory, subject: object, metric: str, step_s: float) -> list[float]:
    """Milliseconds until an answer is there, of another subject each round."""
    end = BEGIN + DAY_TICKS * INTERVAL_S
    assert callable(subject)
    return [await _timed(history.series(subject(number), metric, BEGIN, end, step_s)) for number in range(ROUNDS)]


async def _timed(question: Awaitable[object]) -> float:
    began = perf_counter()
    answer = await question
    took_ms = (perf_counter() - began) * 1000
    del answer
    return took_ms


def _their_answers(folder: Path, day: Sequence[Sequence[tuple[float, ...]]]) -> list[list[float]]:
    """Milliseconds of the same questions to a Prometheus that holds the same, its own client's time included."""
    fleet = Realistic(FLEET_GPUS, STEP_S, seed=3)
    rows = [[(row[0],) for row in fleet.tick(number)] for number in range(DAY_TICKS * int(INTERVAL_S) // STEP_S)]
    data = _blocks(folder / "fleet", _openmetrics(rows, ("gpu.utilization",), STEP_S))
    more = _blocks(folder / "node", _openmetrics(day, (ASKED,), INTERVAL_S))
    for block in more.iterdir():
        block.rename(data / block.name)
    end = BEGIN + DAY_TICKS * INTERVAL_S
    span = {"start": BEGIN, "end": end, "step": STEP_S}
    with _server(folder, data) as url, httpx.Client(base_url=url, timeout=60.0) as client:
        raw = [
            _took(client, "query", {"query": f"gpu_power{_of(number)}[24h]", "time": end}) for number in range(ROUNDS)
        ]
        spans = [
            _took(client, "query_range", {"query": f"avg_over_time(gpu_power{_of(number)}[300s])", **span})
            for number in range(ROUNDS)
        ]
        mean = [_took(client, "query_range", {"query": "avg(gpu_utilization)", **span}) for _ in range(ROUNDS)]
    return [raw, spans, mean]


def _of(number: int) -> str:
    subject = _gpu_of(number)
    return f'{{node="{subject.node}",gpu="{subject.index}"}}'


def _took(client: httpx.Client, route: str, asked: dict[str, str | float]) -> float:
    """Milliseconds until an answer is there, which must not be empty."""
    began = perf_counter()
    answer = client.get(f"/api/v1/{route}", params=asked)
    took_ms = (perf_counter() - began) * 1000
    assert answer.json()["data"]["result"], f"{route} gave nothing: {asked}"
    return took_ms


@contextmanager
def _server(folder: Path, data: Path) -> Iterator[str]:
    """A Prometheus over made blocks that scrapes nothing."""
    path, port, config = find("prometheus"), free_port(), folder / "empty.yml"
    assert path is not None, "asked for before"
    config.write_text("scrape_configs: []\n")
    command = [path, f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}"]
    command += ["--storage.tsdb.retention.time=100y"]
    quiet = subprocess.DEVNULL
    with paging.ending(subprocess.Popen(command, stdout=quiet, stderr=quiet, text=True)):
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: httpx.get(f"{url}/-/ready").status_code == 200, "Prometheus is ready")
        yield url
