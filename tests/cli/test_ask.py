"""`ask`: what is asked of whom, what is printed of the answer, and which exit code it deserves."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from app.agent.events import TextAdded, ToolBegan, ToolEnded
from app.cli import ask, errors
from app.cli.reaching import Reached
from app.domain.chat import Chip, Conversation, Exchange
from tests.cli.asking import EXCHANGE, FAILED, TEXT, USE, WrittenDesk, ended
from tests.cli.conftest import PAST, Answer, Run, dcgm_page, schema

Serve = Callable[[str], str]
Ask = Callable[..., Answer]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> WrittenDesk:
    """The desk that every `ask` of a test finds."""
    written = WrittenDesk([ToolBegan(USE), ToolEnded(USE), ToolEnded(FAILED), TextAdded(TEXT), ended()])
    monkeypatch.setattr(ask, "_desk", lambda *_: written)
    return written


@pytest.fixture
def asking(run: Run, serve_page: Serve, desk: WrittenDesk) -> Ask:
    """Ask about two GPUs of node-1."""
    url = serve_page(dcgm_page(2))

    def answer(*words: str) -> Answer:
        return run("ask", *words, "--target", url, "--interval", "0.1")

    return answer


def test_json_is_the_whole_answer_with_what_it_rests_on(asking: Ask, desk: WrittenDesk) -> None:
    """By the schema: looks with their results, citations, what nothing supports, blind spots, proposals, figures."""
    answer = asking("what is wrong?", "--json")

    assert errors.FOUND == answer.code
    said = answer.json
    jsonschema.validate(said, schema("ask"))
    assert (1, TEXT, "nemotron", "c-1", "done") == tuple(
        said[key] for key in ("schema", "answer", "model", "conversation", "state")
    )
    first, second = said["tools"]
    assert ("diagnose", {"about": "node-1"}, "f-1", None) == (
        first["tool"],
        first["arguments"],
        first["result"]["findings"][0]["id"],
        first["error"],
    )
    assert (None, None, FAILED.error) == (second["result"], second["at"], second["error"])
    (cited,) = said["citations"]
    assert ("[1]", "diagnose", USE.at) == (TEXT[cited["start"] : cited["end"]], cited["tool"], cited["at"])
    assert [("97 %", "no look has 97")] == [(one["text"], one["why"]) for one in said["unsupported"]]
    assert ["kernel log of node-1: not read"] == said["blind"]
    (proposed,) = said["proposals"]
    assert ("drain", "proposed", None) == (proposed["verb"], proposed["state"], proposed["outcome"])
    assert ["scontrol update nodename=node-1 state=drain 'reason=fell off the bus'"] == proposed["shown"]
    assert {"first_s": 0.4, "took_s": 2.5, "tokens_in": 1200, "tokens_out": 80} == said["usage"]
    assert (True, False) == (desk.is_closed, desk.is_stopped)


def test_text_tells_the_answer_and_all_that_stands_beneath_it(asking: Ask) -> None:
    """Without a terminal the answer comes whole, as it was written; nothing is told on stderr but what went wrong."""
    answer = asking("what", "is", "wrong?")

    assert (errors.FOUND, "") == (answer.code, answer.err)
    assert answer.out.startswith(TEXT)
    below = (
        "rests on\n  [1] diagnose about=node-1: 1 finding, critical, at ",
        "  [2] logs node=node-1: logs did not answer in 15 s\n",
        "not supported by what was looked at\n  “97 %”: no look has 97\n",
        "not seen\n  kernel log of node-1: not read\n",
        (
            "proposed, and not done\n  drain node node-1\n    why   it will not come back by itself\n"
            "    runs  scontrol update nodename=node-1 state=drain 'reason=fell off the bus'\n"
            "    hits  job 812 (ana, 8 GPUs) goes on until it ends\n"
            "    undo  scontrol update nodename=node-1 state=resume\n"
            "    mind  node-1 is down already\n"
        ),
    )
    assert [] == [part for part in below if part not in answer.out]


@pytest.mark.parametrize(
    ("exchange", "code", "told"),
    [
        (replace(EXCHANGE, marks=EXCHANGE.marks[:1]), errors.OK, ""),
        (EXCHANGE, errors.FOUND, ""),
        (
            replace(EXCHANGE, state="failed", problem="the server died; ask again"),
            errors.UNAVAILABLE,
            "the server died",
        ),
        (replace(EXCHANGE, state="stopped"), errors.INTERRUPTED, ""),
    ],
)
def test_exit_codes(asking: Ask, desk: WrittenDesk, exchange: Exchange, code: int, told: str) -> None:
    """0: answered; 1: the check marked something; 69: nothing could answer, and why; 130: stopped."""
    desk.events = [ended(exchange)]

    for words in (("what?",), ("what?", "--json")):
        answer = asking(*words)
        assert code == answer.code
        assert told in answer.err


def test_what_it_is_about_and_which_conversation_goes_on(asking: Ask, desk: WrittenDesk) -> None:
    """GPUs by place and by UUID, nodes, jobs, alerts and incidents; a conversation by its name, or the last one."""
    desk.known = (Conversation("c-7", "old", changed=2.0), Conversation("c-3", "older", changed=1.0))
    about = ("gpu:node-1/1", "gpu:GPU-00000001-1111", "node:node-1", "job:812_3", "alert:a1", "incident:i-3")

    asking("and", "that?", "--chat", "c-3", *(word for one in about for word in ("--about", one)))
    asking("more", "--chat", "last")
    asking("anew", "--chat", "last", "--new")

    chips = (
        Chip("gpu", "node-1/1"),
        Chip("gpu", "node-1/1"),
        Chip("node", "node-1"),
        Chip("job", "812_3"),
        Chip("alert", "a1"),
        Chip("incident", "i-3"),
    )
    assert [("and that?", chips, "c-3", None), ("more", (), "c-7", None), ("anew", (), "", None)] == desk.asked


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("",), errors.USAGE, "ask: what?"),
        (("x" * 20_001,), errors.USAGE, "longer than 20,000"),
        (("x", "--chat", "c-9"), errors.UNAVAILABLE, "no conversation is called 'c-9'"),
        (("x", "--about", "disk:1"), errors.USAGE, "--about 'disk:1' is not"),
        (("x", "--about", "fleet"), errors.USAGE, "--about 'fleet' is not"),
        (("x", "--about", "gpu:GPU-ffff"), errors.UNAVAILABLE, "no GPU has the UUID"),
        (("x", "--at", "noon"), errors.USAGE, "--at: 'noon' is not a time"),
        (("x", "--at", "-10m"), errors.UNAVAILABLE, "there is no history yet"),
        (("x", "--offline", "--model", "m"), errors.USAGE, "leave --model out"),
        (("x", "--model", "m"), errors.USAGE, "agent.base_url"),
    ],
)
def test_what_cannot_be_asked_is_an_error_for_a_person(
    asking: Ask, desk: WrittenDesk, words: tuple[str, ...], code: int, told: str
) -> None:
    """Nothing is asked, and one sentence says why."""
    answer = asking(*words)

    assert (code, "") == (answer.code, answer.out)
    assert told in answer.err
    assert [] == desk.asked


def test_a_past_moment_is_asked_of_the_store(run: Run, desk: WrittenDesk, stored_past: Path, tmp_path: Path) -> None:
    """Without a look at the cluster of now: the exporter, which is not there, is not missed."""
    file = tmp_path / "lab.toml"
    file.write_text(
        f'[[target]]\nurl = "http://127.0.0.1:1/metrics"\n[store]\npath = "{stored_past}"\n[slurm]\nvia = "off"\n'
    )
    found = run("ask", "what?", "--json", "--at", str(PAST + 100), "--config", str(file))
    before = run("ask", "what?", "--json", "--at", str(PAST - 86400), "--config", str(file))

    assert (errors.FOUND, [("what?", (), "", PAST + 100)]) == (found.code, desk.asked)
    assert (errors.UNAVAILABLE, "") == (before.code, before.out)
    assert "nothing was kept near" in before.err


def test_looks_go_on_while_the_answer_is_made(asking: Ask, desk: WrittenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model may think for minutes: what it asks for then must not be old."""
    seen: list[float] = []

    def caught(_: object, reached: Reached, *__: object) -> WrittenDesk:
        async def three_more() -> None:
            async for snapshot in reached.feed.changes():
                seen.append(snapshot.at)
                if len(set(seen)) > 3:
                    return

        desk.meanwhile = three_more
        return desk

    monkeypatch.setattr(ask, "_desk", caught)
    answer = asking("what?", "--json")

    assert (errors.FOUND, 4) == (answer.code, len(set(seen)))


