"""A log as a source, from a line that is written to an event that people see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.config.load import ConfigError, parse
from app.config.settings import Log, Settings, Target
from app.domain.apply import apply
from app.domain.apply_logs import MOST_EVENTS, MOST_KEPT, apply_logs, new_evidence
from app.domain.codec import decode, encode
from app.domain.evidence import LogEvidence
from app.domain.reading import GpuReading, NodeReading, Reading, SourceSpec, XidCount
from app.domain.series import Subject
from app.domain.snapshot import Snapshot
from app.services.queries import status
from app.services.targets import targets_of
from app.sources import registry
from app.sources.logs.source import LogSource, make
from app.sources.registry import Making
from app.transport.scrape import ScrapeClient
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0
SPEC = SourceSpec("kern", "log", "/var/log/kern.log", 5.0, "node-1")
DCGM = SourceSpec("dcgm", "exporter", "http://node-1:9400/metrics", 5.0, "node-1")
XID = "2025-11-24T16:00:00.000000+00:00 node-1 kernel: NVRM: Xid (PCI:0000:19:00): {}, pid=77, name=train.py, text"


def gpu_page(count: int = 0, lost: bool = False) -> Reading:
    """An exporter's page of one GPU."""
    xids = (XidCount(79, count, NOW),) if count else ()
    gpu = GpuReading(0, "GPU-0", {"gpu.utilization": 9.0}, {"pci_bus_id": "00000000:19:00.0"}, xids=xids, lost=lost)
    return Reading("dcgm", NOW, 0.1, nodes=(NodeReading("node-1", gpus=(gpu,)),))


def source_of(path: Path) -> LogSource:
    """The source of a kernel log."""
    log = Log(kind="kernel", node="node-1", path=str(path))
    return make(Making(SPEC, Target(url="log:0"), 4.0, ScrapeClient(), FakeClock(NOW), logs=(log,)))


def said(code: int, **more: object) -> LogEvidence:
    """An Xid of the one GPU."""
    base: dict[str, object] = {"kind": "xid", "at": NOW, "text": f"Xid (PCI:0000:19:00): {code}, text", "code": code}
    return LogEvidence(**{**base, "severity": "critical", "node": "node-1", "pci": "0000:19:00", **more})  # type: ignore[arg-type]  # fields of the value


async def test_line_becomes_an_event_at_its_gpu(tmp_path: Path) -> None:
    """A line that is written between two looks is an event of its GPU, and the GPU's own Xid in every answer."""
    path = tmp_path / "kern.log"
    path.write_text(XID.format(31) + "\n")
    source = source_of(path)
    snapshot = apply(Snapshot(), DCGM, gpu_page()).snapshot
    first = apply(snapshot, source.spec, await source.read())
    with path.open("a") as file:
        file.write(XID.format(79) + "\n")
    second = apply(first.snapshot, source.spec, await source.read())
    await source.close()
    answer = status(second.snapshot, NOW)

    assert () == first.events
    (event,) = second.events
    assert ("log.xid", "critical", Subject("gpu", node="node-1", index=0)) == (
        event.kind,
        event.severity,
        event.subject,
    )
    assert "node-1/0 Xid 79: pid=77, name=train.py, text" == event.text
    assert [31, 79] == [one.code for one in second.snapshot.logs]
    assert [True, False] == [one.is_history for one in second.snapshot.logs]
    assert [31, 79] == [one["code"] for one in answer["nodes"][0]["gpus"][0]["xids"]]
    assert ("log", "ok") == tuple(answer["sources"][1][key] for key in ("kind", "state"))


async def test_log_that_cannot_be_read_is_down(tmp_path: Path) -> None:
    """No lines is not the same as no faults: the source is down, and says why."""
    reading = await source_of(tmp_path / "gone").read()

    assert "is not there; see settings: log.path" in (reading.error or "")


