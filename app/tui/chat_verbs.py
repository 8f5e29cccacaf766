"""The verb that asks: about what is chosen on the page. The chat is loaded with the first question."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.tui.desk import Desk


def ask_about(desk: Desk, text: str) -> None:
    """Begin a question about what is chosen."""
    from app.tui.chat_dock import ask_about as ask  # noqa: PLC0415 - nothing of the chat before somebody asks

    if desk.page is not None:
        desk.journey(ask(desk.page, text))


VERBS: Mapping[str, Callable[[Desk, str], None]] = {"ask": ask_about}
