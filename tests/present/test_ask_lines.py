"""What stands beneath an answer: every part that is there, in any width, harmless, commands whole."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC

from app.domain.chat import Exchange, Mark, Proposal, ToolUse, Usage
from app.domain.job_actions import Plan
from app.present.ask_lines import rest_lines, use_line, who_line
from app.present.cells import line_text, text_width

HOSTILE = "\x1b[2J\u202eevil\x07 [b]name[/b] " + "very " * 20 + "long"
USE = ToolUse(3, "job_details", {"job": HOSTILE}, 1_764_000_000.0, 1_764_000_000.0, 0.2, "{}", HOSTILE)
PLAN = Plan("cancel", ("812",), (("scancel", "812"), ("scancel", "--signal=KILL", "x" * 60)), HOSTILE, (HOSTILE,) * 2)


def shown(exchange: Exchange, width: int) -> list[str]:
    """The lines as text."""
    return [line_text(one) for one in rest_lines(exchange, width, UTC)]


def test_an_answer_that_rests_on_nothing_has_nothing_beneath_it() -> None:
    """No empty heads."""
    assert [] == shown(Exchange("e", 0.0, "hello", answer="Hello."), 80)


def test_it_fits_any_width_and_steers_no_terminal() -> None:
    """Text from outside is cleaned and wrapped; only a command may be wider, for it is copied."""
    exchange = Exchange(
        "e",
        0.0,
        "q",
        answer=f"{HOSTILE} 97",
        tools=(USE, replace(USE, number=4, error=HOSTILE)),
        proposals=(Proposal("p", PLAN, HOSTILE, "failed", HOSTILE),),
        marks=(Mark(0, 30, "unsupported", HOSTILE),),
        blind=(HOSTILE,),
    )
    for width in (40, 57, 100):
        lines = shown(exchange, width)
        assert not re.search(r"[\x00-\x1f\x7f\u202e]", "".join(lines))
        commands = [line for line in lines if "scancel" in line]
        assert 2 == len(commands)
        assert commands[1].endswith("x" * 60)
        assert width >= max(text_width(line) for line in lines if line not in commands)


def test_a_look_says_what_it_brought_or_what_went_wrong() -> None:
    """With its number, arguments and the moment it tells of."""
    use = ToolUse(2, "gpu_details", {"gpu": "gpu-1/3"}, 1_764_000_000.0, summary="lost")

    assert "[2] gpu_details gpu=gpu-1/3: lost, at 16:00:00" == line_text(use_line(use, UTC))
    assert "[2] gpu_details gpu=gpu-1/3: no such GPU" == line_text(use_line(replace(use, error="no such GPU"), UTC))
    assert "[1] cost: $3" == line_text(use_line(ToolUse(1, "cost", summary="$3"), UTC))


def test_who_answered_and_what_it_took() -> None:
    """Figures that are not known are not shown."""
    exchange = Exchange("e", 0.0, "q", usage=Usage(took_s=1.25))

    assert "answered by the offline analyst, 1.2 s" == who_line(exchange)
    assert "answered by m, 2.0 s, first word after 0.3 s, 1,000 tokens read, 20 written" == who_line(
        replace(exchange, model="m", usage=Usage(0.3, 2.0, 1000, 20))
    )
