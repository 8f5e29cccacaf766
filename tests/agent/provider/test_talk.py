"""What a model is sent, and what is given up of it when it gets too long."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from app.agent.provider.delta import ToolCall
from app.agent.provider.talk import CUT, Looked, Past, Rendering, Round, Talk, size

LONG = "x" * 3000


def looked(number: int, result: str = LONG, call_id: str = "") -> Looked:
    """A look at a node."""
    call = ToolCall("logs", {"node": f"n{number}"}, call_id)
    return Looked(call, f"[{number}] {result}", f"[{number}] (in short) logs: fine")


def talk() -> Talk:
    """Two earlier questions, and two rounds of looks."""
    past = (Past("One?", "Yes."), Past("Two?", "No."))
    rounds = (Round("Let me see.", (looked(1), looked(2))), Round("", (looked(3),)))
    return Talk("SYSTEM", "Three?", past, rounds)


def test_native_talk_is_what_the_api_has() -> None:
    """Calls have ids, each result names its call, and no reply is empty text."""
    said = talk().messages("native", [])

    assert [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
    ] == [one["role"] for one in said]
    assert ["call_0_0", "call_0_1"] == [one["id"] for one in said[6]["tool_calls"]]
    assert ["call_0_0", "call_0_1"] == [said[7]["tool_call_id"], said[8]["tool_call_id"]]
    assert said[9]["content"] is None
    assert '{"node": "n3"}' == said[9]["tool_calls"][0]["function"]["arguments"]


def test_ids_of_the_server_are_kept() -> None:
    """A result names the call as the server named it."""
    one = Talk("SYSTEM", "Q?", rounds=(Round("", (looked(1, call_id="abc"),)),))

    assert "abc" == one.messages("native", [])[-1]["tool_call_id"]


def test_written_talk_needs_nothing_but_text() -> None:
    """System, user and assistant take turns, and the tools are taught in words."""
    said = talk().messages("written", [{"type": "function", "function": {"name": "logs", "strict": True}}])

    assert ["system", *["user", "assistant"] * 4, "user"] == [one["role"] for one in said]
    assert '{"type":"function","function":{"name":"logs"}}' in said[0]["content"]
    assert '<tool_call>\n{"name": "logs", "arguments": {"node": "n3"}}\n</tool_call>' == said[8]["content"]
    assert said[9]["content"].startswith("<tool_response>\n[3] ")


def test_unread_call_goes_back_as_valid_json() -> None:
    """Templates read arguments: a broken one would break every later turn."""
    broken = Looked(ToolCall("logs", None, raw='{"node": "gp', problem="cut"), "error: cut", "error: cut")

    said = Talk("SYSTEM", "Q?", rounds=(Round("", (broken,)),)).messages("native", [])

    assert "{}" == said[2]["tool_calls"][0]["function"]["arguments"]


@pytest.mark.parametrize("rendering", ["native", "written", "plain"])
def test_nudge_never_follows_the_persons_turn(rendering: Rendering) -> None:
    """Some templates refuse two turns of one role."""
    for one in (talk(), Talk("SYSTEM", "Q?")):
        one.nudges.append("(answer now)")
        roles = [message["role"] for message in one.messages(rendering, [])]

        assert [] == [pair for pair in pairwise(roles) if pair == ("user", "user")]


def test_what_is_least_missed_goes_first() -> None:
    """Older results, older questions, then the newest result; numbers stay, and it comes to an end."""
    one = talk()
    one.add(Round("", (looked(4),), "Hm."))
    one.rounds = one.rounds[:1] + one.rounds[2:]
    given_up = []
    sizes = [size(one.messages("native", []), [])]
    while (what := one.shrink()) is not None:
        given_up.append(what)
        sizes.append(size(one.messages("native", []), []))

    assert [
        "what the model thought so far was left out",
        "earlier results were shortened to a line each",
        "the oldest 1 of the earlier questions were left out",
        "the oldest 1 of the earlier questions were left out",
        "the longest result was cut",
        "the longest result was cut",
        "the longest result was cut",
    ] == given_up
    assert sorted(sizes, reverse=True) == sizes
    assert len(set(sizes)) == len(sizes), "each step makes room"
    texts = [message["content"] for message in one.messages("native", []) if message["role"] == "tool"]
    assert ["[1] (in short) logs: fine", "[2] (in short) logs: fine"] == texts[:2]
    assert texts[2].startswith("[4] xxx")
    assert texts[2].endswith(CUT)


def test_evidence_is_cut_as_well() -> None:
    """Where the program looked by itself, its results are what there is to cut."""
    one = replace(talk(), past=(), rounds=(), evidence=(looked(1), looked(2, "short")))

    assert "the longest result was cut" == one.shrink()
    assert "[2] short" == one.evidence[1].result
    assert "[2] short" in one.messages("plain", [])[1]["content"]
