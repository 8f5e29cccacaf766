"""Reports: what they hold of a real store, that nothing secret is in any file, that the recording opens and agrees."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from app.domain.diagnosis import NO_DIAGNOSIS
from app.services import queries_report, report_recording
from app.services.diagnosis_past import diagnosis_at
from app.services.report_bundle import BundleError, evidence_lines, finish, workshop, write_pages
from app.services.report_ground import Wanted
from app.services.reporting import Report, report
from app.store.sqlite import open_store
from tests.cli.conftest import schema
from tests.services.report_builders import CANARY, FELL_S, LASTS_S, LOST_S, NOW, ground, stored

PASSWORD = f"{CANARY}-audit"
AUDIT = (
    {"at": NOW + 400, "id": "a1", "fact": "intent", "user": "ana", "verb": "drain", "targets": ["gpu-1"],
     "commands": [["scontrol", "update", "nodename=gpu-1", f"comment=password={PASSWORD}"]]},
    {"at": NOW + 401, "id": "a1", "fact": "outcome", "user": "ana", "verb": "drain", "targets": ["gpu-1"], "ok": True,
     "text": "gpu-1 drains"},
    {"at": NOW - 90_000, "id": "a0", "fact": "intent", "user": "bo", "verb": "cancel", "targets": ["1"]},
)  # fmt: skip


async def made(tmp_path: Path, wanted: Wanted, *, anonymous: bool = False, after: float = LASTS_S) -> Report:
    """The report on the stored past, its files in `bundle`."""
    (tmp_path / "audit.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in AUDIT) + '{"at": half a li')
    folder = tmp_path / "bundle"
    folder.mkdir()
    history = await stored(tmp_path / "h.db")
    try:
        done = await report(ground(history, tmp_path, after=after), wanted, folder, anonymous=anonymous)
    finally:
        await history.close()
    write_pages(done, folder)
    return done


async def incident_of(tmp_path: Path) -> str:
    """The name of the incident that the store's past shows."""
    history = await stored(tmp_path / "first.db")
    found = await diagnosis_at(history, NOW + LASTS_S)
    await history.close()
    assert found is not None
    return next(one.id for one in found.incidents if one.severity == "critical")


async def test_a_report_tells_cause_time_victims_and_money(tmp_path: Path) -> None:
    """The Xid is the root, the job and its owner are hit, what they cost is reckoned, curves and deeds are there."""
    done = await made(tmp_path, Wanted(await incident_of(tmp_path)))

    (chapter,) = done.story.chapters
    assert chapter.root is not None
    assert ("B1", 3) == (chapter.root.code, chapter.root.subject.gpu)
    assert NOW + FELL_S - 1 == chapter.incident.began
    assert [("812", "llama-sft", "ana", 2, 5.0)] == [
        (one.id, one.name, one.user, one.gpus, one.per_hour) for one in chapter.jobs
    ]
    assert ("gpu-1/3",) == chapter.gpus
    assert chapter.lost == pytest.approx(chapter.incident.affects.cost_per_hour * chapter.lasted_s / 3600)  # type: ignore[operator]
    drawn = {one.series.metric: one for one in chapter.charts if one.title == "gpu-1/3"}
    assert {"gpu.utilization", "gpu.power"} <= set(drawn)
    assert 700.0 == drawn["gpu.power"].limit
    assert ["alert.firing", "log.xid"] == [one.kind for one in chapter.events]
    (deed,) = done.story.deeds
    assert ("drain", ("gpu-1",), True, "gpu-1 drains") == (deed.verb, deed.targets, deed.is_done, deed.outcome)
    assert {("driver", "580.1"), ("gpu-watchdog", "1.2.3")} <= set(done.story.versions)
    assert done.story.money.spent is not None


async def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    """Tokens of log lines, jobs, errors and actions: in no page, no line, and not in the recording either."""
    await made(tmp_path, Wanted(since_s=3600.0, said="1h"))

    files = {one.name: one.read_bytes() for one in (tmp_path / "bundle").iterdir()}
    assert {"report.html", "report.md", "findings.json", "evidence.log", "audit.jsonl", "recording.db"} == set(files)
    assert [] == [name for name, body in files.items() if CANARY.encode() in body]
    assert [] == [text for text in _texts_of(tmp_path / "bundle" / "recording.db") if CANARY in text]
    assert all(one.stat().st_mode & 0o077 == 0 for one in (tmp_path / "bundle").iterdir())


def _texts_of(path: Path) -> list[str]:
    """All that stands in a store, unpacked."""
    found: list[str] = []
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for name in tables:
            for row in db.execute(f"SELECT * FROM {name}"):
                found += [str(one) for one in row if not isinstance(one, bytes)]
                packed = [one for one in row if isinstance(one, bytes)] if name in ("version", "job") else []
                found += [zlib.decompress(one).decode() for one in packed]
    return found


async def test_names_are_made_up_everywhere(tmp_path: Path) -> None:
    """User, node, job, account and cluster are gone from every file; the recording too; numbers of jobs stay."""
    done = await made(tmp_path, Wanted(since_s=3600.0, said="1h"), anonymous=True)

    bundle = tmp_path / "bundle"
    pages = [one.read_text() for one in bundle.iterdir() if one.name != "recording.db"]
    said = "\n".join([*pages, *_texts_of(bundle / "recording.db")])
    assert [] == re.findall(r"gpu-1\b|gpu-2\b|\bana\b|llama-sft|/home/|\blab\b", said)
    assert ("812", "user-1", "name-1", ("node-1",)) == next(
        (one.id, one.user, one.name, one.nodes) for chapter in done.story.chapters for one in chapter.jobs
    )


