"""Recorded log lines: each labelled one gives its code and its fields, and healthy machines nothing to worry about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.domain.evidence import LogEvidence
from app.domain.xids import HARMLESS_SXIDS
from app.sources.logs.reader import LogReader
from tests.conformance.conftest import Table
from tests.conformance.log_oracle import CONTEXT, ENDING, Labelled, labelled_lines, numbered, xid_lines

NOW = 1_790_000_000.0


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """The folder of captures; the test is skipped where it has no log lines."""
    found: Path | None = request.config.getoption("captures")
    if found is None or not (found / "gpu/lines").is_dir():
        pytest.skip("no recorded log lines: make conformance CAPTURES=DIR")
    return found


def test_labelled_lines_give_their_codes_and_fields(folder: Path, tables: dict[str, Table]) -> None:
    """Every labelled line gives its kind, its number and all that it names."""
    lines = labelled_lines(folder)
    reader = LogReader("kernel", "log")
    kinds = fields = expected = 0
    wrong: list[str] = []
    for one in lines:
        found = _found(one, reader)
        kinds += one.kind == (found.kind if found else None)
        right = [name for name, value in one.fields.items() if found and value == _named(found).get(name)]
        fields, expected = fields + len(right), expected + len(one.fields)
        if one.kind != (found.kind if found else None) or len(right) < len(one.fields):
            wrong.append(f"{one.label}: {one.kind} {dict(one.fields)} is {found}")
    head = ("labelled log lines", "kinds right", "lines", "fields right", "fields")
    tables["labelled log lines"] = [head, ("all", str(kinds), str(len(lines)), str(fields), str(expected))]

    assert [] == wrong


def test_numbered_lines_give_their_codes(folder: Path, tables: dict[str, Table]) -> None:
    """Every Xid and SXid line of other projects' tests gives its number, board, process and link."""
    lines = xid_lines(folder)
    wrong = []
    for line in lines:
        kind, fields = numbered(line)
        found = LogReader("kernel", "log").read_text([line], NOW)
        named = _named(found[0]) if found else {}
        if not found or kind != found[0].kind or any(value != named.get(name) for name, value in fields.items()):
            wrong.append((line, fields, named))
    tables["Xid and SXid lines"] = [("lines", "right"), (str(len(lines)), str(len(lines) - len(wrong)))]

    assert [] == wrong


def test_healthy_machines_give_nothing_above_information(folder: Path, tables: dict[str, Table]) -> None:
    """No message of a healthy machine, and no SXid known to be harmless, is a warning."""
    messages = (folder / "gpu/lines/healthy-dmesg-messages-imbue.txt").read_text("utf-8").splitlines()
    harmless = (folder / "gpu/lines/sxid-known-harmless-imbue.txt").read_text("utf-8").split()
    switch = "nvidia-nvswitch0: SXid (PCI:0000:86:00.0): "
    lines = [*messages, *(f"{switch}{code}, Non-fatal, Link 04 of some kind" for code in harmless)]
    lines += [f"{switch}{code}, Unnamed" for code in harmless]
    found = [one for line in lines for one in LogReader("kernel", "log").read_text([line], NOW)]
    grave = [one for one in found if one.severity != "info"]
    tables["healthy machines"] = [
        ("lines", "told as information", "above information"),
        (str(len(lines)), str(len(found) - len(grave)), str(len(grave))),
    ]

    assert set() == {int(code) for code in harmless} - HARMLESS_SXIDS
    assert [] == grave


def _found(one: Labelled, reader: LogReader) -> LogEvidence | None:
    """What a line gives by itself; of a sentence of several lines, after the lines before it."""
    if one.label not in (*CONTEXT, ENDING):
        reader = LogReader(one.log, "log")
    found = reader.read_text([one.line], NOW)
    return found[0] if found else None


def _named(one: LogEvidence) -> Mapping[str, object]:
    """All that evidence names, its details included; a node it names in its text goes before its log's."""
    own = {
        name: getattr(one, name)
        for name in ("code", "gpu", "pci", "uuid", "pid", "process", "job", "caused_by", "recovery", "link", "node")
    }
    return {**own, **one.details}
