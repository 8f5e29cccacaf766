"""`chats`: the conversations that are kept: listed, searched, read, named, exported, deleted. Looks at no cluster."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, NOT_DONE, OK, UNAVAILABLE, USAGE, CliError
from app.cli.output import Output
from app.cli.session import run_async
from app.config import paths
from app.domain.chat import Conversation, Heading
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services import queries_chat

if TYPE_CHECKING:
    from app.store.chats import Chats

LAST = "last"
"""Stands for the conversation that changed last."""
LONGEST_TITLE = 200


@frozen
class Run:
    """One run of the command."""

    args: argparse.Namespace
    context: Context
    chats: Chats
    words: tuple[str, ...]
    """What follows the verb."""


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="list those that hold all these words; or show ID, rename ID TITLE, export ID FILE, delete ID "
        f"(ID `{LAST}`: the newest); `list WORD` where a word is one of these",
    )
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/chats.json)")
    parser.add_argument("--markdown", action="store_true", help="with show: print it as `export` writes it")
    parser.add_argument("--limit", metavar="N", type=int, default=50, help="list at most N (default 50)")
    parser.add_argument("--yes", action="store_true", help="with delete: do it without asking")


def run(args: argparse.Namespace, context: Context) -> int:
    """Do what the verb says."""
    verb, words = (args.words[0], args.words[1:]) if args.words and args.words[0] in VERBS else ("list", args.words)
    if args.limit < 1:
        raise CliError("--limit must be 1 or more")
    return run_async(_with_chats(args, context, tuple(words), VERBS[verb]))


async def _with_chats(
    args: argparse.Namespace, context: Context, words: tuple[str, ...], do: Callable[[Run], Awaitable[int]]
) -> int:
    async with _opened(context) as chats:
        return await do(Run(args, context, chats, words))


@contextlib.asynccontextmanager
async def _opened(context: Context) -> AsyncIterator[Chats]:
    """The file of conversations; what is wrong with it is told on stderr. Raises CliError where it cannot be read."""
    from app.store.chats import FILE, Chats  # noqa: PLC0415 - late: `--help` needs no store

    path = paths.state_dir(context.environ, context.home) / FILE
    if not path.exists():
        raise CliError(
            f"there are no conversations yet: {path} does not exist; `gpu-watchdog ask` begins one", UNAVAILABLE
        )
    chats = Chats(path, context.clock)
    try:
        yield chats
    finally:
        await chats.close()
        if chats.trouble:
            context.output.note(chats.trouble)


async def _list(run: Run) -> int:
    headings = await run.chats.headings(" ".join(run.words), run.args.limit)
    output = run.context.output
    if run.args.json:
        output.json(queries_chat.headings_answer(headings))
        return OK
    output.lines(_listed(headings))
    if not headings:
        output.note("no conversation holds these words" if run.words else "there are no conversations")
    return OK


def _listed(headings: Sequence[Heading]) -> list[str]:
    """One line a conversation, and the piece that fits what was searched."""
    from app.present.cells import tidy  # noqa: PLC0415 - late: the JSON path needs no presenters

    width = max((len(one.id) for one in headings), default=0)
    counts = [f"{one.exchanges:,} {'question' if one.exchanges == 1 else 'questions'}" for one in headings]
    wide = max(map(len, counts), default=0)
    lines = []
    for one, count in zip(headings, counts, strict=True):
        lines.append(f"{tidy(one.id):<{width}}  {_when(one.changed)}  {count:<{wide}}  {tidy(one.title, 120)}")
        if one.found:
            lines.append(" " * (width + 2) + tidy(one.found, 200))
    return lines


async def _show(run: Run) -> int:
    found = await _named(run, "show")
    output = run.context.output
    if run.args.json:
        output.json(queries_chat.conversation_answer(found))
    elif run.args.markdown:
        output.text(_markdown(found))
    else:
        _tell(output, found)
    return OK


def _tell(output: Output, found: Conversation) -> None:
    """Every question, its answer, and what stands beneath it."""
    from app.cli.ask_told import print_answer  # noqa: PLC0415 - late: see `_listed`
    from app.present.ask_lines import rest_lines, who_line  # noqa: PLC0415 - likewise

    output.line(output.paint(clean(found.title, LONGEST_TITLE), "strong"))
    for one in found.exchanges:
        question = " ".join(clean(one.question, 20_000).split())
        output.lines(["", output.paint(f"{_when(one.asked_at)}  {question}", "accent"), ""])
        print_answer(output, one.answer)
        if one.state in ("failed", "stopped"):
            why = f": {clean(one.problem, 500)}" if one.problem else ""
            output.line(output.paint(f"({one.state}{why})", "look"))
        output.lines([output.paint(f"({clean(each, 500)})", "quiet") for each in one.notes])
        output.lines([output.render(each) for each in rest_lines(one, output.size()[0])])
        output.line(output.paint(who_line(one), "quiet"))


def _markdown(found: Conversation) -> str:
    from app.agent.exporting import markdown  # noqa: PLC0415 - late: for this only

    return markdown(found)


async def _rename(run: Run) -> int:
    from app.agent.door import inside  # noqa: PLC0415 - late: for this only

    if len(run.words) < 2:
        raise CliError("chats rename: write ID and TITLE")
    title = " ".join(inside(" ".join(run.words[1:]), 4 * LONGEST_TITLE).split())
    if len(title) > LONGEST_TITLE:
        raise CliError(f"chats rename: a title has at most {LONGEST_TITLE} characters")
    found = await _found(run, run.words[0])
    await run.chats.rename(found.id, title)
    code = _done(run)
    run.context.output.note(f"{found.id} is called {title}")
    return code


async def _delete(run: Run) -> int:
    found = await _named(run, "delete")
    if not run.args.yes:
        if not sys.stdin.isatty():
            raise CliError("nothing was deleted: there is no terminal to ask on; --yes does it without asking", USAGE)
        run.context.output.note(f"nothing brings it back; delete {found.id} ({clean(found.title, 80)})? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            run.context.output.note("nothing was deleted")
            return NOT_DONE
    await run.chats.delete(found.id)
    code = _done(run)
    run.context.output.note(f"{found.id} is deleted")
    return code


async def _export(run: Run) -> int:
    if len(run.words) != 2:
        raise CliError("chats export: write ID and FILE (- prints it)")
    found = await _found(run, run.words[0])
    text = _markdown(found)
    if run.words[1] == "-":
        run.context.output.text(text)
        return OK
    path = _written(run.words[1], text)
    run.context.output.line(str(path))
    return OK


def _written(file: str, text: str) -> Path:
    """The new file with this text, for its owner alone. Raises CliError."""
    path = Path(file).expanduser()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as writing:
            writing.write(text.encode("utf-8", "replace"))
    except FileExistsError as error:
        raise CliError(f"{path} exists already: name another file", CANNOT_WRITE) from error
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror or error}", CANNOT_WRITE) from error
    return path


def _done(run: Run) -> int:
    """0. Raises CliError where the change is not on disk; the file's trouble is told beside it."""
    if run.chats.trouble:
        raise CliError("nothing was changed", CANNOT_WRITE)
    return OK


async def _named(run: Run, verb: str) -> Conversation:
    """The one conversation that was named. Raises CliError."""
    if len(run.words) != 1:
        raise CliError(f"chats {verb}: which one? `gpu-watchdog chats` lists them")
    return await _found(run, run.words[0])


async def _found(run: Run, wanted: str) -> Conversation:
    if wanted == LAST:
        newest = await run.chats.headings(limit=1)
        wanted = newest[0].id if newest else ""
    found = await run.chats.conversation(wanted) if wanted else None
    if found is None:
        raise CliError(f"no conversation is called {wanted!r}: `gpu-watchdog chats` lists them", UNAVAILABLE)
    return found


def _when(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return "----------------"


VERBS: dict[str, Callable[[Run], Awaitable[int]]] = {
    "list": _list,
    "show": _show,
    "rename": _rename,
    "delete": _delete,
    "export": _export,
}
"""What the first word may say; any other is a word to look for."""
