"""`digest`: what happened since this user looked last."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.domain.series import FLEET, Event
from app.services.looked import looked, looked_at
from app.store.history import Tick
from app.store.sqlite import open_store
from tests.cli.conftest import Run, schema


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose history holds an incident of ten minutes ago."""
    monkeypatch.setenv("GPU_WATCHDOG_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir(mode=0o700)
    asyncio.run(_fill(tmp_path / "state" / "history.db"))
    return tmp_path / "state"


async def _fill(path: Path) -> None:
    now = time.time()
    history = await open_store(path, time.time)
    events = (
        Event(now - 600, "incident.began", "critical", FLEET, "GPU gpu-01/5: gone from the bus"),
        Event(now - 500, "job.ended", "warning", FLEET, "job 812 (ana, train) ended: FAILED"),
    )
    await history.write(Tick(now - 400, (), events))
    await history.close()


def test_json_fits_its_schema_and_says_what_is_wrong(run: Run, state: Path) -> None:
    """Exit 1: it is not over."""
    answer = run("digest", "--json", "--target", "http://127.0.0.1:9/")

    jsonschema.validate(answer.json, schema("digest"))
    assert errors.FOUND == answer.code
    assert ["GPU gpu-01/5: gone from the bus"] == [one["text"] for one in answer.json["fired"]]
    assert {"FAILED": 1} == answer.json["jobs_ended"]
    assert looked_at(state) is not None


def test_what_was_told_is_not_told_again(run: Run, state: Path) -> None:
    """The second digest begins where the first ended; one with --since leaves that mark alone."""
    run("digest", "--target", "http://127.0.0.1:9/")
    mark = looked_at(state)
    again = run("digest", "--target", "http://127.0.0.1:9/")
    asked = run("digest", "--since", "1h", "--target", "http://127.0.0.1:9/")

    assert "nothing of note" in again.out
    assert "gone from the bus" in asked.out
    assert "1 failed" in asked.out
    assert mark is not None
    assert (looked_at(state) or 0.0) >= mark


@pytest.mark.parametrize("text", ["", "[]", '{"at": "soon"}', '{"at": 1e999}', "{"])
def test_a_mark_that_says_nothing_is_none(tmp_path: Path, text: str) -> None:
    """A damaged file costs the mark and no more."""
    (tmp_path / "looked.json").write_text(text, "utf-8")
    assert looked_at(tmp_path) is None


def test_a_mark_is_read_as_it_was_written(tmp_path: Path) -> None:
    """For this user alone."""
    looked(tmp_path / "state", 1_764_000_000.25)

    assert 1_764_000_000.25 == looked_at(tmp_path / "state")
    assert 0o700 == (tmp_path / "state").stat().st_mode & 0o777
