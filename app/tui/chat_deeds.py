"""What the keys of the chat do, one function each, named by `chat('…')` in the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.domain.chat import Proposal
from app.present.chat_looks import pretty
from app.present.chat_stops import LINKS, stop_of
from app.present.markdown_growing import code_of
from app.tui.acting import may_act
from app.tui.chat_history import ChatHistory
from app.tui.chat_links import see_time
from app.tui.chat_view import ChatView
from app.tui.feed import RefusedError

COPIED_MOST = 74_994
"""Bytes that terminals take into the clipboard by OSC 52, as xterm and tmux bound it: encoded, 100,000 in all."""


def next_link(view: ChatView) -> None:
    """To the next link; at a proposal, leave it undone."""
    proposal = _waiting(view)
    if proposal is not None:
        view.begin(_settle(view, proposal, is_wanted=False))
    elif not _step(view, 1):
        raise RefusedError("no link further down")


def link_before(view: ChatView) -> None:
    """To the link before."""
    if not _step(view, -1):
        raise RefusedError("no link further up")


def do(view: ChatView) -> None:
    """Do what the chosen proposal says: the only way there is. Raises RefusedError."""
    proposal = _waiting(view)
    if proposal is None:
        raise RefusedError("no proposal is chosen: tab goes to one")
    may_act(view.desk)
    if not view.log_lines.shows_end(view.log_lines.stop):
        raise RefusedError("not all of it is in sight: down shows the rest, then y does it")
    view.begin(_settle(view, proposal, is_wanted=True))


def copy(view: ChatView) -> None:
    """Copy the chosen code, result or thought; else the last answer."""
    stop = view.stop
    if stop is None or stop.kind in ("question", "proposal", "blind", *(LINKS - {"citation"})):
        exchanges = view.talk.exchanges
        exchange = stop.exchange if stop is not None and stop.kind != "proposal" else next(iter(exchanges[::-1]), None)
        copy_text(view, exchange.answer if exchange is not None else "", "the answer")
    elif stop.kind == "code":
        copy_text(view, _code(stop.exchange.answer, stop.number), f"code {stop.number}")
    elif stop.kind == "reasoning":
        copy_text(view, stop.exchange.reasoning, "the reasoning")
    elif stop.use is not None:
        copy_text(view, pretty(stop.use.result), f"the result of {stop.use.tool}")


def copy_text(view: ChatView, text: str, what: str) -> None:
    """Give a text to the terminal's clipboard. Raises RefusedError where it is none, or longer than terminals take."""
    if not text.strip():
        raise RefusedError("there is nothing to copy yet")
    size = len(text.encode("utf-8", "replace"))
    if size > COPIED_MOST:
        raise RefusedError(f"{what} has {size:,} bytes, terminals take {COPIED_MOST:,}; /export FILE writes it")
    view.app.copy_to_clipboard(text)
    view.hint(f"copied {what}: {size:,} bytes")


def time(view: ChatView) -> None:
    """Show the screen as it was when the chosen look was taken."""
    see_time(view.desk, view.stop)


def edit(view: ChatView) -> None:
    """Edit the question of where the keys have stopped, else the last one."""
    view.edit(view.stop)


def history(view: ChatView) -> None:
    """Earlier conversations."""
    view.app.push_screen(ChatHistory(view))


def new(view: ChatView) -> None:
    """Begin anew."""
    view.talk.new()
    view.to_line()


def full(view: ChatView) -> None:
    """Between docked and a page of its own."""
    if view.is_page:
        view.desk.back()
    else:
        view.desk.open_page("chat")


def leave(view: ChatView) -> None:
    """One step out."""
    view.leave()


DEEDS: Mapping[str, Callable[[ChatView], None]] = {
    "next_link": next_link,
    "link_before": link_before,
    "do": do,
    "copy": copy,
    "time": time,
    "edit": edit,
    "history": history,
    "new": new,
    "full": full,
    "leave": leave,
}


def _waiting(view: ChatView) -> Proposal | None:
    """The proposal that the keys have stopped at, where it waits and this is what has the keys."""
    stop = view.stop if view.log_lines.has_focus else None
    proposal = stop.proposal if stop is not None else None
    waits = proposal is not None and proposal.state == "proposed" and proposal.id not in view.talk.at_work
    return proposal if waits else None


async def _settle(view: ChatView, proposal: Proposal, *, is_wanted: bool) -> None:
    found = await view.talk.settle(proposal, is_wanted=is_wanted)
    said = found.outcome or ("left undone" if found.state == "declined" else found.state)
    if view.is_attached and view.screen.is_current:
        view.hint(said, is_error=found.state == "failed")
    else:
        view.desk.note(said)


def _step(view: ChatView, direction: int) -> bool:
    exchanges = view.talk.exchanges
    links = []
    for key in view.log_lines.stops():
        stop = stop_of(key, exchanges)
        if stop is not None and stop.kind in LINKS:
            links.append(key)
    return view.log_lines.step(direction, links)


def _code(answer: str, number: int) -> str:
    found = code_of(answer)
    if not 0 < number <= len(found):
        raise RefusedError(f"this answer has {len(found)} pieces of code")
    return found[number - 1]


def copy_code(view: ChatView, number: int) -> None:
    """Copy a piece of code of the last answer, by its number. Raises RefusedError."""
    exchanges = view.talk.exchanges
    copy_text(view, _code(exchanges[-1].answer if exchanges else "", number), f"code {number}")
