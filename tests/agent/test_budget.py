"""How much of a look a model is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.agent.budget import MOST_TOKENS, fitted, most_tokens, tokens
from app.agent.tools.tool import Found


def fit(data: dict[str, Any], trim: tuple[str, ...], narrow: str, most: int) -> str:
    """What a look of these data is cut to."""
    return fitted(Found(data, "", trim=trim, narrow=narrow), data, most)


def test_the_share_of_a_context() -> None:
    """15 % of what the model holds, 25,000 tokens at the most; that too where its context is not known."""
    assert 4915 == most_tokens(32_768)
    assert MOST_TOKENS == most_tokens(1_000_000)
    assert MOST_TOKENS == most_tokens(None)


def test_what_fits_is_left_alone() -> None:
    """Nothing is said of cutting where nothing was cut."""
    assert {"a": [1, 2]} == json.loads(fit({"a": [1, 2]}, ("a",), "", 100))


def test_lists_are_cut_from_their_end_and_it_is_said() -> None:
    """The first list named is cut first; how many are shown, of how many, and how to ask for less."""
    data = {"sum": 7, "jobs": [f"job {n}" for n in range(500)], "nodes": ["gpu-1", "gpu-2"]}
    told = json.loads(fit(data, ("jobs", "nodes"), "give user=", 400))

    shown = len(told["jobs"])
    assert 50 < shown < 200
    assert [f"job {n}" for n in range(shown)] == told["jobs"]
    assert ["gpu-1", "gpu-2"] == told["nodes"]
    assert {"jobs": f"shown {shown} of 500, narrow by: give user="} == told["truncated"]
    assert 7 == told["sum"]


def test_what_a_tool_left_out_itself_is_told_too() -> None:
    """Also where all that it kept fits."""
    found = Found({"jobs": [1, 2]}, "", trim=("jobs",), totals={"jobs": 900}, narrow="give user=")
    told = json.loads(fitted(found, found.data, 400))

    assert {"truncated": {"jobs": "shown 2 of 900, narrow by: give user="}, "jobs": [1, 2]} == told


def test_a_row_of_each_list_stays_before_one_list_goes() -> None:
    """Where the first list alone is not enough, the next one is cut too."""
    data = {"a": ["x" * 90] * 50, "b": ["y" * 90] * 50}
    told = json.loads(fit(data, ("a", "b"), "", 600))

    assert 1 == len(told["a"])
    assert 1 < len(told["b"]) < 50


@pytest.mark.parametrize("most", [20, 60, 150, 400, 2000])
@pytest.mark.parametrize(
    "data",
    [
        {"text": "z" * 50_000},
        {"deep": {"a": {"b": ["q" * 500] * 200}}},
        {"rows": [{"ü" * 40: "€" * 300}] * 300, "n": 1},
        {"many": {str(n): n for n in range(5000)}},
    ],
)
def test_it_is_whole_json_within_the_budget_whatever_comes(data: dict[str, object], most: int) -> None:
    """Long texts, deep objects, wide characters: never half a value, never a token too many."""
    text = fit(data, ("rows",), "one node", max(most, 40))

    assert tokens(text) <= max(most, 40)
    assert "truncated" in json.loads(text)
