"""`report`: a bundle about an incident, or a time, that a colleague can open; nothing but the bundle is written."""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options, stored_past
from app.config.settings import Settings
from app.config.version import installed_version
from app.domain.times import parse_span, parse_time
from app.runtime.attaching import attach
from app.runtime.options import RuntimeOptions

if TYPE_CHECKING:
    from app.domain.diagnosis import Diagnosis
    from app.services.queries_report import Written
    from app.services.report_ground import Ground, Wanted
    from app.services.reporting import Report

LONGEST_SINCE_S = 86400.0


def declare(parser: Parser) -> None:
    """Add the options."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--incident", metavar="ID", help="this incident, by its name (`diagnose` lists them: i-3)")
    what.add_argument("--since", metavar="24h", help="every incident of that time: a span or a TIME, at most a day")
    parser.add_argument("--until", metavar="TIME", help="with --since: where that time ends (default: now)")
    parser.add_argument("--out", metavar="PATH", help="folder to make, or FILE.zip (default: a folder here, by name)")
    parser.add_argument(
        "--anonymize", action="store_true", help="make up names of people, machines and work (secrets always go)"
    )
    parser.add_argument("--json", action="store_true", help="print what was made as JSON (docs/schema/report.json)")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Make the bundle and say where it lies."""
    from app.services import queries_report  # noqa: PLC0415 - late: `--help` needs no engine
    from app.services.report_bundle import default_name  # noqa: PLC0415 - likewise

    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    now = options.clock.now()
    wanted = _wanted(args, now)
    out = Path(args.out).expanduser() if args.out else Path(default_name(wanted.incident or args.since, now))
    report, files = run_async(_make(wanted, out, settings, options, anonymous=args.anonymize))
    if args.json:
        context.output.json(queries_report.answer(report, str(out), files))
        return OK
    context.output.line(str(out))
    context.output.note(_told(report, files))
    return OK


def _wanted(args: argparse.Namespace, now: float) -> Wanted:
    """Which report. Raises CliError."""
    from app.services.report_ground import Wanted  # noqa: PLC0415 - late: see `run`

    if args.incident is not None:
        if args.until is not None:
            raise CliError("--until goes with --since: an incident has an end of its own")
        return Wanted(args.incident.strip())
    try:
        until = None if args.until is None else parse_time(args.until, now)
        try:
            since_s = parse_span(args.since)
        except ValueError:
            since_s = (until or now) - parse_time(args.since, now)
    except ValueError as error:
        raise CliError(f"--since, --until: {error}") from error
    if not 0 < since_s <= LONGEST_SINCE_S or (until is not None and until > now):
        raise CliError("--since: must lie in the past, and at most a day before --until")
    return Wanted(since_s=since_s, until=until, said=args.since.strip())


def _told(report: Report, files: tuple[Written, ...]) -> str:
    count, size = len(files), sum(one.size for one in files)
    names = (
        "" if report.story.is_anonymous else "; people, machines and jobs are named in it (--anonymize makes names up)"
    )
    return f"{report.story.title}: {count} files, {max(1, round(size / 1024)):,} kB, secrets taken out{names}"


async def _make(
    wanted: Wanted, out: Path, settings: Settings, options: RuntimeOptions, *, anonymous: bool
) -> tuple[Report, tuple[Written, ...]]:
    """Ask for everything and write it. Raises CliError."""
    from app.services.report_bundle import BundleError, finish, workshop, write_pages  # noqa: PLC0415 - late: see `run`
    from app.services.reporting import report  # noqa: PLC0415 - likewise

    try:
        with workshop(out) as folder:
            async with _ground(settings, options) as ground:
                made = await report(ground, wanted, folder, anonymous=anonymous)
            write_pages(made, folder)
            return made, finish(folder, out)
    except LookupError as error:
        raise CliError(str(error.args[0]) if error.args else "there is no such incident", UNAVAILABLE) from error
    except BundleError as error:
        raise CliError(str(error), CANNOT_WRITE) from error
    except (OSError, sqlite3.Error) as error:
        raise CliError(f"{out} cannot be written: {error}", CANNOT_WRITE) from error


@contextlib.asynccontextmanager
async def _ground(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Ground]:
    """A daemon's view, else the store's file. Raises CliError where there is neither."""
    from app.services import diagnosis_notes  # noqa: PLC0415 - late: see `run`
    from app.services.diagnosis_past import diagnosis_at  # noqa: PLC0415 - likewise
    from app.services.report_ground import Ground  # noqa: PLC0415 - likewise

    now = options.clock.now()
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(settings, options, stack)
        if attached is not None:
            await attached.load_diagnosis()
            known, then = attached.diagnosis(), attached.diagnosis_at
            yield Ground(attached, known, then, now, options.state_dir, installed_version())
            return
        history = await stack.enter_async_context(stored_past(settings, options))
        kept = diagnosis_notes.read(await history.notes(diagnosis_notes.PREFIX))

        async def as_it_was(when: float, since_s: float) -> Diagnosis | None:
            return await diagnosis_at(history, when, since_s)

        yield Ground(history, kept.state.diagnosis, as_it_was, now, options.state_dir, installed_version())
