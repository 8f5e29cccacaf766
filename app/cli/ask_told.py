"""An answer as text: as it comes on a terminal, else whole at the end; beneath it what it rests on.

Looks are told on stderr as they end, to who waits there.
"""

from __future__ import annotations

from app.agent.events import Ended, Event, Noted, ReasoningAdded, TextAdded, TextWithdrawn, ToolEnded
from app.cli.ask_text import AnswerText
from app.cli.output import Output
from app.domain.chat import Exchange
from app.domain.naming import clean
from app.present.ask_lines import rest_lines, use_line, who_line

LONGEST_LINE = 20_000


class Text:
    """Shows one answer as text."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._answer = AnswerText(output) if output.is_terminal else None
        self._is_thinking = False

    def event(self, event: Event) -> Exchange | None:
        """Show what is told."""
        match event:
            case TextAdded(text=text) if self._answer is not None:
                self._answer.add(text)
            case TextWithdrawn() if self._answer is not None:
                self._answer.withdraw()
            case ToolEnded(use=use):
                self._note(f"{self._output.render(use_line(use))} ({use.took_s:.1f} s)")
            case Noted(text=text):
                self._note(clean(text, 400), is_for_all=True)
            case ReasoningAdded() if not self._is_thinking:
                self._is_thinking = True
                self._note("thinking …")
            case Ended(exchange=exchange):
                return exchange
            case _:
                pass
        return None

    def end(self, exchange: Exchange, conversation: str) -> None:
        """Print the answer, unless it stands there, and all that belongs beneath it."""
        output = self._output
        if self._answer is None or not self._answer.is_shown:  # it came at once, or in place of what was withdrawn
            print_answer(output, exchange.answer)
        else:
            self._answer.end()
        output.lines([output.render(one) for one in rest_lines(exchange, output.size()[0])])
        output.flush()
        if exchange.problem:
            output.note(clean(exchange.problem, 1000))
        self._note(f"{who_line(exchange)}; go on with: gpu-watchdog ask --chat {clean(conversation, 80)} …")

    def _note(self, text: str, *, is_for_all: bool = False) -> None:
        """A line on stderr, for who waits there; some are for logs too."""
        if not (self._output.has_reader or is_for_all):
            return
        if self._answer is not None:
            self._answer.pause()
        self._output.note(text)


def print_answer(output: Output, answer: str) -> None:
    """An answer that is whole: lightly styled on a terminal, else as it was written."""
    if output.is_terminal:
        text = AnswerText(output)
        text.add(answer)
        text.end()
    else:
        output.lines([clean(one, LONGEST_LINE) for one in answer.splitlines()])
