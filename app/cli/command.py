"""What a command is: a row of the table in `app.__main__`, a module that declares options and runs, and its context."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from app.cli.errors import MEANINGS, CliError
from app.cli.output import Output
from app.domain.frozen import frozen

if TYPE_CHECKING:  # what looks at a cluster is loaded by the commands that do, and only then
    from contextlib import AbstractAsyncContextManager

    from app.config.settings import Settings, Slurm
    from app.config.tokens import Door
    from app.domain.chat import ToolUse
    from app.runtime.serving import Listen
    from app.services.feed import Feed

PROGRAM = "gpu-watchdog"


@frozen
class Command:
    """One row of the table of commands."""

    name: str
    group: str
    help: str
    """One line, for the list of commands and for completion."""
    module: str
    """Imported when the command is used; holds `declare` and `run`."""
    codes: tuple[int, ...] = (0, 64)
    """Exit codes it ends with, beside those every command may (70, 130, 141)."""
    hidden: bool = False
    """For the program's own use: absent from lists."""


Connect = Callable[[], "AbstractAsyncContextManager[Feed]"]
"""Opens a feed and closes it at the end; the screen calls it once it is up, and again after a failure."""


class OpenScreen(Protocol):
    """Opens the screen and returns its exit code; `app.__main__` gives it: front ends do not import each other."""

    def __call__(
        self, connect: Connect, settings: Settings, state_dir: Path, slurm: Callable[[], Slurm] | None = None
    ) -> int:
        """`slurm` gives the way to Slurm that the open feed took; None: as in the settings."""


Look = Callable[[str, "Mapping[str, Any]"], "Awaitable[ToolUse]"]
"""Makes one look at the cluster, by the name of a tool and its arguments."""


class Offer(Protocol):
    """Offers the tools that only read to other agents (MCP) until its end; given for the same reason."""

    async def __call__(
        self,
        look: Look,
        version: str,
        door: Door | None,
        told: Callable[[str], None],
        until: Callable[[], Awaitable[object]],
    ) -> None:
        """Over HTTP through `door`, whose address is told; None: on standard input and output, until the input ends.

        Both end when `until` returns. Raises OSError where it cannot be listened on.
        """


@frozen
class Context:
    """What a command may use beside its arguments."""

    environ: Mapping[str, str]
    home: Path
    clock: Callable[[], float]
    """Epoch seconds."""
    output: Output
    commands: tuple[Command, ...]
    open_screen: OpenScreen
    listen: Listen
    """The daemon's socket; from `app.__main__` for the same reason."""
    offer: Offer


class CommandModule(Protocol):
    """A module of `app.cli` behind a row."""

    def declare(self, parser: Parser) -> None:
        """Add the command's own options."""

    def run(self, args: argparse.Namespace, context: Context) -> int:
        """Do it and return the exit code. Raises CliError."""


class HelpShown(Exception):  # noqa: N818 - not an error: ends the parsing once help is printed
    """Help was asked for; the text goes to stdout."""


class Parser(argparse.ArgumentParser):
    """Plain argparse, whose errors are ours: one sentence, the nearest option, exit code 64."""

    def __init__(self, prog: str, description: str = "", epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._takes_rest = False
        self.add_argument("-h", "--help", action=_Help, help="show this help and leave")

    def take_rest(self, metavar: str) -> None:
        """Take what stands behind `--` as it is: `args.rest`, for another program. argparse would mix it with ours."""
        self._takes_rest = True
        self.usage = f"%(prog)s [-h] [OPTIONS] … [-- {metavar} …]"

    def parse_all(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments. Raises CliError for wrong usage and HelpShown after help."""
        behind: Sequence[str] = ()
        if self._takes_rest and "--" in words:
            at = list(words).index("--")
            words, behind = words[:at], words[at + 1 :]
        args, rest = self.parse_known_args(_with_spans(words))
        if rest:
            self.error(f"unknown option or argument {rest[0]!r}{nearest(rest[0], self.flags())}")
        if self._takes_rest:
            args.rest = tuple(behind)
        return args

    def flags(self) -> list[str]:
        """Every long option."""
        return [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]

    def actions(self) -> list[argparse.Action]:
        """Every option and argument, for completion."""
        return list(self._actions)

    def error(self, message: str) -> NoReturn:
        """Wrong usage. Raises CliError."""
        raise CliError(f"{self.prog}: {message} (see `{self.prog} --help`)")


class _Help(argparse.Action):
    """`--help`: hands the text to the one writer of stdout."""

    def __init__(self, option_strings: Sequence[str], dest: str, **rest: object) -> None:
        del dest  # nothing is stored
        super().__init__(
            option_strings, dest=argparse.SUPPRESS, default=argparse.SUPPRESS, nargs=0, help=str(rest["help"])
        )

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        raise HelpShown(parser.format_help())


def load(command: Command) -> CommandModule:
    """The module behind a row. What its loading made is left out of every search for garbage: it is none."""
    was_searching = gc.isenabled()
    gc.disable()
    try:
        return cast("CommandModule", import_module(command.module))
    finally:
        if not gc.get_freeze_count():  # once a process: tests run many commands in theirs
            gc.freeze()
        if was_searching:
            gc.enable()


def parser_of(command: Command) -> Parser:
    """The parser of a command, with its exit codes at the end of its help."""
    codes = "\n".join(f"  {code:<3} {MEANINGS[code]}" for code in command.codes)
    parser = Parser(f"{PROGRAM} {command.name}", command.help, f"exit codes:\n{codes}")
    load(command).declare(parser)
    return parser


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean …?` for a mistyped word, or nothing."""
    typed = word.partition("=")[0]
    close = [one for one in known if typed and one.startswith(typed)][:1]
    if not close:
        import difflib  # noqa: PLC0415 - late: for mistakes only

        close = difflib.get_close_matches(typed, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _with_spans(words: Sequence[str]) -> list[str]:
    """The words, `--at -10m` written as `--at=-10m`: argparse would take a span ago for an option."""
    joined: list[str] = []
    for word in words:
        is_span = word[:1] == "-" and word[1:2].isdigit()
        if is_span and joined and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