def test_the_question_may_come_from_stdin(asking: Ask, desk: WrittenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads it whole, lines and all."""
    monkeypatch.setattr("sys.stdin", io.StringIO("why is it slow?\nsince noon\n"))

    asking("-")

    assert "why is it slow?\nsince noon" == desk.asked[0][0]


def test_without_a_cluster_there_is_nothing_to_answer_from(
    run: Run, desk: WrittenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """69, and how to name one."""
    from app.services import detect

    async def nothing(*_: object) -> tuple[tuple[detect.Find, ...], str]:
        return (), "no driver"

    async def no_slurm(*_: object) -> tuple[detect.SlurmFind, ...]:
        return ()

    monkeypatch.setattr(detect, "search", nothing)
    monkeypatch.setattr(detect, "search_slurm", no_slurm)
    answer = run("ask", "hello")

    assert (errors.UNAVAILABLE, "") == (answer.code, answer.out)
    assert "name one with --target" in answer.err
    assert "there is no cluster to answer from" in answer.err
    assert [] == desk.asked


def test_an_interrupt_stops_the_answer_at_once(asking: Ask, desk: WrittenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C closes the answer, which keeps what came, and ends with 130."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.ask_told.Text.event", interrupted)
    answer = asking("what?")

    assert (errors.INTERRUPTED, "") == (answer.code, answer.err)
    assert (True, True) == (desk.is_stopped, desk.is_closed)
