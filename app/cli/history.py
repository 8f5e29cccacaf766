"""`history`: the past of a subject and a metric, as a table, JSON, CSV or a plot in the terminal."""

from __future__ import annotations

import argparse
import csv
import io
from datetime import UTC, datetime

from app.cli.command import Context, Parser, nearest
from app.cli.errors import OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import past_of, run_async, runtime_options
from app.config.settings import Settings
from app.domain.frozen import frozen
from app.domain.metric import Metric, Scope
from app.domain.metrics import METRICS, find
from app.domain.series import Series, Subject, parse_subject, span_for
from app.domain.times import parse_span, parse_time
from app.runtime.options import RuntimeOptions
from app.services import queries

MOST_POINTS = 100_000
_SCOPES: dict[str, Scope] = {"node": "node", "gpu": "gpu", "mig": "gpu", "service": "service", "fleet": "gpu"}


@frozen
class Question:
    """What is asked of the past."""

    subject: Subject
    metric: Metric
    start: float
    end: float
    step_s: float


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("what", metavar="WHAT", help="fleet, node:NAME, gpu:NODE/INDEX, gpu:UUID or service:ID")
    parser.add_argument(
        "metric", metavar="METRIC", help="utilization, memory_used, power, … or a key of docs/metrics.md"
    )
    parser.add_argument("--since", metavar="1h", default="1h", help="how far back: a span or a TIME (default 1h)")
    parser.add_argument("--until", metavar="TIME", help="where it ends (default: now)")
    parser.add_argument("--step", metavar="1m", help="width of a span, 0 for every sample kept (default: what suits)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (docs/schema/history.json)")
    form.add_argument("--csv", action="store_true", help="print CSV: time, value, lowest, highest")
    form.add_argument("--plot", action="store_true", help="draw it")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Ask and print."""
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    question = question_of(args, options.clock.now())
    series = run_async(_ask(question, settings, options))
    output = context.output
    if args.json:
        output.json(queries.history(series, args.what))
    elif args.csv:
        output.text(as_csv(series))
    elif args.plot:
        from app.cli.plot import plot_lines  # noqa: PLC0415 - late: plotext is for those who plot

        width, height = output.size()
        output.lines(
            plot_lines(
                series,
                question.metric,
                width,
                min(height - 2, 24),
                colour=output.has_colour,
                ascii_only=settings.screen.ascii or not output.is_unicode,
            )
        )
    else:
        from app.cli.history_table import history_lines  # noqa: PLC0415 - late: presenters are for people

        output.lines([output.render(line) for line in history_lines(series, question.metric, options.clock.now())])
    return OK


async def _ask(question: Question, settings: Settings, options: RuntimeOptions) -> Series:
    async with past_of(settings, options) as past:
        try:
            return await past.series(
                question.subject, question.metric.key, question.start, question.end, question.step_s
            )
        except LookupError as error:
            raise CliError(str(error.args[0]) if error.args else "never seen", UNAVAILABLE) from error


def question_of(args: argparse.Namespace, now: float) -> Question:
    """Read the arguments. Raises CliError naming the nearest for what is not known."""
    try:
        subject = parse_subject(args.what)
        start, end = _bounds(args.since, args.until, now)
        step_s = span_for(start, end, 240) if args.step is None else _step(args.step)
    except ValueError as error:
        raise CliError(str(error)) from error
    if end <= start:
        raise CliError("--since must lie before --until")
    if step_s and (end - start) / step_s > MOST_POINTS:
        raise CliError(f"a step of {step_s:g} s makes more than {MOST_POINTS:,} points; take a wider one")
    return Question(subject, metric_of(args.metric, subject), start, end, step_s)


def metric_of(text: str, subject: Subject) -> Metric:
    """The catalogue's row. Raises CliError naming the nearest."""
    metric = find(text, _SCOPES.get(subject.kind)) or find(text)
    if metric is not None:
        return metric
    known = [name for one in METRICS for name in (one.key, one.short)]
    raise CliError(f"unknown metric {text!r}{nearest(text, known)} (docs/metrics.md lists them all)")


def _bounds(since: str, until: str | None, now: float) -> tuple[float, float]:
    """Start and end; a span counts back from the end."""
    end = now if until is None else parse_time(until, now)
    try:
        return end - parse_span(since), end
    except ValueError:
        return parse_time(since, now), end


def _step(text: str) -> float:
    return 0.0 if text.strip() == "0" else parse_span(text)


def as_csv(series: Series) -> str:
    """Time (ISO, UTC), epoch seconds, mean, lowest and highest of each span; empty where nothing was kept."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("time", "at", "value", "lowest", "highest"))
    for point in series.points:
        moment = datetime.fromtimestamp(point.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        values = ("" if one is None else f"{one:.12g}" for one in (point.mean, point.low, point.high))
        writer.writerow((moment, round(point.at, 3), *values))
    return file.getvalue()
