"""The front door: the table of commands. Imports the front end a command needs only when it is asked for.

`gpu-watchdog` alone, or with options only, opens the screen. Front ends do not import each other; what one needs of
another (`demo` opens the screen) is handed to it from here.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import errors
from app.cli.command import PROGRAM, Command, Context, HelpShown, load, nearest, parser_of
from app.cli.output import Output, abandon_stdout, standard_output

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from app.cli.command import Connect
    from app.config.settings import Settings
    from app.services.board import Board
    from app.services.feed import Feed

_LOOK, _RUN, _SET_UP = "look", "run", "set up"

COMMANDS: tuple[Command, ...] = (
    Command("tui", _LOOK, "open the screen (what `gpu-watchdog` alone does)", "app.cli.screen", (0, 64)),
    Command("status", _LOOK, "print the whole cluster as it is now, or was", "app.cli.status", (0, 2, 64, 69)),
    Command("history", _LOOK, "print or plot the past of a GPU, a node or the fleet", "app.cli.history", (0, 64, 69)),
    Command("demo", _LOOK, "open the screen on a simulated cluster", "app.cli.demo", (0, 64, 69)),
    Command(
        "serve",
        _RUN,
        "collect in the background, for every screen and command at once",
        "app.cli.serve",
        (0, 64, 69),
    ),
    Command("init", _SET_UP, "write a first configuration from what is found here", "app.cli.init", (0, 2, 64, 73)),
    Command("doctor", _SET_UP, "check this installation and read every source once", "app.cli.doctor", (0, 1, 64)),
    Command("completion", _SET_UP, "print a completion script for bash, zsh or fish", "app.cli.completion", (0, 64)),
)
"""Every command, one row each; help, completion and docs/commands.md follow from it."""

ABOUT = "One screen for a GPU cluster: every GPU, now and in the past. Also as JSON."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    output = standard_output(os.environ)
    try:
        code = _dispatch(words, output, os.environ)
        output.flush()
    except HelpShown as shown:
        output.text(str(shown))
        return errors.OK
    except errors.CliError as error:
        output.note(str(error))
        return error.code
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    except BrokenPipeError:
        abandon_stdout()
        return errors.PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last stop: 1 and 2 have meanings that a crash must not take on
        import traceback

        output.note(f"{PROGRAM}: a mistake of this program, please report it: {error!r}\n{traceback.format_exc()}")
        return errors.INTERNAL
    return code


def _dispatch(words: Sequence[str], output: Output, environ: Mapping[str, str]) -> int:
    if words and words[0] in ("-h", "--help", "help"):
        return _help(words[1:], output)
    if words and words[0] in ("-V", "--version"):
        output.line(f"{PROGRAM} {_version()}")
        return errors.OK
    name, rest = (words[0], words[1:]) if words and not words[0].startswith("-") else ("tui", words)
    command = _find(name)
    args = parser_of(command).parse_all(rest)
    context = Context(environ, Path.home(), time.time, output, COMMANDS, open_screen, listen)
    return load(command).run(args, context)


def _find(name: str) -> Command:
    """The row of a command. Raises CliError naming the nearest."""
    for command in COMMANDS:
        if command.name == name:
            return command
    known = [command.name for command in COMMANDS if not command.hidden]
    raise errors.CliError(f"{PROGRAM}: unknown command {name!r}{nearest(name, known)} (see `{PROGRAM} --help`)")


def _help(names: Sequence[str], output: Output) -> int:
    if names:
        raise HelpShown(parser_of(_find(names[0])).format_help())
    lines = [ABOUT, "", f"usage: {PROGRAM} [COMMAND] [OPTIONS]", ""]
    shown = [command for command in COMMANDS if not command.hidden]
    width = max(len(command.name) for command in shown)
    for group in dict.fromkeys(command.group for command in shown):
        lines.append(output.paint(group, "strong"))
        lines += [f"  {one.name:<{width}}  {one.help}" for one in shown if one.group == group]
    lines += ["", f"`{PROGRAM} COMMAND --help` explains one; --version says which this is."]
    output.lines(lines)
    return errors.OK


def _version() -> str:
    """The version of the installed distribution."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gpu-watchdog-tui")
    except PackageNotFoundError:
        return "(not installed: run from a checkout)"


def open_screen(connect: Connect, settings: Settings, state_dir: Path) -> int:
    """Open the screen; the only place where one front end starts another."""
    from app.config.paths import config_dir
    from app.tui.options import ScreenOptions
    from app.tui.run import run

    beside = Path(settings.origin) if settings.origin else config_dir(os.environ, Path.home()) / "config.toml"
    keymap = Path(settings.screen.keymap) if settings.screen.keymap else beside.with_name("keymap.toml")
    return run(
        connect,
        ScreenOptions(
            state_dir=state_dir,
            keymap=keymap.expanduser(),
            theme=settings.screen.theme,
            ascii=settings.screen.ascii,
            cluster=settings.cluster.name,
        ),
    )


def listen(feed: Feed, board: Board, config_id: str, path: Path) -> AbstractAsyncContextManager[None]:
    """Answer on the daemon's socket."""
    from app.api import server

    return server.listen(feed, board, config_id, path)


if __name__ == "__main__":
    sys.exit(main())
