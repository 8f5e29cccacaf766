"""Text in a YAML file: whatever it holds, it is read as the text that it was."""

from __future__ import annotations

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from app.services.stack.yaml_text import listed, mapped, quoted

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXTS)
@example("a: b # c\n- [x]")
@example('"\\\x00\x07\x7f\x85\u2028\ufeff\U0001f600')
def test_any_text_comes_back(text: str) -> None:
    """Alone, in a list and in a mapping; a comment, an indent or a quote in it does nothing."""
    assert text == yaml.safe_load(f"key: {quoted(text)} # more\n")["key"]
    assert [text, text] == yaml.safe_load(listed([text, text]))
    assert {"a": text, text + "b": "c"} == yaml.safe_load(mapped({"a": text, text + "b": "c"}))


def test_half_a_pair_is_replaced() -> None:
    """A name out of a file system may hold what no text may."""
    assert "\N{REPLACEMENT CHARACTER}x" == yaml.safe_load(quoted("\ud83dx"))
