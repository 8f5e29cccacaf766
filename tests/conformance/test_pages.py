"""Every recorded page of a real exporter: each GPU and each value that the catalogue knows must be found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.naming import uuid_key
from app.domain.reading import GpuReading
from app.sources.page import Page, PageContents, PageError
from tests.conformance.conftest import Table, page_bytes
from tests.conformance.oracle import Expected, Subject, expect

GPU_LIKE = re.compile(r"gpu|dcgm|nv_|nvidia|cuda|mig|xid|ecc|pcie|xgmi|nvlink", re.IGNORECASE)
GPU_LIKE_TITLE = "names that sound like a GPU's and that no row takes, or that name no GPU"
HEAD = ("page", "flavour", "GPUs", "expected", "values", "expected", "unknown names", "samples")


def test_page_gives_every_value_that_the_catalogue_knows(recorded_page: Path, tables: dict[str, Table]) -> None:
    """Nothing the catalogue knows is missing or in the wrong unit; a page it knows nothing of is refused."""
    body = page_bytes(recorded_page)
    expected = expect(recorded_page, body.decode())
    table = tables.setdefault("recorded pages", [HEAD])
    name = f"{recorded_page.parent.name}/{recorded_page.name}"

    if not expected.values:
        with pytest.raises(PageError, match="nothing here I know"):
            Page(None, "node-1").read(body, at=1000.0)
        table.append((name, "refused, nothing known", "0", "0", "0", "0", "", ""))
        return
    contents = Page(None, "node-1").read(body, at=1000.0)
    found = dict(_values(contents, expected))
    right = {key for key, value in expected.values.items() if found.get(key) == pytest.approx(value, 1e-9, 1e-6)}
    gpus = sum(len(node.gpus or ()) for node in contents.nodes)
    unknown = contents.health.unknown
    table.append(
        (name, contents.health.flavour)
        + (str(gpus), str(len(expected.gpus)), str(len(right)), str(len(expected.values)))
        + (str(len(unknown)), str(sum(count for _, count in unknown)))
    )
    for wire, count in unknown:
        if GPU_LIKE.search(wire):
            _count(tables.setdefault(GPU_LIKE_TITLE, [("name", "pages", "samples")]), wire, count)

    assert set() == set(expected.values) - right
    assert len(expected.gpus) == gpus
    assert 0 == contents.health.bad_lines


def test_page_says_the_same_the_second_time(recorded_page: Path) -> None:
    """The shortcut for pages that repeat gives what reading line by line gave."""
    body = page_bytes(recorded_page)
    page = Page("node-1", None)
    try:
        first = page.read(body, at=1000.0)
    except PageError:
        return

    assert first == page.read(body, at=1000.0)


def _count(table: Table, name: str, samples: int) -> None:
    """Add one page's samples to the row of a name."""
    pages = 0
    for row in table[1:]:
        if row[0] == name:
            pages, samples = int(row[1]), samples + int(row[2])
            table.remove(row)
    table.append((name, str(pages + 1), str(samples)))


def _values(contents: PageContents, expected: Expected) -> Iterator[tuple[tuple[Subject, str], float]]:
    for node in contents.nodes:
        for key, value in node.values.items():
            yield (("node", "", ""), key), value
        for gpu in node.gpus or ():
            who = _who(gpu, expected)
            for key, value in gpu.values.items():
                yield (("gpu", who, ""), key), value
            for piece in gpu.mig:
                for key, value in piece.values.items():
                    yield (("gpu", who, str(piece.id)), key), value
    for service in contents.services:
        for key, value in service.values.items():
            yield (("service", service.model, ""), key), value


def _who(gpu: GpuReading, expected: Expected) -> str:
    """How the expectation names the GPU: by UUID (masked ones too), else by index."""
    uuid = (gpu.uuid or "").lower().removeprefix("gpu-")
    assert uuid_key(gpu.uuid) in (uuid, None)
    return uuid if uuid in expected.gpus else str(gpu.index)
