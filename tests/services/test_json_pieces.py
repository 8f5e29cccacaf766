"""Large JSON read in pieces: the same values as in one go, member by member, and nonsense refused."""

from __future__ import annotations

import json

import pytest

from app.domain.pieces import whole
from app.services.json_pieces import PIECE, Large, read

FLEET = Large({"fleet": Large({"nodes": Large(make=str.upper)})})


def test_what_is_read_is_what_json_says() -> None:
    """Nested, blank, empty, escaped, and of every kind."""
    told = {"fleet": {"nodes": {}, "n": [1, {"a": None}], "é\n": "\u2028"}, "ok": True, "x": -1.5e300}

    for text in (json.dumps(told), json.dumps(told, indent=2), json.dumps(told, ensure_ascii=False)):
        assert told == whole(read(text, FLEET))


def test_members_become_what_they_are_made() -> None:
    """Those of the object that says so, and no others."""
    text = '{"fleet": {"nodes": {"a": "x", "b": "y"}, "name": "lab"}}'

    assert {"fleet": {"nodes": {"a": "X", "b": "Y"}, "name": "lab"}} == whole(read(text, FLEET))


def test_a_member_that_is_no_object_is_one_value() -> None:
    """Another daemon may say null where this one has many."""
    assert {"fleet": None} == whole(read('{"fleet": null}', FLEET))


def test_large_ones_are_read_in_pieces() -> None:
    """Between two of them others go first; a small one is one piece."""
    many = json.dumps({"fleet": {"nodes": {str(number): "x" * 1000 for number in range(5 * PIECE // 1000)}}})

    assert (0, 5) == (len(list(read('{"fleet": {"nodes": {"a": "x"}}}', FLEET))), len(list(read(many, FLEET))))


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", '{"a"', '{"a":', '{"a" 1}', '{"a": 1', '{"a": 1,', '{"a": 1,}', '{"a": 1} 2', '{"fleet": {', "nul"],
)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    """Cut anywhere, or wrong."""
    with pytest.raises(ValueError, match=r"."):
        whole(read(text, FLEET))
