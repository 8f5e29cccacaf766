"""Who did what through the API stands in the audit log: by a token's name or a user, and never with a secret."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.services.audit import Audit, AuditError
from tests.api.house import House, house


def facts(here: House) -> list[dict[str, Any]]:
    """Every line."""
    return [json.loads(line) for line in (here.state / "audit.jsonl").read_text().splitlines()]


async def test_changes_are_written_down_before_and_after(tmp_path: Path) -> None:
    """With the name of who wished them, and what came of it."""
    async with house(tmp_path / "run") as here, here.client("act") as ana, here.peer() as own:
        await ana.post("/api/silences", json={"matchers": 'alertname="GpuHot"', "lasts_s": 60})
        await own.delete("/api/alerts/Nothing")
        await ana.get("/api/alerts")
        told = facts(here)

    assert [("intent", "acter", None), ("outcome", "acter", None)] == [
        (t["fact"], t["user"], t["uid"]) for t in told[:2]
    ]
    assert ("POST /api/silences", "127.0.0.1", True) == (told[1]["verb"], told[1]["ssh_client"], told[1]["ok"])
    assert [os.geteuid(), False] == [told[3]["uid"], told[3]["ok"]]
    assert 4 == len(told)


async def test_a_token_speaks_for_nobody_else(tmp_path: Path) -> None:
    """Whatever name it gives; who runs the daemon may say for whom it acts."""
    async with house(tmp_path / "run") as here, here.client("act") as ana, here.peer() as own:
        wish = {"matchers": 'alertname="GpuHot"', "lasts_s": 60, "by": "boss"}
        by_token = (await ana.post("/api/silences", json=wish)).json()
        by_peer = (await own.post("/api/silences", json=wish)).json()

    assert ["acter", "boss"] == [by_token["by"], by_peer["by"]]


async def test_what_cannot_be_written_down_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk stops wishes, and no looks."""

    def full(*_words: object) -> str:
        raise AuditError("the audit log cannot be written (No space left on device): nothing is done without it")

    monkeypatch.setattr(Audit, "note", full)
    async with house(tmp_path / "run") as here, here.client("admin") as client:
        answer = await client.post("/api/silences", json={"matchers": 'alertname="GpuHot"', "lasts_s": 60})

        assert (503, True) == (answer.status_code, "No space left" in answer.json()["error"])
        assert () == here.alerting.now().silences
        assert 200 == (await client.get("/api/silences")).status_code
