"""The files of a report, written as one folder or one zip: whole or not at all, and for their owner alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from heapq import merge
from pathlib import Path

from app.domain.naming import clean
from app.present.report_html import html_page
from app.present.report_markdown import markdown_page
from app.present.report_parts import whose
from app.present.report_words import iso
from app.services import queries_diagnosis
from app.services.queries_report import Written
from app.services.reporting import Report


class BundleError(Exception):
    """The bundle cannot be written; the message is for a person."""


@contextmanager
def workshop(target: Path) -> Iterator[Path]:
    """A private folder beside the target, in which the bundle is made; gone at the end. Raises BundleError."""
    if target.exists() or target.is_symlink():
        raise BundleError(f"{target} exists already: name another with --out")
    try:
        folder = Path(tempfile.mkdtemp(prefix=".gpu-watchdog-report-", dir=target.absolute().parent))
    except OSError as error:
        raise BundleError(f"{target} cannot be written: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_pages(report: Report, folder: Path, zone: tzinfo | None = None) -> None:
    """Write every file but the recording, which lies there already. Raises OSError."""
    told = queries_diagnosis.answer(report.diagnosis)
    pages = {
        "report.html": html_page(report.story, zone),
        "report.md": markdown_page(report.story, zone),
        "findings.json": json.dumps(told, indent=2) + "\n",
        "evidence.log": "".join(f"{line}\n" for line in evidence_lines(report)),
        "audit.jsonl": "".join(f"{json.dumps(dict(one), separators=(',', ':'))}\n" for one in report.facts),
    }
    for name, page in pages.items():
        path = folder / name
        path.write_text(page, "utf-8", "replace", newline="\n")
        path.chmod(0o600)
    for path in folder.iterdir():
        path.chmod(0o600)


def evidence_lines(report: Report) -> Iterator[str]:
    """Log lines and events by time, one a line: `TIME WHOSE TEXT`."""
    logs = ((one.at, f"{iso(one.at)} {clean(whose(one))} {clean(one.text, 4000)}") for one in report.story.logs)
    events = sorted(
        (one.at, f"{iso(one.at)} event {one.kind} {one.severity} {clean(one.text, 4000)}")
        for one in report.events
        if not one.kind.startswith("log.")  # the line itself is there
    )
    return (line for _, line in merge(logs, events))


def finish(folder: Path, target: Path) -> tuple[Written, ...]:
    """Put the bundle where it belongs: a zip where the target is named so, else the folder. Raises BundleError."""
    files = tuple(_written(path) for path in sorted(folder.iterdir()))
    try:
        if target.suffix == ".zip":
            packed = folder / ".zip"
            _pack(folder, packed, target.stem)
            os.link(packed, target)  # unlike a rename it never takes another's place
        else:
            made = folder / ".bundle"
            made.mkdir(mode=0o700)
            for one in files:
                (folder / one.name).rename(made / one.name)
            made.rename(target)
    except OSError as error:
        raise BundleError(f"{target} cannot be written: {error.strerror or error}") from error
    return files


def _written(path: Path) -> Written:
    body = path.read_bytes()
    return Written(path.name, len(body), hashlib.sha256(body).hexdigest())


def _pack(folder: Path, packed: Path, inside: str) -> None:
    """All files in one folder of the zip, so that unpacking it litters nothing."""
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("."):
                made.write(path, f"{inside}/{path.name}")
    packed.chmod(0o600)


def default_name(name: str, now: float) -> str:
    """`gpu-watchdog-report-i-3-20261124-1332Z`."""
    words = "".join(one if one.isalnum() or one in "-_" else "-" for one in name)
    return f"gpu-watchdog-report-{words}-{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M}Z"
