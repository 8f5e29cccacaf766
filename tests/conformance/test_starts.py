"""Recorded starts of model servers: each is read to the phase it reached, and every message of a release is known."""

from __future__ import annotations

import csv
import gzip
import re
from datetime import UTC
from pathlib import Path

import pytest

from app.domain.model_start import ModelStart, stuck
from app.sources.logs.line import parse_line
from app.sources.logs.moments import Timekeeping, moments
from app.sources.logs.start_signs import START_SIGNS
from app.sources.logs.starts import StartReader
from tests.conformance.conftest import Table

NOW = 1_790_000_000.0
RECORDED = {
    "vllm-live/startup.log": ("ready", ["start", "weights", "memory", "warmup", "ready"]),
    "logs-vllm/vllm-0.2-notebook-logs.txt": ("ready", ["start", "weights", "memory", "graphs", "warmup", "ready"]),
    "logs-vllm/vllm-0.6-405b-hang-at-graph-capture.txt": ("starting", ["start", "weights", "memory", "graphs"]),
    "logs-vllm/vllm-0.6-qps1000-exceptions.txt": ("unknown", []),
    "logs-vllm/vllm-0.7-deepseek-r1-start.txt": ("ready", ["start", "warmup", "ready"]),
    "logs-vllm/vllm-sleep-wake.txt": ("ready", []),
}
"""Where each recorded log ends, and the phases that it tells of."""
TEMPLATES = "logs-vllm/vllm-log-templates-by-version.csv.gz"
TELLING = re.compile(
    r"^(?:%s)?(?:Starting to load model|Loading (?:model )?weights took|Model loading took"
    r"|torch\.compile takes|Graph capturing finished in|GPU KV cache size|# GPU blocks"
    r"|init engine \(profile|Starting vLLM (?:API )?server|Time spent downloading weights)"
)
"""The messages of a start that matter, by how releases begin them."""


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """The folder of captures; the test is skipped where it has no logs of model servers."""
    found: Path | None = request.config.getoption("captures")
    if found is None or not (found / "logs-vllm").is_dir():
        pytest.skip("no recorded logs of model servers: make conformance CAPTURES=DIR")
    return found


def test_recorded_starts_reach_their_phases(folder: Path, tables: dict[str, Table]) -> None:
    """Each log is read to where it ends; the start that hung at its CUDA graphs is found stuck there."""
    found = {name: read(folder / name) for name in RECORDED}
    rows: Table = [("recorded starts", "ends", "phases")]
    rows += [(name, start.standing, str(len(start.phases))) for name, start in found.items()]
    tables["recorded starts"] = rows

    assert {name: (start.standing, [phase.name for phase in start.phases]) for name, start in found.items()} == RECORDED
    hung = stuck(found["logs-vllm/vllm-0.6-405b-hang-at-graph-capture.txt"], NOW)
    assert hung is not None
    assert "graphs" == hung.phase.name


def test_the_messages_of_every_release_are_known(folder: Path, tables: dict[str, Table]) -> None:
    """What each release logs of its start has a sign, whatever it fills in."""
    templates = messages(folder / TEMPLATES)
    unknown = [(version, text) for version, text in templates if not is_known(text)]
    head = ("messages of a start", "releases", "messages", "known")
    releases = len({version for version, _ in templates})
    tables["messages of a start"] = [
        head,
        ("all", str(releases), str(len(templates)), str(len(templates) - len(unknown))),
    ]

    assert [] == unknown


def read(path: Path) -> ModelStart:
    """A whole log; progress bars end theirs with a carriage return."""
    raw = [line for line in re.split(r"[\r\n]+", path.read_text("utf-8", "replace")) if line.strip()]
    lines = [parse_line(line, NOW, UTC) for line in raw]
    when, _ = moments(lines, Timekeeping(), NOW)
    return StartReader().read(lines, when, NOW, is_live=False)


def messages(path: Path) -> list[tuple[str, str]]:
    """(release, message) of those that matter, their blanks filled in."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if TELLING.match(row.get("template") or "")]
    return [(row["vllm_version"], filled(row["template"])) for row in rows]


def filled(template: str) -> str:
    """A message as it might be said."""
    text = re.sub(r"%(?:\.\d+)?f", "12.50", template)
    text = re.sub(r"%d", "7", text).replace("%s tokens", "7,168 tokens")
    return re.sub(r"%s", "12.50", text).replace("%%", "%")


def is_known(text: str) -> bool:
    """Whether some sign takes it."""
    return any(sign.needle in text and sign.pattern.search(text) for sign in START_SIGNS)
