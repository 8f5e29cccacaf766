"""`init`: writes a first configuration from what is found on this machine, or from the targets named.

The file is the user's own (0600), every line explained, and never written over without `--force`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, INCOMPLETE, OK, CliError
from app.cli.first_config import config_text
from app.cli.options import target_of
from app.cli.session import run_async
from app.config import paths
from app.config.load import parse
from app.config.settings import Settings
from app.services.detect import Find, Here, found_here
from app.transport.clock import SystemClock


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        "--output", metavar="FILE", help="where to write (default: the user's configuration; -: stdout)"
    )
    parser.add_argument("--target", metavar="URL", action="append", default=[], help="look at this instead; repeatable")
    parser.add_argument("--force", action="store_true", help="write over a file that exists")
    parser.add_argument("--yes", action="store_true", help="do not ask before writing")


def run(args: argparse.Namespace, context: Context) -> int:
    """Find, show, write; 2 when nothing was found to look at (the file is written all the same)."""
    output = context.output
    path = _path(args, context)
    if path is not None and path.exists() and not args.force:
        raise CliError(f"{path} exists; --force writes over it, --output FILE writes elsewhere", CANNOT_WRITE)
    here = _found(args, context)
    texts = [*(find.text for find in here.finds), *(find.text for find in here.slurm)]
    for text in texts:
        output.note(f"found {text}")
    if not texts:
        output.note(here.text)
    text = config_text(here.finds, here.settings.target, here.slurm)
    parse(text, str(path or "-"))  # what is written can be read
    if path is None:
        output.text(text)
    else:
        if not args.yes and sys.stdin.isatty() and not _agreed(path, context):
            output.note("nothing was written")
            return OK
        write_private(path, text)
        output.note(f"wrote {path}; `gpu-watchdog doctor` checks it, `gpu-watchdog` opens the screen on it")
    return OK if here.has_something else INCOMPLETE


def _path(args: argparse.Namespace, context: Context) -> Path | None:
    """Where to write; None for stdout."""
    if args.output == "-":
        return None
    if args.output:
        return Path(args.output).expanduser()
    return paths.config_dir(context.environ, context.home) / "config.toml"


def _found(args: argparse.Namespace, context: Context) -> Here:
    """What is on this machine, or the targets named on the command line."""
    if not args.target:
        return run_async(found_here(Settings(), SystemClock(), context.environ))
    finds = tuple(Find(target_of(text), "named", is_slow=True) for text in args.target)
    return Here(Settings(target=tuple(find.target for find in finds)), finds, None)


def _agreed(path: Path, context: Context) -> bool:
    """Whether the user says yes."""
    context.output.note(f"write {path}? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing. Raises CliError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(scratch).replace(path)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror or error}", CANNOT_WRITE) from error
