"""Arguments as models write them: mended where one thing can be meant, refused elsewhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agent.provider.call_parts import MOST_CALLS, CallParts
from app.agent.provider.call_text import CUT, LONGEST, read_arguments, read_written

NODE = {"node": "gpu-01"}


@pytest.mark.parametrize(
    "raw",
    [
        '{"node": "gpu-01"}',
        '{\n  \t"node"  :\n\n   "gpu-01\\n  "\r\n}',
        '{" node ": " gpu-01"}',
        '{"node": "gpu-01",}',
        "{'node': 'gpu-01'}",
        '{"node": "gpu-01"',
        '{"node": "gpu-01"}}',
        '{"node": "gpu-01"} and so on',
        '```json\n{"node": "gpu-01"}\n```',
        'arguments: {"node": "gpu-01"}',
        '"{\\"node\\": \\"gpu-01\\"}"',
    ],
)
def test_arguments_are_mended_where_one_thing_can_be_meant(raw: str) -> None:
    """White space, quotes, commas, brackets and fences do not matter."""
    assert (NODE, "") == read_arguments(raw)


@pytest.mark.parametrize("raw", ["", "  \n", "{}", "null", '""', '"{}"'])
def test_nothing_is_no_arguments(raw: str) -> None:
    """A call without arguments is one."""
    assert ({}, "") == read_arguments(raw)


@pytest.mark.parametrize("raw", ["gpu-01", "[1, 2]", "false", '"gpu-01"', '{"node": "gpu-0', "{node}", "{" * 5000])
def test_what_may_mean_anything_is_refused(raw: str) -> None:
    """What is no object, or ends within a text, is told to the model."""
    arguments, problem = read_arguments(raw)

    assert arguments is None
    assert "no valid JSON object" in problem


@given(st.integers(1, 17))
def test_cut_arguments_are_never_mended(end: int) -> None:
    """Whatever the token limit left of it, a call that was cut is not made."""
    assert (None, CUT) == read_arguments('{"node": "gpu-01"}'[:end], is_cut=True)


def test_whole_arguments_are_taken_though_the_reply_was_cut() -> None:
    """What ends with its own bracket was not cut."""
    assert (NODE, "") == read_arguments('{"node": "gpu-01"}', is_cut=True)


def test_endless_arguments_are_refused() -> None:
    """Grammars allow white space without end."""
    arguments, problem = read_arguments('{"node":' + " " * LONGEST)

    assert arguments is None
    assert "20,008 characters" in problem


@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "N"]), min_size=1), st.integers() | st.booleans() | st.none()
    )
)
def test_json_reads_as_json_does(arguments: dict[str, object]) -> None:
    """What is good is left as it is."""
    assert (arguments, "") == read_arguments(json.dumps(arguments))


@given(st.text())
def test_no_text_breaks_the_reader(raw: str) -> None:
    """Whatever a model sends is read or refused."""
    arguments, problem = read_arguments(raw)

    assert (arguments is None) == bool(problem)


@given(st.text(st.sampled_from('<tool_cal/>function=prm{}[]":, \nx')))
def test_no_written_call_breaks_the_reader(raw: str) -> None:
    """Whatever stands between the marks is a call or none."""
    for is_cut in (False, True):
        assert all(call.name for call in read_written(raw, is_cut=is_cut))


def test_written_calls_are_read_in_every_form() -> None:
    """JSON with arguments or parameters, as an object, a text or a list; XML with several."""
    forms = [
        '{"name": "logs", "arguments": {"node": "gpu-01"}}',
        '{"name": "logs", "parameters": {"node": "gpu-01"}}',
        '{"name": "logs", "arguments": "{\\"node\\": \\"gpu-01\\"}"}',
        '{"function": {"name": "logs", "arguments": {"node": "gpu-01"}}}',
        '[{"name": "logs", "arguments": {"node": "gpu-01"}}]',
        "<function=logs><parameter=node>gpu-01</parameter></function>",
        "<function=logs>\n<parameter=node>\n gpu-01\n\n</function>",
    ]

    for form in forms:
        assert [("logs", NODE)] == [(call.name, call.arguments) for call in read_written(form)], form


def test_pieces_are_put_together_as_servers_send_them() -> None:
    """By index; by id where every index is 0; with the name in each piece."""
    by_index, by_id, by_name = CallParts(), CallParts(), CallParts()
    for index, call_id, name, arguments in (
        (0, "a", "logs", ""),
        (0, "", "", '{"node": "gpu'),
        (1, "b", "diagnose", ""),
        (0, "", "", '-01"}'),
        (1, "", "", "{}"),
    ):
        by_index.add(index, call_id, name, arguments)
    by_id.add(0, "a", "logs", '{"node": "gpu-01"}')
    by_id.add(0, "b", "diagnose", "{}")
    by_name.add(None, "", "logs", '{"node": ')
    by_name.add(None, "", "", '"gpu-01"}')
    by_name.add(None, "", "diagnose", "")

    for parts in (by_index, by_id, by_name):
        assert [("logs", NODE), ("diagnose", {})] == [(one.name, one.arguments) for one in parts.calls(is_cut=False)]


def test_only_the_last_call_of_a_cut_reply_was_cut() -> None:
    """Those before it are whole, even where they need mending."""
    parts = CallParts()
    parts.add(0, "a", "logs", "{'node': 'gpu-01'}")
    parts.add(1, "b", "logs", '{"node": "gpu-0')

    assert [NODE, None] == [one.arguments for one in parts.calls(is_cut=True)]


def test_calls_without_end_are_bounded() -> None:
    """A server that sends calls for ever fills no memory."""
    parts = CallParts()
    for number in range(1000):
        parts.add(number, "", "logs", "{}")

    assert MOST_CALLS == len(parts.calls(is_cut=False))
