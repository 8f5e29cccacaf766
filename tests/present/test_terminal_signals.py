"""What makes a terminal call: each way by its bytes, and no text that could break out of them."""

from __future__ import annotations

import pytest

from app.present.terminal_signals import BELL, alarm_title, notification, way_of, window_title


@pytest.mark.parametrize(
    ("environ", "way"),
    [
        ({"TERM": "xterm-kitty"}, "osc9"),
        ({"TERM_PROGRAM": "WezTerm"}, "osc9"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "osc777"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "xterm-256color"}, "bell"),
        ({"TERM": "xterm-kitty", "STY": "1.x"}, "bell"),
        ({}, "bell"),
    ],
)
def test_a_terminal_is_told_in_its_own_way(environ: dict[str, str], way: str) -> None:
    """What is not known rings."""
    assert way == way_of(environ)


def test_each_way_has_its_bytes() -> None:
    """As iTerm2 and urxvt documented them, with a bell behind."""
    assert "\x1b]9;GPU 3 lost: on gpu-1\a\a" == notification("GPU 3 lost", "on gpu-1", "osc9")
    assert "\x1b]777;notify;a,b;c\x1b\\\a" == notification("a;b", "c", "osc777")
    assert BELL == notification("a", "b", "bell")
    assert "\x1bPtmux;\x1b\x1b]9;a\a\x1b\\\a" == notification("a", "", "osc9", in_tmux=True)
    assert "\x1b]2;lab: 1 critical\a" == window_title("lab: 1 critical")


def test_a_text_neither_ends_a_sequence_nor_becomes_another_one() -> None:
    """Control characters are gone, and `4;…` is no progress bar."""
    told = notification("4;1;50\x1b\\\a", "x\x9c", "osc9")

    assert "\x1b]9; 4;1;50\\: x\a\a" == told


def test_a_title_says_what_is_wrong() -> None:
    """Nothing wrong is the cluster's name alone."""
    assert ["lab", "! lab: 2 critical, 1 warning"] == [alarm_title("lab", 0, 0), alarm_title("lab", 2, 1)]
