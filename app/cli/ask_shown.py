"""How an answer is shown while it is made and once it is whole; as JSON here, as text in `app.cli.ask_told`."""

from __future__ import annotations

from typing import Protocol

from app.agent.events import Ended, Event
from app.cli.output import Output
from app.domain.chat import Exchange
from app.domain.naming import clean
from app.services import queries_chat


class Shown(Protocol):
    """Shows one answer."""

    def event(self, event: Event) -> Exchange | None:
        """Show what is told; gives the whole exchange once it has ended."""

    def end(self, exchange: Exchange, conversation: str) -> None:
        """Show what is left, of an exchange that has ended."""


def shown_for(output: Output, *, is_json: bool) -> Shown:
    """How this run shows it."""
    if is_json:
        return Json(output)
    from app.cli.ask_told import Text  # noqa: PLC0415 - late: the JSON path needs no presenters

    return Text(output)


class Json:
    """One object at the end; nothing but it."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def event(self, event: Event) -> Exchange | None:
        """Only the end matters."""
        return event.exchange if isinstance(event, Ended) else None

    def end(self, exchange: Exchange, conversation: str) -> None:
        """Print it; why it failed is told on stderr too."""
        self._output.json(queries_chat.answer(exchange, conversation))
        if exchange.problem:
            self._output.note(clean(exchange.problem, 1000))
