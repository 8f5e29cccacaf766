"""`report`: one command, a bundle that opens; from the store's file and from a daemon."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.transport.clock import SystemClock
from tests.cli.conftest import Run, schema
from tests.services.report_builders import CANARY, LASTS_S, NOW, stored

FILES = ["audit.jsonl", "evidence.log", "findings.json", "recording.db", "report.html", "report.md"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a store in which a GPU fell off the bus; the clock stands at its end."""
    monkeypatch.setattr(SystemClock, "now", lambda _self: NOW + LASTS_S)
    path = tmp_path / "history.db"

    async def fill() -> None:
        await (await stored(path)).close()

    asyncio.run(fill())
    return str(path)


def test_a_zip_opens_and_its_recording_travels_in_time(run: Run, tmp_path: Path, store: str) -> None:
    """Every file in one folder of the zip; `status --at` and `diagnose --at` look at the recording as at any store."""
    out = tmp_path / "bundle.zip"
    told = run("report", "--since", "1h", "--store-path", store, "--embedded", "--out", str(out), "--json")

    assert (errors.OK, str(out)) == (told.code, told.json["path"])
    jsonschema.validate(told.json, schema("report"))
    assert FILES == [one["name"] for one in told.json["files"]]
    with zipfile.ZipFile(out) as packed:
        assert [f"bundle/{name}" for name in FILES] == packed.namelist()
        assert [] == [name for name in packed.namelist() if CANARY.encode() in packed.read(name)]
        packed.extractall(tmp_path)
    recording = str(tmp_path / "bundle" / "recording.db")
    status = run("status", "--json", "--embedded", "--store-path", recording, "--at", str(NOW + 200))
    found = run("diagnose", "--json", "--embedded", "--store-path", recording, "--at", str(NOW + 590))
    assert [97.0, 96.0] == [one["utilization_percent"] for one in status.json["nodes"][0]["gpus"]]
    assert (errors.FOUND, True) == (found.code, "B1" in [one["code"] for one in found.json["findings"]])
    named = {one["id"] for one in told.json["incidents"]}
    assert named <= {one["id"] for one in found.json["incidents"]}


def test_an_incident_by_name_makes_a_folder_here(
    run: Run, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --out the folder is named after the incident and the time; its path is the only line of output."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    key = next(
        one["id"]
        for one in run("diagnose", "--json", "--embedded", "--store-path", store, "--at", str(NOW + 600)).json[
            "incidents"
        ]
        if one["severity"] == "critical"
    )
    told = run("report", "--incident", key, "--embedded", "--store-path", store, "--anonymize")

    folder = f"gpu-watchdog-report-{key}-20251124-1610Z"
    assert (errors.OK, f"{folder}\n") == (told.code, told.out)
    assert FILES == sorted(one.name for one in (here / folder).iterdir())
    assert "llama-sft" not in (here / folder / "report.html").read_text()
    assert 0o700 == (here / folder).stat().st_mode & 0o777
    assert [folder] == [one.name for one in here.iterdir()]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], errors.USAGE, "--incident --since"),
        (["--incident", "i-1", "--since", "1h"], errors.USAGE, "not allowed with"),
        (["--incident", "i-1", "--until", "-1h"], errors.USAGE, "has an end of its own"),
        (["--since", "3d"], errors.USAGE, "at most a day"),
        (["--since", "soon"], errors.USAGE, "not a time"),
        (["--incident", "i-99"], errors.UNAVAILABLE, "no incident i-99"),
    ],
)
def test_what_cannot_be_made_is_said(
    run: Run, tmp_path: Path, store: str, words: list[str], code: int, said: str
) -> None:
    """Wrong usage is 64, an unknown incident 69; nothing is left behind."""
    out = tmp_path / "out"
    told = run("report", *words, "--embedded", "--store-path", store, "--out", str(out))

    assert (code, "") == (told.code, told.out)
    assert said in told.err
    assert [] == [one.name for one in tmp_path.iterdir() if "report" in one.name or one.name == "out"]


def test_neither_a_store_nor_a_place_is_invented(run: Run, tmp_path: Path, store: str) -> None:
    """No history is 69; a target that exists, or whose folder does not, is 73 and stays as it was."""
    kept = tmp_path / "kept.zip"
    kept.write_text("mine")
    asked = ("report", "--since", "1h", "--embedded", "--store-path")

    assert errors.UNAVAILABLE == run(*asked, str(tmp_path / "none.db"), "--out", str(tmp_path / "x")).code
    assert errors.CANNOT_WRITE == run(*asked, store, "--out", str(kept)).code
    assert errors.CANNOT_WRITE == run(*asked, store, "--out", str(tmp_path / "no" / "x.zip")).code
    assert "mine" == kept.read_text()


def test_a_daemon_s_past_is_asked_for_where_there_is_one(run: Run, tmp_path: Path) -> None:
    """With a daemon the report comes of its answers: its incidents, its pictures, not of a file."""
    log = tmp_path / "kern.log"
    log.write_text("")
    file = tmp_path / "lab.toml"
    file.write_text(
        '[cluster]\nname = "lab"\ninterval_s = 0.3\n[discover]\nlocal = false\n[slurm]\nvia = "off"\n'
        f'[store]\npath = "{tmp_path / "h.db"}"\n[[log]]\nkind = "kernel"\nnode = "node-1"\npath = "{log}"\n'
        '[[target]]\nurl = "http://127.0.0.1:9/metrics"\nnode = "node-1"\n'
    )
    with daemon(file):
        incidents = _some_incidents(run, str(file))
        told = run("report", "--since", "1h", "--config", str(file), "--out", str(tmp_path / "out"), "--json")

    assert errors.OK == told.code
    assert set(incidents) <= {one["id"] for one in told.json["incidents"]}
    assert told.json["recording"]["pictures"] >= 1
    answer = json.loads((tmp_path / "out" / "findings.json").read_text())
    assert {one["incident"] for one in answer["findings"]} >= set(incidents)


def _some_incidents(run: Run, file: str) -> list[str]:
    """Names of the daemon's incidents, once there are some; a target that refuses is one."""
    for _ in range(60):
        answer = run("diagnose", "--json", "--config", file)
        found = [one["id"] for one in answer.json["incidents"] if one["severity"] != "info"]
        if found:
            return found
    raise AssertionError("it never came")


@contextmanager
def daemon(file: Path) -> Iterator[None]:
    """A daemon for a configuration."""
    going = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--config", str(file)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert going.stderr is not None
        assert going.stderr.readline().startswith("serving ")
        yield
    finally:
        going.terminate()
        going.communicate(timeout=10)


def test_help_needs_no_engine() -> None:
    """`--help` loads neither the diagnosis nor the store."""
    code = (
        "import sys, contextlib, io\n"
        "from app.__main__ import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): main(['report', '--help'])\n"
        "print([one for one in ('app.engine.diagnosis.step', 'app.store.sqlite', 'textual') if one in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert "[]" == done.stdout.strip()
