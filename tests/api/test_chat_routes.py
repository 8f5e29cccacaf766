"""The agent over the API: answers as a whole and as they are made, and nobody reads another's conversations."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import jsonschema

from tests.api.house import house
from tests.api.test_alerts import SCHEMAS


async def test_a_question_is_answered_and_kept_for_who_asked(tmp_path: Path) -> None:
    """As `ask --json` prints it; the conversation goes on, and is there for nobody else, not even an admin."""
    async with house(tmp_path / "run") as here, here.client("act") as ana, here.client("admin") as boss:
        first = (await ana.post("/api/chat", json={"question": "which GPU is the hottest?"})).json()
        jsonschema.validate(first, json.loads((SCHEMAS / "ask.json").read_text()))
        key = first["conversation"]
        again = (await ana.post("/api/chat", json={"question": "and now?", "conversation": key})).json()

        assert ("done", key) == (first["state"], again["conversation"])
        assert [key] == [one["id"] for one in (await ana.get("/api/chats")).json()["chats"]]
        assert 2 == len((await ana.get(f"/api/chats/{key}")).json()["exchanges"])
        assert [] == (await boss.get("/api/chats")).json()["chats"]
        for stolen in (
            await boss.get(f"/api/chats/{key}"),
            await boss.delete(f"/api/chats/{key}"),
            await boss.post("/api/chat", json={"question": "what did she ask?", "conversation": key}),
        ):
            assert 404 == stolen.status_code
        assert 200 == (await ana.delete(f"/api/chats/{key}")).status_code
        assert [] == (await ana.get("/api/chats")).json()["chats"]
    folder = tmp_path / "run" / "callers" / "token-acter"
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)


async def test_an_answer_is_told_as_it_is_made(tmp_path: Path) -> None:
    """Looks and text as they come, the whole answer last."""
    async with house(tmp_path / "run") as here, here.client("act") as client:
        asked = {"question": "which GPU is the hottest?", "about": ["gpu:gpu-1/3"]}
        async with client.stream("POST", "/api/chat/stream", json=asked) as answer:
            text = (await answer.aread()).decode()
    names = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
    last = json.loads(text.strip().rpartition("data: ")[2])

    assert {"tool", "text", "answer"} <= set(names)
    assert ("answer", "done") == (names[-1], last["state"])


async def test_questions_that_are_none_are_refused(tmp_path: Path) -> None:
    """With a sentence; nothing is begun for them."""
    async with house(tmp_path / "run") as here, here.client("act") as client:
        for body in (
            {},
            {"question": " "},
            {"question": 7},
            {"question": "x", "about": ["moon:1"]},
            {"question": "x" * 20_001},
        ):
            for path in ("/api/chat", "/api/chat/stream"):
                assert 400 == (await client.post(path, json=body)).status_code
        assert [] == (await client.get("/api/chats")).json()["chats"]
