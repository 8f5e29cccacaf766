"""The journal: no secret enters it, who follows it misses nothing, and a full disk stops no run."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from app.config.secret import Secret
from app.domain.deployment import DeployEvent, Step, Told
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.journal import Journal, as_json, follow
from app.services.deploy.secrets import redactor

KEY = "rpa_CANARY0123456789abcdefXYZ"
EVENT = DeployEvent(
    1000.5, Told.PROGRESS, "pod p1 is made", Step.PODS, "lab-w1", 0.5, 2.79, 0.01, {"pod": "p1", "list": [1, None, "x"]}
)


def made(tmp_path: Path) -> tuple[DeploymentFolder, Journal]:
    """A journal of a deployment."""
    folder = folder_of(tmp_path, "lab")
    folder.make()
    return folder, Journal(folder, redactor([Secret(KEY)]))


def test_an_event_comes_back_as_it_was(tmp_path: Path) -> None:
    """What is appended is what a follower reads."""
    folder, journal = made(tmp_path)

    journal.append(EVENT)

    assert (EVENT,) == follow(folder.events)[0]
    assert "1970-01-01T00:16:40Z progress [pods lab-w1] pod p1 is made\n" == folder.log.read_text("utf-8")
    assert 0o600 == folder.events.stat().st_mode & 0o777


def test_no_secret_enters(tmp_path: Path) -> None:
    """Neither the key, nor its base64, nor what looks like a token: in no text, no detail and no log line."""
    folder, journal = made(tmp_path)
    other = "hf_abcdefghijklmnop"
    encoded = base64.b64encode(KEY.encode()).decode()

    told = journal.append(
        DeployEvent(0.0, Told.NOTE, f"key {KEY} {other}", data={"a": [{"b": f"x{encoded}"}], KEY[:9]: KEY})
    )
    journal.log(0.0, f"Authorization: Bearer {KEY}")

    written = folder.events.read_text("utf-8") + folder.log.read_text("utf-8") + json.dumps(as_json(told))
    assert all(secret not in written for secret in (KEY, other, encoded.rstrip("=")))


def test_a_follower_takes_up_where_it_was(tmp_path: Path) -> None:
    """Each event is given once; a line that is still being written waits for its end."""
    folder, journal = made(tmp_path)
    journal.append(EVENT)
    first, offset = follow(folder.events)
    line = json.dumps(as_json(EVENT))
    with folder.events.open("a") as file:
        file.write(line[:20])
    half, same = follow(folder.events, offset)
    with folder.events.open("a") as file:
        file.write(line[20:] + "\n")
    rest, _ = follow(folder.events, same)

    assert ((EVENT,), (), (EVENT,), offset) == (first, half, rest, same)


def test_a_journal_that_begins_anew_is_read_from_its_start(tmp_path: Path) -> None:
    """After a destroy and a new deploy of the name the file is shorter than before."""
    folder, journal = made(tmp_path)
    for _ in range(3):
        journal.append(EVENT)
    _, offset = follow(folder.events)
    folder.events.unlink()
    journal.append(EVENT)

    assert (EVENT,) == follow(folder.events, offset)[0]
    assert ((), 7) == follow(tmp_path / "nowhere", 7)


def test_lines_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    """A newer kind of event, or rubbish, hides none of the others."""
    folder, journal = made(tmp_path)
    folder.events.write_bytes(b'{"told":"sung","at":1,"text":"x"}\n\xff\xfe\n[]\n{"at":"x"}\n' + b"[" * 5000 + b"\n")
    journal.append(EVENT)

    assert (EVENT,) == follow(folder.events)[0]


def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """A run that costs money goes on; the journal knows why it is silent."""
    folder, journal = made(tmp_path)
    folder.events.mkdir()

    assert EVENT.text == journal.append(EVENT).text
    assert journal.problem.startswith(str(folder.events))