async def test_the_recording_opens_and_says_the_same(tmp_path: Path) -> None:
    """Pictures, curves, events and the diagnosis of then, incidents by the same names; one file, nothing beside it."""
    key = await incident_of(tmp_path)
    done = await made(tmp_path, Wanted(key))
    recording = done.story.recording
    assert recording is not None

    history = await open_store(tmp_path / "bundle" / "recording.db", lambda: NOW, want_lease=False)
    before, after = await history.at(NOW + FELL_S - 20), await history.at(NOW + LASTS_S)
    diagnosis = await diagnosis_at(history, NOW + LASTS_S)
    events = await history.events(NOW, NOW + LASTS_S)
    jobs = await history.jobs(NOW, NOW + LASTS_S)
    await history.close()

    assert (61, 10.0) == (recording.pictures, recording.step_s)
    assert before is not None
    assert after is not None
    assert ({"3": 97.0, "4": 96.0}, {"3": None, "4": 96.0}) == tuple(
        {str(one.index): one.value("gpu.utilization", shown.at) for one in shown.gpus()} for shown in (before, after)
    )
    assert NOW + LOST_S == after.nodes["gpu-1"].gpus[0].lost_at
    assert diagnosis is not None
    assert key in [one.id for one in diagnosis.incidents]
    assert "B1" in [one.code for one in diagnosis.findings]
    assert 3 == len(events)
    assert ["812"] == [one.id for one in jobs]
    assert [] == list((tmp_path / "bundle").glob("recording.db?*"))


async def test_pictures_that_are_left_out_make_nothing_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every sixth picture a value a minute old is still one, at any moment in between."""
    monkeypatch.setattr(report_recording, "MOST_PICTURES", 11)
    monkeypatch.setattr(report_recording, "LEAST_PICTURES", 1)
    done = await made(tmp_path, Wanted(since_s=3600.0, said="1h"))
    assert done.story.recording is not None
    assert (11, 60.0) == (done.story.recording.pictures, done.story.recording.step_s)

    history = await open_store(tmp_path / "bundle" / "recording.db", lambda: NOW, want_lease=False)
    shown = [await history.at(NOW + after) for after in (119.0, 150.0, 179.0)]
    await history.close()

    assert [96.0, 96.0, 96.0] == [one.nodes["gpu-1"].gpus[1].value("gpu.utilization", one.at) for one in shown if one]


async def test_an_unknown_incident_names_those_there_are(tmp_path: Path) -> None:
    """The sentence helps; nothing is written."""
    history = await stored(tmp_path / "h.db")
    found = await diagnosis_at(history, NOW + LASTS_S)
    assert found is not None
    asked = ground(history, tmp_path, found)

    with pytest.raises(LookupError, match=r"no incident i-99 now.*there are i-\d"):
        await report(asked, Wanted("i-99"), tmp_path, anonymous=False)
    await history.close()


async def test_a_time_without_trouble_is_told_as_such(tmp_path: Path) -> None:
    """Two minutes before anything broke: no incident, and still a recording to look at."""
    done = await made(tmp_path, Wanted(since_s=120.0, until=NOW + 200.0, said="2m"), after=LASTS_S)

    assert ((), "No incidents") == (done.story.chapters, done.story.title)
    assert done.story.recording is not None
    assert "Nothing was wrong in that time" in (tmp_path / "bundle" / "report.html").read_text()


async def test_an_incident_that_is_over_has_its_end(tmp_path: Path) -> None:
    """What a daemon remembers of it is told, with the findings of when it lasted."""
    history = await stored(tmp_path / "h.db")
    then = await diagnosis_at(history, NOW + LASTS_S)
    assert then is not None
    incident = next(one for one in then.incidents if one.severity == "critical")
    over = replace(incident, ended=incident.last_seen + 30)
    known = replace(NO_DIAGNOSIS, at=NOW + 700, ended=(over,))
    done = await report(ground(history, tmp_path, known, after=700.0), Wanted(over.id), tmp_path, anonymous=False)
    await history.close()

    (chapter,) = done.story.chapters
    assert over.ended == chapter.until == chapter.incident.ended
    assert chapter.root is not None
    assert "B1" == chapter.root.code


async def test_findings_and_answer_are_as_their_schemas_say(tmp_path: Path) -> None:
    """findings.json is what `diagnose --json` prints, and `report --json` has a schema of its own."""
    done = await made(tmp_path, Wanted(since_s=3600.0, said="1h"))

    jsonschema.validate(json.loads((tmp_path / "bundle" / "findings.json").read_text()), schema("diagnose"))
    jsonschema.validate(queries_report.answer(done, "out", ()), schema("report"))
    lines = list(evidence_lines(done))
    assert lines == sorted(lines)
    assert any("kernel gpu-1 NVRM: Xid" in line for line in lines)
    assert any(" event alert.firing critical gpu-1/3: Xid 79" in line for line in lines)


def test_a_bundle_never_takes_another_s_place(tmp_path: Path) -> None:
    """What exists stays as it is; a half-made bundle is gone; a zip has one folder in it."""
    taken = tmp_path / "there"
    taken.mkdir()
    with pytest.raises(BundleError, match="exists already"), workshop(taken):
        pass

    with workshop(tmp_path / "new.zip") as folder:
        (folder / "report.md").write_text("x")
        (written,) = finish(folder, tmp_path / "new.zip")

    assert ("report.md", 1) == (written.name, written.size)
    assert ["new.zip", "there"] == sorted(one.name for one in tmp_path.iterdir() if not one.name.startswith("."))
