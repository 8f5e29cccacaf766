"""Recorded pages as test cases, and the tables that a conformance run ends with."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.conformance.slurm_files import recorded_slurm

PAGES = (
    "expo-dcgm/*.prom",
    "expo-nvidia-gpu-exporter/*.prom",
    "expo-all-smi/*.prom",
    "expo-vllm/*.prom",
    "expo-node/*.prom.gz",
    "expo-amd-other/*.prom",
    "vllm-live/metrics*.txt",
)
"""Where the recorded pages lie within the folder given with --captures."""

Table = list[tuple[str, ...]]
TABLES = pytest.StashKey[dict[str, Table]]()


def recorded_pages(folder: Path | None) -> list[Path]:
    """Every recorded page; none without a folder."""
    return [] if folder is None else sorted(path for pattern in PAGES for path in folder.glob(pattern))


def page_bytes(path: Path) -> bytes:
    """A page as an exporter sent it."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of every recorded page; without --captures there is one, and it is skipped."""
    if "recorded_page" in metafunc.fixturenames:
        pages = recorded_pages(metafunc.config.getoption("captures"))
        metafunc.parametrize("recorded_page", pages, ids=[f"{page.parent.name}/{page.name}" for page in pages])
    if "recorded_slurm" in metafunc.fixturenames:
        files, _ = recorded_slurm(metafunc.config.getoption("captures"))
        metafunc.parametrize("recorded_slurm", files, ids=[file.name for file in files])


@pytest.fixture
def tables(request: pytest.FixtureRequest) -> dict[str, Table]:
    """Tables to print at the end of the run: title → rows, the first of them the heading."""
    return request.config.stash.setdefault(TABLES, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the tables."""
    for title, rows in config.stash.get(TABLES, {}).items():
        terminalreporter.write_sep("-", title)
        for line in aligned(rows):
            terminalreporter.write_line(line)


def aligned(rows: Table) -> Iterable[str]:
    """Rows as lines: the first column to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
