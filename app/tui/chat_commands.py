"""Slash commands: what can be typed into the line one asks in besides questions, one row each."""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.frozen import frozen
from app.present.cells import Cell, Line, line
from app.present.chat_told import chip_text
from app.tui.feed import RefusedError
from app.tui.options import NO_FILES

if TYPE_CHECKING:
    from app.tui.chat_view import ChatView

Run = Callable[["ChatView", str], None]


@frozen
class SlashCommand:
    """One command."""

    name: str
    argument: str
    help: str
    run: Run


def run_command(view: ChatView, text: str) -> None:
    """Do what was typed after a slash. Raises RefusedError, naming the nearest where there is none such."""
    word, _, argument = text[1:].partition(" ")
    command = _meant(word.strip().lower())
    command.run(view, argument.strip())


def nearest_commands(text: str) -> Line:
    """Those that a line being typed could become."""
    word, space, _ = text[1:].partition(" ")
    fits = [one for one in COMMANDS if (one.name == word if space else one.name.startswith(word))]
    if len(fits) == 1:
        one = fits[0]
        return line(
            Cell(f"/{one.name}", "accent"),
            Cell(f" {one.argument}" if one.argument else ""),
            Cell(f"  {one.help}", "quiet"),
        )
    return line(*(Cell(f"/{one.name} ", "quiet") for one in fits))


def _meant(word: str) -> SlashCommand:
    known = {one.name: one for one in COMMANDS}
    if word in known:
        return known[word]
    begins = [one for one in COMMANDS if word and one.name.startswith(word)]
    if len(begins) == 1:
        return begins[0]
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    raise RefusedError(f"no command /{word[:40]}{f'; did you mean /{close[0]}?' if close else '; /help lists them'}")


def _new(view: ChatView, _: str) -> None:
    from app.tui import chat_deeds  # noqa: PLC0415 - the deeds know the view, which knows this

    chat_deeds.new(view)


def _history(view: ChatView, words: str) -> None:
    from app.tui.chat_history import ChatHistory  # noqa: PLC0415 - likewise

    view.app.push_screen(ChatHistory(view, words))


def _title(view: ChatView, text: str) -> None:
    key = _open(view)
    if not text:
        raise RefusedError("/title TEXT: which title?")
    view.begin(_renamed(view, key, text))


async def _renamed(view: ChatView, key: str, text: str) -> None:
    await view.talk.ask_desk(lambda desk: desk.rename(key, text))
    await view.talk.resume(key)


def _delete(view: ChatView, _: str) -> None:
    from app.tui.chat_history import AskDelete  # noqa: PLC0415 - likewise

    view.app.push_screen(AskDelete(view, _open(view), view.talk.conversation.title))


def _export(view: ChatView, path: str) -> None:
    _may_write(view)
    _open(view)
    if not path:
        raise RefusedError("/export FILE: to which file?")
    view.begin(_exported(view, path))


async def _exported(view: ChatView, path: str) -> None:
    view.hint(await export(view, view.talk.conversation.id, path))


async def export(view: ChatView, key: str, path: str) -> str:
    """Write a conversation as markdown into a new file of its owner's; says where. Raises RefusedError."""
    from app.agent.exporting import markdown  # noqa: PLC0415 - needed only once somebody exports

    _may_write(view)
    found = await view.talk.ask_desk(lambda desk: desk.conversation(key))
    if found is None:
        raise RefusedError("that conversation is gone")
    try:
        await asyncio.to_thread(_write, path, markdown(found))
    except FileExistsError as error:
        raise RefusedError(f"{path} is there already; another name, please") from error
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error.strerror}") from error
    return f"written to {path}"


def _may_write(view: ChatView) -> None:
    if view.desk.options.bastion:
        raise RefusedError(NO_FILES)


def _write(path: str, text: str) -> None:
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(Path(path).expanduser(), how, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _copy(view: ChatView, number: str) -> None:
    from app.tui import chat_deeds  # noqa: PLC0415 - likewise

    if number and not number.isdigit():
        raise RefusedError("/copy copies the last answer, /copy 2 its second piece of code")
    if number:
        chat_deeds.copy_code(view, int(number[:6]))
    else:
        exchanges = view.talk.exchanges
        chat_deeds.copy_text(view, exchanges[-1].answer if exchanges else "", "the answer")


def _tools(view: ChatView, _: str) -> None:
    from app.agent.tools.registry import TOOLS  # noqa: PLC0415 - needed only once somebody asks

    reads = " ".join(one.name for one in TOOLS if not one.name.startswith("propose_"))
    proposes = " ".join(one.name.removeprefix("propose_") for one in TOOLS if one.name.startswith("propose_"))
    view.talk.say(f"looks at: {reads}\nproposes, and a key of yours does: {proposes}")


def _model(view: ChatView, _: str) -> None:
    view.begin(_look_again(view))
    view.hint("asking the server")


async def _look_again(view: ChatView) -> None:
    await view.talk.look(again=True)
    status = view.talk.status
    if status is not None:
        size = f"; its context is {status.context_tokens:,} tokens" if status.context_tokens else ""
        view.hint("")
        view.talk.say(f"{status.model or 'offline analyst'}: {status.text or status.state}{size}")


def _context(view: ChatView, word: str) -> None:
    if word == "none":
        view.about.drop_all()
        view.hint("the next question is about nothing in particular")
        return
    chips = [chip_text(one, view.desk.moment.look) for one in view.about.chips]
    about = ", ".join(chips) if chips else "nothing in particular"
    earlier = len(view.talk.conversation.exchanges)
    view.talk.say(f"the next question is about {about}, and knows {earlier} earlier; /context none takes all away")


def _help(view: ChatView, _: str) -> None:
    wide = max(len(f"{one.name} {one.argument}") for one in COMMANDS)
    view.talk.say("\n".join(f"/{f'{one.name} {one.argument}'.ljust(wide)}  {one.help}" for one in COMMANDS))


def _open(view: ChatView) -> str:
    """The id of the conversation that is open. Raises RefusedError."""
    if not view.talk.conversation.id:
        raise RefusedError("there is no conversation yet")
    return view.talk.conversation.id


COMMANDS: tuple[SlashCommand, ...] = (
    SlashCommand("new", "", "begin a new conversation", _new),
    SlashCommand("history", "[WORDS]", "earlier conversations: search, resume, rename, delete, export", _history),
    SlashCommand("title", "TEXT", "name this conversation", _title),
    SlashCommand("delete", "", "delete this conversation; asks first", _delete),
    SlashCommand("export", "FILE", "write it as markdown", _export),
    SlashCommand("copy", "[NUMBER]", "copy the last answer, or one piece of its code", _copy),
    SlashCommand("tools", "", "what an answer may look at and propose", _tools),
    SlashCommand("model", "", "who answers; asks the server again", _model),
    SlashCommand("context", "[none]", "what the next question is about", _context),
    SlashCommand("help", "", "these commands", _help),
)
