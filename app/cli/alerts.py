"""`alerts`: what fires and waits, taking it on and silencing it, and the rules: listed, exported, tried on the past."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from app.cli.command import Context, Parser, nearest
from app.cli.errors import FOUND, OK, UNAVAILABLE, USAGE, CliError
from app.cli.known_rules import known_rules
from app.cli.options import declare_sources, settings_of
from app.cli.session import past_of, run_async, runtime_options
from app.cli.status import stored_alerts
from app.config.settings import Settings
from app.domain.alerts_now import AlertsNow
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.domain.times import parse_span, parse_time
from app.engine.alerting.rulebook import RuleBook
from app.runtime.attaching import attach
from app.runtime.options import RuntimeOptions
from app.services import queries_alerts
from app.services.alert_desk import AlertDesk
from app.services.alerting import AlertingError, UnknownError
from app.services.dry_run import DryRunError, dry_run

T = TypeVar("T")
NOBODY = "no daemon answers: alerts are taken on and silenced where they are evaluated; start `gpu-watchdog serve`"


@frozen
class Run:
    """One run of the command."""

    args: argparse.Namespace
    context: Context
    settings: Settings
    options: RuntimeOptions
    words: tuple[str, ...]
    """What follows the verb."""


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("verb", nargs="?", default="list", help=", ".join(VERBS))
    parser.add_argument("words", nargs="*", metavar="WORD", help="an id, labels to match, or list|export|test NAME")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print JSON (docs/schema/alerts.json, alert-wish.json, alert-rules.json, alert-test.json)",
    )
    parser.add_argument("--all", action="store_true", help="list resolved and muted alerts too")
    parser.add_argument("--note", metavar="TEXT", default="", help="why (with ack and silence)")
    parser.add_argument("--for", dest="lasts", metavar="SPAN", default="1h", help="how long a silence lasts (1h)")
    parser.add_argument("--since", metavar="TIME", default="1d", help="how far back a rule is tried (1d)")
    parser.add_argument("--step", metavar="SPAN", default="1m", help="between two evaluations of a rule that is tried")
    parser.add_argument("--expr", metavar="CONDITION", help="try this condition instead of a rule's")
    parser.add_argument(
        "--names", choices=("exporters", "own"), default="exporters", help="whose names an export uses for metrics"
    )
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Do what the verb says; `list` ends with 1 where something fires."""
    verb = VERBS.get(args.verb)
    if verb is None:
        raise CliError(f"alerts: unknown verb {args.verb!r}{nearest(args.verb, list(VERBS))}")
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    return run_async(_met(verb(Run(args, context, settings, options, tuple(args.words)))))


async def _met(work: Awaitable[T]) -> T:
    """Its result; refusals as errors of the command."""
    try:
        return await work
    except UnknownError as error:
        raise CliError(str(error), UNAVAILABLE) from error
    except (AlertingError, DryRunError) as error:
        raise CliError(str(error), USAGE) from error


async def _list(run: Run) -> int:
    alerts, snapshot = await _now(run)
    now = run.options.clock.now()
    answer = queries_alerts.answer(alerts, now, snapshot)
    if answer["alerts"] is None:
        run.context.output.note("nobody has evaluated alerts lately: start `gpu-watchdog serve`, or open the screen")
        if run.args.json:
            run.context.output.json(answer)
        return UNAVAILABLE
    if run.args.json:
        run.context.output.json(answer)
    else:
        from app.cli.alerts_table import alert_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        run.context.output.lines(alert_lines(answer, now, is_all=run.args.all))
    told = any(one["state"] == "firing" and not one["muted"] for one in answer["alerts"])
    return FOUND if told else OK


async def _now(run: Run) -> tuple[AlertsNow, Snapshot | None]:
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(run.settings, run.options, stack)
        if attached is not None:
            return attached.alerts(), attached.latest()
    return await stored_alerts(run.settings, run.options), None


async def _with_desk(run: Run, wish: Callable[[AlertDesk], Awaitable[T]]) -> T:
    """What the daemon's desk says to a wish. Raises CliError where there is none, AlertingError where it refuses."""
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(run.settings, run.options, stack)
        desk = attached.desk() if attached is not None else None
        if desk is None:
            raise CliError(NOBODY if attached is None else "a recording takes no wishes", UNAVAILABLE)
        try:
            return await wish(desk)
        except AlertingError as error:
            refusal = error
    raise refusal  # out here: the group of what follows the daemon would wrap it


def _who(run: Run) -> str:
    return run.context.environ.get("USER") or run.context.environ.get("LOGNAME") or ""


async def _ack(run: Run) -> int:
    if not run.words:
        raise CliError("alerts ack: which alert? `gpu-watchdog alerts list` names them")
    for alert_id in run.words:
        said = await _with_desk(run, lambda desk, one=alert_id: desk.ack(one, _who(run), run.args.note))  # type: ignore[misc]  # bound now
        _tell(run, said, f"{said['alert']} is taken on")
    return OK


