"""The same scrapes for our own store and for a real Prometheus: pages that live, written to both at the same times."""

from __future__ import annotations

import json
import math
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.domain.apply import Change, apply
from app.domain.metrics import by_wire
from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.sources.adapters import adapter_of
from app.sources.page import Page, PageContents
from app.sources.prometheus_read import is_counter
from app.sources.rates import with_rates
from app.sources.sample_line import LabelReader
from app.store.history import Tick
from app.store.sqlite import SqliteHistory
from tests.sources.page_files import page_bytes

PAGES = ("dcgm", "nvidia-gpu-exporter", "all-smi", "nvitop-exporter", "gpu-watchdog", "node", "vllm")
STEP_S = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One sample line of a page, taken apart."""

    name: str
    labels: dict[str, str]
    value: float
    moves: float
    """How much it changes: of a counter in a scrape, of a gauge at most, as a share."""


def lines_of(name: str) -> list[Line]:
    """The lines of a stored page, each with a life of its own."""
    reader, found = LabelReader(), []
    for number, text in enumerate(page_bytes(name).decode().splitlines()):
        if not text.strip() or text.startswith("#"):
            continue
        end = text.rindex(" ")
        sample, labels, _ = reader.read(text, end)
        found.append(Line(sample, dict(labels), value := float(text[end:]), _moves(sample, number, value)))
    return found


def _moves(name: str, number: int, value: float) -> float:
    if value > 2e9 and not is_counter(name):
        return 0.0  # what exporters say for "no value" stays that
    owner = adapter_of(name)
    wire = owner[1] if owner is not None else name
    if wire.endswith("_bucket"):
        return 1.0 + number  # buckets stand in the order of their bounds, and must grow in that order
    if wire not in by_wire():
        return 0.0
    return 1.0 + number % 7 if is_counter(name) else 0.01 * (1 + number % 5)


def value_at(line: Line, scrape: int) -> float:
    """What the line says at a scrape."""
    if line.name.endswith("_bucket") or is_counter(line.name):
        return line.value + line.moves * scrape
    return round(line.value * (1 + line.moves * math.sin(scrape / 9)), 4) if line.value else 0.0


def instance_of(page: str) -> str:
    """The target a page is of."""
    return f"{page}-host:9400"


def page_at(lines: list[Line], scrape: int) -> bytes:
    """The whole page at a scrape."""
    return "".join(f"{_series(one.name, one.labels)} {value_at(one, scrape)!r}\n" for one in lines).encode()


def _series(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in labels.items())
    return f"{name}{{{told}}}"


def openmetrics(start: int, scrapes: int) -> Iterator[str]:
    """Every scrape of every page, as promtool takes it to make a Prometheus' blocks of."""
    by_name: dict[str, list[tuple[str, Line]]] = defaultdict(list)
    for page in PAGES:
        for one in lines_of(page):
            by_name[one.name].append((page, one))
    for name, several in by_name.items():
        for page, one in several:
            # As a server labels them: the target's own labels win, and the page's step aside.
            taken = {f"exported_{key}" if key in ("job", "instance") else key: text for key, text in one.labels.items()}
            series = _series(name, {**taken, "job": page, "instance": instance_of(page)})
            for scrape in range(scrapes):
                yield f"{series} {value_at(one, scrape)!r} {start + scrape * STEP_S}\n"
    yield "# EOF\n"


def fill_server(folder: Path, start: int, scrapes: int) -> Path:
    """The data folder of a Prometheus that has scraped all of it."""
    text, data = folder / "past.om", folder / "data"
    with text.open("w") as file:
        file.writelines(openmetrics(start, scrapes))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return data


async def fill_store(history: SqliteHistory, start: int, scrapes: int) -> Snapshot:
    """Let our own store keep all of it; gives the last picture."""
    pages = {page: (lines_of(page), Page(None, f"{page}-host")) for page in PAGES}
    before: dict[str, PageContents] = {}
    snapshot = Snapshot()
    for scrape in range(scrapes):
        at = float(start + scrape * STEP_S)
        changes: list[Change] = []
        for page, (lines, reader) in pages.items():
            contents = before[page] = with_rates(before.get(page), reader.read(page_at(lines, scrape), at))
            spec = SourceSpec(instance_of(page), "exporter", f"http://{instance_of(page)}/metrics", STEP_S)
            reading = Reading(
                spec.name, at, 0.01, None, contents.nodes, contents.services, contents.health, contents.simulated
            )
            applied = apply(snapshot, spec, reading)
            snapshot = applied.snapshot
            changes += applied.changes
        await history.write(Tick(at, tuple(changes), (), snapshot))
    return snapshot
