"""The terminal's answers are heard among what is typed, and nothing that is typed is lost."""

from __future__ import annotations

import threading

import pytest

from app.tui.driver import Listener
from app.tui.pacing import ANSWER, QUESTION


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    """One that has asked."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    heard = Listener()
    assert QUESTION == heard.question()
    return heard


def test_an_answer_among_keys_is_taken_out(listener: Listener) -> None:
    """Keys before and behind it arrive as they were typed."""
    assert "ab" == listener.typed(f"a{ANSWER}b")
    assert not listener.link.is_asked


@pytest.mark.parametrize("cut", [2, 3])
def test_an_answer_in_two_pieces_is_one(listener: Listener, cut: int) -> None:
    """However the line cuts it, it is no key."""
    assert "" == listener.typed(ANSWER[:cut])
    assert "x" == listener.typed(ANSWER[cut:] + "x")


def test_an_arrow_key_in_two_pieces_is_one(listener: Listener) -> None:
    """What looked like the beginning of an answer and was none arrives whole."""
    assert "" == listener.typed("\x1b[")
    assert "\x1b[B" == listener.typed("B")


def test_what_is_kept_comes_when_nothing_follows(listener: Listener) -> None:
    """Half a sequence is handed on once the line is quiet."""
    listener.typed("\x1b[")

    assert "\x1b[" == listener.waited()
    assert "" == listener.waited()


def test_nothing_is_held_back_while_nothing_was_asked() -> None:
    """Without a question every byte is a key at once."""
    assert "\x1b[" == Listener().typed("\x1b[")


def test_the_last_answer_is_waited_for(listener: Listener) -> None:
    """Who gives the terminal back waits until the answer is in, and no longer."""
    threading.Timer(0.05, listener.typed, (ANSWER,)).start()

    listener.last_words()

    assert not listener.link.is_asked


@pytest.mark.parametrize(("column", "can"), [(6, True), (2, False)])
def test_whether_it_repeats_is_tried(column: int, can: bool) -> None:
    """Where the cursor stands after five blanks, of which four were told by their number, says whether it can."""
    heard = Listener()
    assert heard.trial()

    assert "xy" == heard.typed(f"x\x1b[1;{column}Ry")
    assert can is heard.repeats


def test_the_answer_to_the_trial_may_come_in_pieces() -> None:
    """However the line cuts it."""
    heard = Listener()
    heard.trial()

    assert ["", "", "x"] == [heard.typed("\x1b["), heard.typed("1;"), heard.typed("6Rx")]
    assert heard.repeats


def test_a_key_that_looks_like_that_answer_is_a_key() -> None:
    """Shift and F3, where nothing was tried."""
    assert "\x1b[1;2R" == Listener().typed("\x1b[1;2R")