async def _silence(run: Run) -> int:
    if not run.words:
        raise CliError('alerts silence: what? write labels, \'alertname="GpuHot",node="gpu-1"\', or an alert\'s id')
    try:
        lasts_s = parse_span(run.args.lasts)
    except ValueError as error:
        raise CliError(f"--for: {error}") from error
    matchers = await _matchers(run)
    said = await _with_desk(run, lambda desk: desk.silence(matchers, lasts_s, _who(run), run.args.note))
    _tell(run, said, f"{said['id']}: {', '.join(said['matchers'])} is silent for {run.args.lasts}")
    return OK


async def _matchers(run: Run) -> str:
    """The words as matchers; an alert's id stands for its labels."""
    words = ",".join(run.words)
    if "=" in words:
        return ",".join(_quoted(word) for word in run.words)
    alerts, _ = await _now(run)
    alert = alerts.find(words)
    if alert is None:
        raise CliError(f"there is no alert {words!r} now", UNAVAILABLE)
    pairs = (("alertname", alert.rule), *alert.labels)
    return ",".join(f"{name}={_text(value)}" for name, value in pairs)


def _quoted(word: str) -> str:
    """`node=gpu-1` as people type it in a shell, where the quotes are gone."""
    for op in ("=~", "!~", "!=", "="):
        name, found, value = word.partition(op)
        if found:
            return word if value.startswith(('"', "'")) else f"{name}{op}{_text(value)}"
    return word


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


async def _unsilence(run: Run) -> int:
    if not run.words:
        raise CliError("alerts unsilence: which silence? `gpu-watchdog alerts list` names them")
    for key in run.words:
        await _with_desk(run, lambda desk, one=key: desk.end_silence(one))  # type: ignore[misc]  # bound now
        _tell(run, {"deleted": key}, f"{key} has ended")
    return OK


async def _rules(run: Run) -> int:
    verb, *rest = run.words or ("list",)
    if verb == "list":
        return await _rules_list(run)
    if verb == "export":
        from app.engine.alerting.export import rule_file  # noqa: PLC0415 - late: seldom needed

        book = await _book(run)
        run.context.output.text(rule_file(book.enabled(), run.args.names).rstrip("\n"))
        return OK
    if verb == "test":
        return await _rules_test(run, rest)
    raise CliError(f"alerts rules: unknown verb {verb!r}{nearest(verb, ['list', 'export', 'test'])}")


async def _rules_list(run: Run) -> int:
    async with contextlib.AsyncExitStack() as stack:
        attached = await attach(run.settings, run.options, stack)
        desk = attached.desk() if attached is not None else None
        if desk is not None:
            answer = await desk.rules()
        else:
            book = await _book(run)
            answer = queries_alerts.rules_answer(book.rules.values())
    if run.args.json:
        run.context.output.json(answer)
    else:
        from app.cli.alerts_table import rule_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        run.context.output.lines(rule_lines(answer["rules"]))
    for problem in answer["problems"]:
        run.context.output.note(problem)
    return OK


async def _rules_test(run: Run, names: Sequence[str]) -> int:
    from dataclasses import replace  # noqa: PLC0415 - kept beside its only use

    from app.engine.alerting.rule_table import RuleError, check_expression  # noqa: PLC0415 - late: seldom needed

    book = await _book(run)
    name = names[0] if names else "(tried)"
    rule = book.rules.get(name)
    if run.args.expr is not None:
        from app.domain.alert import Rule  # noqa: PLC0415 - likewise

        try:
            rule = replace(rule or Rule(name, ""), expr=check_expression(run.args.expr))
        except RuleError as error:
            raise CliError(f"--expr: {error}") from error
    if rule is None:
        raise CliError(f"there is no rule {name!r}{nearest(name, list(book.rules))}")
    now = run.options.clock.now()
    try:
        step_s, start = parse_span(run.args.step), _start(run.args.since, now)
    except ValueError as error:
        raise CliError(str(error)) from error
    if (now - start) / step_s > 20_000:
        raise CliError("that are more than 20,000 evaluations: take a wider --step or a nearer --since")
    async with past_of(run.settings, run.options) as past:
        snapshot = await past.at(now) or await past.at(now - 60.0)
        if snapshot is None:
            raise CliError("nothing was kept lately: there is no past to try a rule on", UNAVAILABLE)
        found = await dry_run(rule, past, snapshot, start, now, step_s)
    if run.args.json:
        run.context.output.json(found.answer())
    else:
        from app.cli.alerts_table import dry_run_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        run.context.output.lines(dry_run_lines(found))
    return OK


def _start(since: str, now: float) -> float:
    try:
        return now - parse_span(since)
    except ValueError:
        return parse_time(since, now)


async def _book(run: Run) -> RuleBook:
    """The rules there are; says what is wrong with them."""
    book = await known_rules(run.settings, run.options)
    for problem in book.problems:
        run.context.output.note(str(problem))
    return book


def _tell(run: Run, said: dict[str, Any], text: str) -> None:
    if run.args.json:
        run.context.output.json(said)
    else:
        run.context.output.line(text)


VERBS: dict[str, Callable[[Run], Awaitable[int]]] = {
    "list": _list,
    "ack": _ack,
    "silence": _silence,
    "unsilence": _unsilence,
    "rules": _rules,
}
