"""Text, thought and calls are told apart however the pieces are cut."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.agent.provider.delta import Called, Reasoning, Text, Withdrawn
from app.agent.provider.splitter import Splitter

CALL = '<tool_call>\n{"name": "logs", "arguments": {"node": "gpu-01"}}\n</tool_call>'
XML = "<tool_call>\n<function=logs>\n<parameter=node>\ngpu-01\n</parameter>\n</function>\n</tool_call>"
LOGS = ("logs", {"node": "gpu-01"})
Outcome = tuple[str, str, list[tuple[str, Any]]]


def split(pieces: list[str], *, is_cut: bool = False, opens_in_thought: bool = False) -> Outcome:
    """Text, thought and calls of a reply that comes in pieces."""
    splitter = Splitter(opens_in_thought=opens_in_thought)
    found = [delta for piece in pieces for delta in splitter.feed(piece)] + splitter.end(is_cut=is_cut)
    text = thought = ""
    calls: list[tuple[str, Any]] = []
    for delta in found:
        match delta:
            case Text(more):
                text += more
            case Reasoning(more):
                thought += more
            case Withdrawn():
                text = ""
            case Called(call):
                calls.append((call.name, call.arguments))
    return text, thought, calls


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    """A text cut at some places."""
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@given(st.lists(st.integers(0, 200), max_size=12))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """One reply says the same, wherever it is cut."""
    whole = f"<think>Let me <b>see</b>.</think>\n\nI look < twice.{CALL}{XML} done"

    expected = ("I look < twice. done", "Let me <b>see</b>.", [LOGS, LOGS])
    assert expected == split(pieces_of(whole, cuts))


@given(st.lists(st.integers(0, 60), max_size=8))
def test_thought_that_nothing_opened_is_one(cuts: list[int]) -> None:
    """All text before a dangling `</think>` is thought."""
    assert ("Fine.", "Is it?\n", []) == split(pieces_of("Is it?\n</think>\n\nFine.", cuts))


def test_second_dangling_mark_means_nothing() -> None:
    """Only the first `</think>` takes text back."""
    assert ("One. Two.", "Hm.", []) == split(["Hm.</think>One.", "</think> Two."])


def test_mark_alone_at_the_beginning_is_dropped() -> None:
    """A server that takes the thought and leaves its closing mark shows no mark."""
    assert ("Fine.", "", []) == split(["</think>\n\n", "Fine."])


def test_known_template_streams_its_thought_as_such() -> None:
    """Where the template is known to open a thought, nothing has to be taken back."""
    splitter = Splitter(opens_in_thought=True)

    assert [Reasoning("Is it?")] == splitter.feed("Is it?")
    assert [Text("Fine.")] == splitter.feed("</think>\n\nFine.")


def test_reply_without_thought_is_shown_all_the_same() -> None:
    """Where the template is known to open a thought and none came, the reply is the answer."""
    assert ("Fine.", "Fine.", []) == split(["Fine."], opens_in_thought=True)


def test_call_within_a_thought_is_one() -> None:
    """Models forget to end their thought before they call."""
    assert ("", "Let me see.", [LOGS]) == split([f"<think>Let me see.{CALL}"])


def test_call_that_lacks_only_its_end_is_made() -> None:
    """Whole JSON without `</tool_call>` is a call."""
    assert ("", "", [LOGS]) == split(['<tool_call>{"name": "logs", "arguments": {"node": "gpu-01"}}'])


def test_cut_call_is_never_made_nor_shown() -> None:
    """A call that the token limit cut has a name and no arguments."""
    for raw in (
        '<tool_call>{"name": "logs", "arguments": {"node": "gpu-',
        "<tool_call><function=logs><parameter=node>g",
    ):
        assert ("", "", [("logs", None)]) == split([raw], is_cut=True)


def test_no_call_between_the_marks_is_text() -> None:
    """What a person asked to see is not swallowed."""
    text = "Write <tool_call>name</tool_call>, then wait."

    assert (text, "", []) == split([text])


def test_call_within_a_broken_one_is_made() -> None:
    """A model that begins its call anew has called once, and is told of the other."""
    broken = '<tool_call>{"name": "logs", "arguments": {"node": "gp'

    assert ("", "", [("logs", None)]) == split([broken])
    assert ("<tool_call> no, ", "", [LOGS]) == split([f"<tool_call> no, {CALL}"])
    assert ("<tool_call>Fine.", "Hm.", []) == split(["<tool_call><think>Hm.</think>Fine."])


def test_function_mark_alone_is_a_call() -> None:
    """Qwen 3 Coder leaves the outer mark out at times."""
    assert ("", "", [LOGS]) == split(["<function=logs>\n<parameter=node>\ngpu-01\n</parameter>\n</function>"])


def test_bare_json_call_is_taken_back() -> None:
    """A reply that is nothing but a call's JSON is one; other JSON is an answer."""
    assert ("", "", [LOGS]) == split(['{"name": "logs", ', '"arguments": {"node": "gpu-01"}}'])
    assert ('{"nodes": 3}', "", []) == split(['{"nodes": 3}'])