def test_evidence_is_counted_and_bounded() -> None:
    """Who steps over evidence gets what is new exactly once, and a snapshot holds no more than it may."""
    snapshot, _ = apply_logs(Snapshot(), [said(31), said(45)], NOW)
    more, _ = apply_logs(snapshot, [said(79)], NOW)
    full, _ = apply_logs(more, [said(at) for at in range(MOST_KEPT + 10)], NOW)

    assert [31, 45] == [one.code for one in new_evidence(0, snapshot)]
    assert [79] == [one.code for one in new_evidence(snapshot.logs_count, more)]
    assert () == new_evidence(more.logs_count, more)
    assert MOST_KEPT == len(full.logs) == len(new_evidence(more.logs_count, full))


def test_storm_of_events_is_told_as_a_number() -> None:
    """Of many events of one kind some are told, the rest counted; information is silent unless it matters to people."""
    _, events = apply_logs(Snapshot(), [said(79, pid=pid) for pid in range(MOST_EVENTS + 5)], NOW)
    _, quiet = apply_logs(Snapshot(), [replace(said(0), kind="gpu.peermem", code=None, severity="info")], NOW)

    assert MOST_EVENTS + 1 == len(events)
    assert "5 more of log.xid in the same look" == events[-1].text
    assert () == quiet


def test_exporter_does_not_tell_what_the_log_told() -> None:
    """An Xid that the log told is no second event when the exporter's counter follows."""
    snapshot = apply(Snapshot(), DCGM, gpu_page()).snapshot
    logged, _ = apply_logs(snapshot, [said(79)], NOW)

    assert [] == [one for one in apply(logged, DCGM, gpu_page(1)).events if one.kind == "gpu.xid"]
    assert ["gpu.xid"] == [one.kind for one in apply(snapshot, DCGM, gpu_page(1)).events]


def test_xids_of_the_log_stay_when_the_gpu_is_lost() -> None:
    """A lost GPU keeps the Xid that explains it."""
    snapshot, _ = apply_logs(apply(Snapshot(), DCGM, gpu_page()).snapshot, [said(79)], NOW)
    lost = apply(snapshot, DCGM, gpu_page(lost=True)).snapshot

    assert [79] == [one.code for one in lost.nodes["node-1"].gpus[0].xids_told]


def test_evidence_travels_between_processes() -> None:
    """A reading with evidence is the same at the other end of the wire."""
    one = said(154, recovery=2, details={"unit": "x"}, is_history=True)
    reading = Reading("kern", NOW, 0.1, logs=(one,))

    assert reading == decode(Reading, encode(reading))


def test_log_tables_are_read() -> None:
    """Each `[[log]]` is a target with a name of its own, and logs alone are something to look at."""
    text = (
        '[[log]]\npath = "/var/log/kern.log"\n[[log]]\nkind = "vllm"\nurl = "http://pod:9400/logs/vllm"\nnode = "pod"\n'
    )
    settings = parse(text, "lab.toml")
    targets = [one for one in targets_of(settings, {}) if one.url.startswith("log:")]

    assert ["kernel log /var/log/kern.log", "vllm log pod vllm"] == [one.name for one in targets]
    assert "log" == registry.row_for(targets[0].url).kind
    assert not settings.is_empty
    assert Settings().is_empty


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('kind = "kernl"\npath = "/a"', r"\[\[log\]\] kind cannot be 'kernl'; did you mean 'kernel'"),
        ("", r"a \[\[log\]\] needs either path or url"),
        ('path = "/a"\nurl = "http://b/logs/c"', r"needs either path or url"),
        ('path = "kern.log"', r"must begin with / or ~/, or be `journal`, not 'kern.log'"),
        ('paht = "/a"', r"unknown key 'paht' in \[log\]; did you mean 'path'"),
    ],
)
def test_log_that_cannot_be_meant_is_refused(text: str, expected: str) -> None:
    """The error names the table, what is wrong, and what is known."""
    with pytest.raises(ConfigError, match=expected):
        parse(f"[[log]]\n{text}\n", "lab.toml")
