"""Checks that `doctor` makes of the installation itself: program, configuration, folders, terminal. Asks no source."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import app
from app.cli.command import Context
from app.cli.errors import CliError
from app.cli.options import config_file, settings_of
from app.config import paths
from app.config.secret import permission_problem
from app.config.settings import Settings
from app.config.version import DISTRIBUTION
from app.domain.frozen import frozen

State = Literal["ok", "note", "warning", "failed"]
LEAST_FREE_MIB = 200
"""Free space below which the history is about to stop."""


@frozen
class Check:
    """One thing looked at."""

    group: str
    name: str
    state: State
    text: str
    advice: str = ""
    """What to do; empty where nothing is to be done."""


def program_checks(environ: Mapping[str, str]) -> Iterator[Check]:
    """Versions, and whether the program that runs is the one that was installed."""
    current = ".".join(str(part) for part in sys.version_info[:3])
    state: State = "ok" if sys.version_info >= (3, 11) else "failed"
    yield Check(
        "program", "python", state, f"{current} at {sys.executable}", "" if state == "ok" else "use 3.11 or newer"
    )
    where = Path(app.__file__).parent
    others = [entry for entry in _python_path(environ) if (entry / "app").is_dir() and (entry / "app") != where]
    if others:
        advice = "unset PYTHONPATH, or install with pipx or uv into an environment of its own"
        yield Check("program", "code", "warning", f"{where}; PYTHONPATH holds another `app` in {others[0]}", advice)
    else:
        yield Check("program", "code", "ok", str(where))
    yield from _package_checks()


def _python_path(environ: Mapping[str, str]) -> list[Path]:
    return [Path(entry).absolute() for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _package_checks() -> Iterator[Check]:
    """Every package this distribution needs, without extras."""
    try:
        own, wanted = version(DISTRIBUTION), requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        yield Check("program", DISTRIBUTION, "warning", "runs from a checkout that is not installed", "make run")
        return
    yield Check("program", DISTRIBUTION, "ok", own)
    found, missing = [], []
    for line in wanted:
        if "extra ==" in line:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Check("program", "packages", "failed", f"missing: {', '.join(missing)}", f"install {DISTRIBUTION} again")
    else:
        yield Check("program", "packages", "ok", ", ".join(found))


def configuration_checks(args: argparse.Namespace, context: Context) -> tuple[Settings | None, list[Check]]:
    """The settings of this run if they can be read, and what is to be said about them."""
    path = config_file(args, context.environ, context.home)
    try:
        settings = settings_of(args, context.environ, context.home)
    except CliError as error:
        advice = "mend it; `gpu-watchdog init --output -` prints a good one"
        return None, [Check("configuration", "file", "failed", str(error), advice)]
    if path is None:
        told = "targets of the command line" if args.target else "none; `gpu-watchdog init` writes one"
        checks = [Check("configuration", "file", "ok" if args.target else "note", told)]
    else:
        checks = [Check("configuration", "file", "ok", f"{path}: {_counted(settings)}")]
    for table in settings.unused:
        checks.append(Check("configuration", table, "note", f"[{table}] is set, but this version does not read it yet"))
    files = [*(one.token_file for one in settings.target), *(one.token_file for one in settings.log)]
    files.append(settings.prometheus.token_file)
    checks += [_token_check(Path(file).expanduser()) for file in files if file]
    return settings, checks


def _counted(settings: Settings) -> str:
    targets = len(settings.target)
    discovered = len(settings.discover.files) + len(settings.discover.http)
    return f"{targets} target{'s' if targets != 1 else ''}" + (f", {discovered} lists of targets" if discovered else "")


def _token_check(path: Path) -> Check:
    try:
        problem = permission_problem(path)
    except OSError as error:
        return Check("configuration", "token file", "failed", f"{path}: {error.strerror or error}", "make it readable")
    return Check("configuration", "token file", "warning" if problem else "ok", problem or f"{path} is private")


def state_checks(context: Context) -> Iterator[Check]:
    """The state folder: there, private, ours, with room."""
    folder = paths.state_dir(context.environ, context.home)
    try:
        found = folder.stat()
    except FileNotFoundError:
        yield Check("state", "folder", "ok", f"{folder}: made when first needed")
        return
    except OSError as error:
        yield Check("state", "folder", "failed", f"{folder}: {error.strerror or error}", "set GPU_WATCHDOG_STATE_DIR")
        return
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        advice = "run as its owner, or set GPU_WATCHDOG_STATE_DIR"
        yield Check("state", "folder", "failed", f"{folder} belongs to user {found.st_uid}", advice)
    elif mode & 0o077:
        yield Check("state", "folder", "warning", f"{folder}: others can enter (mode {mode:o})", f"chmod 700 {folder}")
    else:
        yield Check("state", "folder", "ok", f"{folder} (private)")
    free_mib = shutil.disk_usage(folder).free // 1048576
    room: State = "ok" if free_mib >= LEAST_FREE_MIB else "warning"
    yield Check(
        "state", "space", room, f"{free_mib:,} MiB free", "" if room == "ok" else "make room, or set store.path"
    )


def terminal_checks(context: Context) -> Iterator[Check]:
    """What the terminal can do; where there is none, only a note."""
    environ, output = context.environ, context.output
    term = environ.get("TERM", "")
    if not output.is_terminal:
        yield Check("terminal", "terminal", "note", "the output is not a terminal: nothing to check")
        return
    bad = term in ("", "dumb")
    advice = "the screen needs a terminal that can move its cursor: set TERM" if bad else ""
    yield Check("terminal", "TERM", "failed" if bad else "ok", term or "not set", advice)
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower()
    utf8 = encoding.replace("-", "") == "utf8"
    advice = "" if utf8 else "set LANG to a UTF-8 locale, or use --screen-ascii"
    yield Check("terminal", "characters", "ok" if utf8 else "warning", encoding or "unknown", advice)
    yield Check("terminal", "colours", "ok", colours(environ))
    width, height = output.size()
    small = width < 80 or height < 24
    advice = "the screen is made for 80×24 and more" if small else ""
    yield Check("terminal", "size", "warning" if small else "ok", f"{width}×{height}", advice)


def colours(environ: Mapping[str, str]) -> str:
    """How many colours the screen will use, and why."""
    if environ.get("NO_COLOR"):
        return "none, as NO_COLOR asks"
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million (COLORTERM)"
    term = environ.get("TERM", "")
    return "256 (TERM)" if "256" in term else "16 (TERM says no more; COLORTERM=truecolor would)"
