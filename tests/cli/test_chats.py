"""`chats`: what is kept is listed, searched, read, named, exported and deleted."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.domain.chat import Conversation
from app.store.chats import FILE, Chats
from tests.cli.asking import EXCHANGE, TEXT
from tests.cli.conftest import Run, schema

SECOND = replace(EXCHANGE, id="e-2", question="and job 812?", answer="It waits.", tools=(), proposals=(), marks=())
STOPPED = replace(EXCHANGE, id="e-3", question="why?", answer="Becau", state="stopped", model=None, marks=())


def state() -> Path:
    """The state folder of this test."""
    return Path(os.environ["GPU_WATCHDOG_STATE_DIR"])


async def _fill() -> None:
    chats = Chats(state() / FILE, lambda: 1_764_000_500.0)
    for key, title, exchanges in (("c-1", "the bus", (EXCHANGE, SECOND)), ("c-2", "a stop", (STOPPED,))):
        await chats.begin(Conversation(key, title, began=1_764_000_000.0, changed=1_764_000_000.0, user="ana"))
        await chats.rename(key, title)
        for number, one in enumerate(exchanges):
            await chats.keep(key, one, 1_764_000_000.0 + number + 10 * (key == "c-2"))
    await chats.close()


@pytest.fixture
def kept() -> None:
    """Two conversations."""
    asyncio.run(_fill())


def test_without_conversations_it_says_so(run: Run) -> None:
    """69, and nothing is made by looking."""
    answer = run("chats")

    assert (errors.UNAVAILABLE, "") == (answer.code, answer.out)
    assert "there are no conversations yet" in answer.err
    assert not state().exists()


@pytest.mark.usefixtures("kept")
def test_conversations_are_listed_and_searched(run: Run) -> None:
    """The newest first; with words those that hold all of them, with the piece that fits."""
    everything, one = run("chats", "--json"), run("chats", "job", "812", "--json")
    shown = run("chats", "job", "812")
    none = run("chats", "list", "unheard")

    for answer in (everything, one):
        assert errors.OK == answer.code
        jsonschema.validate(answer.json, schema("chats"))
    assert ["c-2", "c-1"] == [each["id"] for each in everything.json["chats"]]
    assert [("the bus", 2, "nemotron")] == [(c["title"], c["exchanges"], c["model"]) for c in one.json["chats"]]
    assert "812" in one.json["chats"][0]["found"]
    assert shown.out.startswith("c-1  2025-11-24 ")
    assert "2 questions  the bus\n" in shown.out
    assert (errors.OK, "", "no conversation holds these words\n") == (none.code, none.out, none.err)


@pytest.mark.usefixtures("kept")
def test_one_is_read_in_three_forms(run: Run) -> None:
    """JSON by the schema, markdown as in an export, text with what stands beneath each answer; `last` is the newest."""
    whole = run("chats", "show", "c-1", "--json")
    mark, text, last = (run("chats", "show", *words) for words in (("c-1", "--markdown"), ("c-1",), ("last",)))

    jsonschema.validate(whole.json, schema("chats"))
    assert ["what is wrong?", "and job 812?"] == [one["question"] for one in whole.json["exchanges"]]
    assert "diagnose" == whole.json["exchanges"][0]["citations"][0]["tool"]
    assert "ana" == whole.json["user"]
    for answer in (mark, text):
        assert TEXT.splitlines()[2].split("[1]")[0] in answer.out
    assert "runs  scontrol update nodename=node-1 state=drain" in text.out
    assert "(stopped)\n" in last.out
    assert "answered by the offline analyst" in last.out


@pytest.mark.usefixtures("kept")
def test_one_is_renamed_and_deleted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new title is kept; what is deleted is gone, and only after a yes."""
    named = run("chats", "rename", "c-1", "slot 3,", "\x1b[31mrow\x07  2")
    unsure = run("chats", "delete", "c-1")
    titles = [one["title"] for one in run("chats", "--json").json["chats"]]
    gone = run("chats", "delete", "c-1", "--yes")
    left = [one["id"] for one in run("chats", "--json").json["chats"]]

    assert [errors.OK, errors.USAGE, errors.OK] == [named.code, unsure.code, gone.code]
    assert "there is no terminal to ask on" in unsure.err
    assert (["a stop", "slot 3, row 2"], ["c-2"]) == (sorted(titles), left)


@pytest.mark.usefixtures("kept")
def test_an_export_is_a_new_file_of_its_owner(run: Run, tmp_path: Path) -> None:
    """0600, never over another file; `-` prints it."""
    path = tmp_path / "bus.md"
    first, again = run("chats", "export", "c-1", str(path)), run("chats", "export", "c-1", str(path))
    nowhere = run("chats", "export", "c-1", str(tmp_path / "no" / "bus.md"))
    printed = run("chats", "export", "c-1", "-")

    assert [errors.OK, errors.CANNOT_WRITE, errors.CANNOT_WRITE] == [first.code, again.code, nowhere.code]
    assert (f"{path}\n", 0o600) == (first.out, path.stat().st_mode & 0o777)
    assert path.read_text("utf-8") == printed.out
    assert "exists already" in again.err


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("show",), errors.USAGE, "which one?"),
        (("show", "c-9"), errors.UNAVAILABLE, "no conversation is called 'c-9'"),
        (("rename", "c-1"), errors.USAGE, "ID and TITLE"),
        (("rename", "c-1", "x" * 201), errors.USAGE, "at most 200"),
        (("export", "c-1"), errors.USAGE, "ID and FILE"),
        (("--limit", "0"), errors.USAGE, "--limit"),
    ],
)
def test_wrong_words_are_errors_for_a_person(run: Run, words: tuple[str, ...], code: int, told: str) -> None:
    """Nothing happens, and one sentence says why."""
    answer = run("chats", *words)

    assert (code, "") == (answer.code, answer.out)
    assert told in answer.err


@pytest.mark.usefixtures("kept")
def test_a_file_that_cannot_be_written_is_no_success(run: Run) -> None:
    """What a newer program wrote is neither changed nor said to be; the reason is told."""
    import sqlite3

    with sqlite3.connect(state() / FILE) as database:
        database.execute("PRAGMA user_version = 9999")
    answer = run("chats", "rename", "c-1", "x")

    assert (False, "") == (answer.code == errors.OK, answer.out)
    assert FILE in answer.err


def test_the_schemas_of_an_answer_are_one() -> None:
    """`chats show` tells an exchange as `ask` does."""
    of_ask, of_chats = schema("ask"), schema("chats")["$defs"]
    keys = of_chats["exchange"]["properties"].keys()

    assert {key: of_ask["properties"][key] for key in keys} == of_chats["exchange"]["properties"]
    assert of_ask["$defs"] == {key: of_chats[key] for key in of_ask["$defs"]}
    assert json.dumps(of_ask["required"][2:]) == json.dumps(of_chats["exchange"]["required"])
