"""The `:` command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tui.commands import COMMANDS, CommandError, completions, filter_completions, parse_command

WORDS = {
    "gpus": ["gpu-01/0", "gpu-01/1", "gpu-02/0"],
    "nodes": ["gpu-01", "gpu-02"],
    "columns": ["gpu", "util", "temp"],
    "users": ["ana", "bo"],
}


@pytest.mark.parametrize(
    ("line", "action", "argument"),
    [
        ("home", "page.home", ""),
        (":home", "page.home", ""),
        ("gpu gpu-01/3", "page.gpu", "gpu-01/3"),
        ("at 14:32", "time.at", "14:32"),
        ("  at   -10m ", "time.at", "-10m"),
        ("sort", "sort", ""),
        ("colu gpu,util", "columns", "gpu,util"),
        ("q", "quit", ""),
        ("SOURCES", "page.sources", ""),
    ],
)
def test_line_means_an_action(line: str, action: str, argument: str) -> None:
    """A command is found by its word or a clear beginning of it; what follows is its argument."""
    found, rest = parse_command(line)

    assert (action, argument) == (found.id, rest)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "a command is missing"),
        ("h", "could be home, heat, help, hold"),
        ("sorces", "did you mean 'sources'"),
        ("xyzzy", "there are home"),
        ("at", "at TIME"),
        ("home 3", "takes nothing"),
    ],
)
def test_mistake_is_one_sentence(line: str, words: str) -> None:
    """A line that means nothing says why, and what there is."""
    with pytest.raises(CommandError, match=r"^[^\n]+$") as caught:
        parse_command(line)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("so", "sources"),
        ("gpu ", "gpu gpu-01/0"),
        ("gpu gpu-02", "gpu gpu-02/0"),
        ("node 02", "node gpu-02"),
        ("columns gpu,te", "columns gpu,temp"),
        ("filter user:", "filter user:ana"),
    ],
)
def test_completion_offers_the_likeliest_first(line: str, first: str) -> None:
    """Words that begin as typed come before words that hold it."""
    assert first == completions(line, WORDS)[0]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("no", "node:"),
        ("util<10 no", "util<10 node:"),
        ("!node:gpu-02", None),
        ("node:gp", "node:gpu-01"),
        ("(state:lo", "(state:lost"),
        ("util<10|us", "util<10|user:"),
        ("user:b", "user:bo"),
    ],
)
def test_filter_is_completed_term_by_term(text: str, first: str | None) -> None:
    """Only the term being typed is completed; what stands before it stays."""
    assert first == next(iter(filter_completions(text, WORDS)), None)


@given(st.text(max_size=30))
def test_completions_go_on_from_any_line(line: str) -> None:
    """Whatever is typed, completion answers with lines that are commands."""
    assert all(one.split(" ")[0] in {*COMMANDS, line.partition(" ")[0]} for one in completions(line, WORDS))
