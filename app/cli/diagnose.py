"""`diagnose`: what is wrong, the root cause first; now, as it was, or again whenever it changes.

With a daemon its diagnosis; without one the stored past and two readings, one interval apart. Nothing is written.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator, Callable

from app.cli.command import Context, Parser
from app.cli.errors import FOUND, INCOMPLETE, OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.reaching import NOT_YET, found_settings, has_diagnosed
from app.cli.session import run_async, runtime_options, stored_past
from app.config.settings import Settings
from app.domain.diagnosis import Diagnosis
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.domain.times import parse_span, parse_time
from app.runtime.attaching import attach
from app.runtime.collecting import collecting
from app.runtime.looking import looking
from app.runtime.options import RuntimeOptions
from app.services import queries_diagnosis

LONGEST_SINCE_S = 86400.0


@frozen
class Run:
    """One run of the command."""

    context: Context
    settings: Settings
    options: RuntimeOptions
    since_s: float
    show: Callable[[Diagnosis], None]


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/diagnose.json)")
    parser.add_argument(
        "--since", metavar="30m", default="30m", help="how far back logs and the stored past count: a span or a TIME"
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--watch", action="store_true", help="go on: printed anew whenever it changes, with --json an object a line"
    )
    when.add_argument("--at", metavar="TIME", help="as it was: 14:32, 2026-11-24T14:32, epoch seconds or -10m")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Print what is wrong; 1 for warning or critical, else 2 when a source is down or no GPU is seen."""
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    since_s = _since(args.since, options.clock.now())
    this = Run(context, settings, options, since_s, _shower(args, context, since_s))
    if args.at is not None:
        return run_async(_then(this, args.at))
    if args.watch:
        return run_async(_watch(this))
    return run_async(_once(this))


def verdict(diagnosis: Diagnosis, snapshot: Snapshot, now: float) -> int:
    """The exit code that a diagnosis and the picture it rests on deserve."""
    if not diagnosis.is_healthy:
        return FOUND
    is_down = any(state.condition(now) == "down" for state in snapshot.sources.values())
    is_seen = any(not gpu.is_lost for gpu in snapshot.gpus())
    return INCOMPLETE if is_down or not is_seen else OK


def _since(text: str, now: float) -> float:
    try:
        try:
            since_s = parse_span(text)
        except ValueError:
            since_s = now - parse_time(text, now)
    except ValueError as error:
        raise CliError(f"--since: {error}") from error
    if not 0 < since_s <= LONGEST_SINCE_S:
        raise CliError("--since: must lie in the past, and at most a day back")
    return since_s


def _shower(args: argparse.Namespace, context: Context, since_s: float) -> Callable[[Diagnosis], None]:
    """How this run prints: JSON, or text; on a terminal that is watched, over the text before."""
    output = context.output
    if args.json:
        write = output.json_line if args.watch else output.json
        return lambda found: write(queries_diagnosis.answer(found, found.at - since_s))
    from app.present.incident_lines import clock, diagnosis_lines  # noqa: PLC0415 - late: JSON needs no presenters

    def show(found: Diagnosis) -> None:
        told = diagnosis_lines(found, output.size()[0], ended_since=found.at - since_s)
        lines = [output.render(one) for one in told]
        if args.watch and output.is_terminal:
            output.redraw([output.paint(f"at {clock(found.at)}", "quiet"), "", *lines])
        elif args.watch:
            output.lines([f"at {clock(found.at)}", *lines, ""])
            output.flush()
        else:
            output.lines(lines)

    return show


async def _once(this: Run) -> int:
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(this.settings, this.options, stack)
        if attached is not None and await has_diagnosed(attached, this.settings, this.options):
            this.show(attached.diagnosis())
            return verdict(attached.diagnosis(), attached.latest(), this.options.clock.now())
        if attached is not None:
            this.context.output.note(NOT_YET)
    from app.services.diagnose_once import diagnose_once  # noqa: PLC0415 - late: a daemon's answer needs no engine

    async with looking(await found_settings(this.settings, this.options, this.context.output), this.options) as ground:
        diagnosis, snapshot = await diagnose_once(ground, this.since_s)
    this.show(diagnosis)
    return verdict(diagnosis, snapshot, this.options.clock.now())


async def _then(this: Run, text: str) -> int:
    """The diagnosis of a moment in the past."""
    try:
        when = parse_time(text, this.options.clock.now())
    except ValueError as error:
        raise CliError(f"--at: {error}") from error
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(this.settings, this.options, stack)
        if attached is not None:
            snapshot, diagnosis = await attached.at(when), await attached.diagnosis_at(when, this.since_s)
        else:
            from app.services.diagnosis_past import diagnosis_at  # noqa: PLC0415 - late: see `_once`

            history = await stack.enter_async_context(stored_past(this.settings, this.options))
            snapshot, diagnosis = await history.at(when), await diagnosis_at(history, when, this.since_s)
    if snapshot is None or diagnosis is None:
        raise CliError(f"nothing was kept near {text}", UNAVAILABLE)
    this.show(diagnosis)
    return verdict(diagnosis, snapshot, when)


async def _watch(this: Run) -> int:
    """Print whenever something changes, until interrupted."""
    shown: object = None
    async for found in _diagnoses(this):
        shape = (
            tuple((one.id, one.severity, one.title, one.findings) for one in found.incidents),
            tuple((one.id, one.severity, one.title) for one in found.findings),
            tuple(one.what for one in found.blind),
        )
        if found.at and shape != shown:
            shown = shape
            this.show(found)
    return OK


async def _diagnoses(this: Run) -> AsyncIterator[Diagnosis]:
    """The diagnosis at every interval: the daemon's, else our own."""
    clock, interval_s = this.options.clock, this.settings.cluster.interval_s
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(this.settings, this.options, stack)
        if attached is not None and await has_diagnosed(attached, this.settings, this.options):
            while True:
                yield attached.diagnosis()
                await clock.sleep(min(1.0, interval_s))
        settings = await found_settings(this.settings, this.options, this.context.output)
        parts = await stack.enter_async_context(collecting(settings, this.options))
        from app.services.diagnose_once import diagnosing_live  # noqa: PLC0415 - late: see `_once`

        async for found in diagnosing_live(parts, clock, interval_s, this.since_s):
            yield found
