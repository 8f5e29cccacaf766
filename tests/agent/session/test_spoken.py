"""What a model says passes the door as it streams: no secret in whatever pieces it comes, nothing lost, soon told."""

from __future__ import annotations

import re

import pytest

from app.agent.spoken import LONGEST, Spoken

SECRET = "hf_" + "q7Zk9Xw2" * 4
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{'q7Zk9Xw2' * 4}\n{'b7Zk9Xw2' * 4}\n-----END OPENSSH PRIVATE KEY-----"


def told(text: str, size: int) -> tuple[str, list[str]]:
    """What stands on screen at the end, and every piece that was told, of a text that comes in pieces of a size."""
    spoken = Spoken()
    shown, pieces = "", []
    steps = [spoken.add(text[at : at + size]) for at in range(0, len(text), size)]
    for one in (*steps, spoken.end()):
        shown = one.text if one.is_anew else shown + one.text
        pieces.append(one.text)
    assert spoken.text == shown
    return shown, pieces


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, nothing else.\n\n- one\n- two\n", "plain words, nothing else.\n\n- one\n- two\n"),
        (f"the token is {SECRET} here", "the token is *** here"),
        ("password: hunter2secret and on", "password: *** and on"),
        (f"it says\n{KEY}\nand ends", "it says\n***\nand ends"),
        ("a\x1b[31mred\x07 and \u202eback\u202c", "ared and back"),
    ],
)
def test_a_secret_is_never_told_in_whatever_pieces_it_comes(text: str, expected: str, size: int) -> None:
    """The end is the text without secrets and steering; no piece on the way had the secret in it."""
    shown, pieces = told(text, size)

    assert expected == shown
    assert not any("q7Zk9Xw2" in piece or "hunter2secret" in piece or "\x1b" in piece for piece in pieces)


def test_words_are_told_as_they_come() -> None:
    """A word of letters waits for nothing; one that may become a secret waits for its end."""
    spoken = Spoken()

    assert "The" == spoken.add("The").text
    assert " cluster" == spoken.add(" cluster").text
    assert " " == spoken.add(" gpu-01/").text
    assert "gpu-01/3 is" == spoken.add("3 is").text


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_nothing_is_taken_back_where_there_is_no_secret(size: int) -> None:
    """The letters that `gpu-01/3` begins with stay while the rest of the word is held back."""
    text = "GPU gpu-01/3 stalls in all-reduce~7 at 98.5 W, see rank3 of job812_4: the_node node2.rack7 is-gone.\n" * 9
    spoken = Spoken()
    steps = [spoken.add(text[at : at + size]) for at in range(0, len(text), size)]

    assert not any(one.is_anew for one in (*steps, spoken.end()))
    assert text == spoken.text


def test_a_long_text_is_told_whole() -> None:
    """Nothing is lost or doubled in a long answer, whatever its lines."""
    text = "".join(f"| gpu-{n:02}/3 | {n}.5 % | see `nvidia-smi -i {n}` |\n" for n in range(400)) + "word " * 500

    assert text == told(text, 4)[0]


def test_what_is_too_long_is_cut() -> None:
    """No more is taken than is looked through for secrets."""
    spoken = Spoken()
    spoken.add("word " * LONGEST)

    assert spoken.is_full
    assert LONGEST >= len(spoken.text)
    assert "" == spoken.add("more").text


def test_a_text_that_is_withdrawn_begins_anew() -> None:
    """What came before it is forgotten."""
    spoken = Spoken()
    spoken.add("<tool_call> ")
    spoken.withdraw()
    spoken.add("The answer. ")
    spoken.end()

    assert "The answer. " == spoken.text


def test_pieces_are_not_cut_within_words_needlessly() -> None:
    """Most pieces of an ordinary text are told at once."""
    words = re.findall(r"\s*\S+", "It is the third node of the rack that fails most often by far. " * 20)
    spoken = Spoken()
    held = sum(not spoken.add(word).text for word in words)

    assert held < len(words) / 10
