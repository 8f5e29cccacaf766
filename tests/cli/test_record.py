"""`record`, `replay` and `--replay`: what is written, what is refused, what a recording answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.services.recorder.sinks import FOLDER
from tests.cli.conftest import Run, dcgm_page, schema
from tests.services.recorder.recordings import INTERVAL_S, NOW, recording


@pytest.fixture
def made(tmp_path: Path) -> str:
    """A recording of twenty looks at one GPU that grows hot."""
    asyncio.run(recording(tmp_path / "a.rec"))
    return str(tmp_path / "a.rec")


def test_what_is_recorded_is_what_commands_answer(
    run: Run, tmp_path: Path, serve_page: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command records, others answer from the file; the page is gone by then."""
    monkeypatch.setenv("GPU_WATCHDOG_STATE_DIR", str(tmp_path / "state"))
    file = str(tmp_path / "b.rec")
    shown = run("record", file, "--for", "2s", "--target", serve_page(dcgm_page()), "--interval", "0.3")
    status = run("status", "--json", "--replay", file)

    assert errors.OK == shown.code
    assert "gpu-watchdog replay" in shown.err
    assert 0o600 == Path(file).stat().st_mode & 0o777
    jsonschema.validate(status.json, schema("status"))
    assert ("replay", 2) == (status.json["mode"], status.json["cluster"]["gpus"])
    assert not (tmp_path / "state" / FOLDER).exists()


def test_a_file_that_exists_is_left_alone(run: Run, made: str, serve_page: Callable[[str], str]) -> None:
    """A recording takes nothing's place."""
    before = Path(made).read_bytes()
    shown = run("record", made, "--for", "1s", "--target", serve_page(dcgm_page()))

    assert errors.CANNOT_WRITE == shown.code
    assert "exists already" in shown.err
    assert before == Path(made).read_bytes()


def test_at_is_a_moment_of_the_recording(run: Run, made: str) -> None:
    """By its clock: a span before its end, or a time."""
    for at, expected in ((f"{NOW + 2 * INTERVAL_S:.0f}", 44), ("-25s", 68), ("now", 78)):
        answer = run("status", "--json", "--replay", made, "--at", at)
        assert expected == answer.json["nodes"][0]["gpus"][0]["temperature_c"]


def test_the_past_of_a_recording_is_its_own(run: Run, made: str) -> None:
    """`history` answers from what was played, to the recording's end."""
    answer = run("history", "gpu:gpu-01/0", "temperature", "--since", "50s", "--step", "0", "--json", "--replay", made)

    points = [value for _, value in answer.json["points"] if value is not None]
    assert [58, 60, 62, 64, 66, 68, 70, 72, 74, 76] == points[:10]


@pytest.mark.parametrize("option", [("--watch",), ("--embedded",), ("--target", "http://127.0.0.1:9/")])
def test_what_a_recording_cannot_do_is_refused(run: Run, made: str, option: tuple[str, ...]) -> None:
    """A recording is all there is to look at, and it does not go on."""
    shown = run("status", "--replay", made, *option)

    assert errors.USAGE == shown.code
    assert "--replay shows a recording" in shown.err


@pytest.mark.parametrize("body", [b"", b"hello", b"gpu-watchdog recording 1\n", b"gpu-watchdog recording 2\n"])
def test_a_file_that_is_no_recording_is_a_sentence(run: Run, tmp_path: Path, body: bytes) -> None:
    """Whatever it is."""
    (tmp_path / "c.rec").write_bytes(body)
    for words in (("status", "--replay"), ("replay",)):
        shown = run(*words, str(tmp_path / "c.rec"))

        assert errors.USAGE == shown.code
        assert "replay" in shown.err


def test_nothing_is_done_to_a_recording(run: Run, made: str) -> None:
    """Its alerts are listed; who would take one on is told that it is over."""
    shown = run("alerts", "ack", "a-1", "--replay", made)

    assert errors.UNAVAILABLE == shown.code
    assert "a recording takes no wishes" in shown.err
    assert errors.USAGE == run("cancel", "1", "--replay", made).code
