"""`notify`: who is told of alerts and incidents, what is on its way, and a test message."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from app.cli.command import Context, Parser, nearest
from app.cli.errors import FOUND, OK, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options
from app.config.secret import Secret
from app.config.settings import Settings
from app.domain.frozen import frozen
from app.runtime.options import RuntimeOptions, store_path
from app.runtime.past import open_history
from app.services import outbox, queries_notify
from app.services.channels import Channels, trial
from app.services.notify_file import NotifyFile
from app.services.outbox import Kept
from app.transport.posting import host_of


@frozen
class Run:
    """One run of the command."""

    args: argparse.Namespace
    context: Context
    settings: Settings
    options: RuntimeOptions
    file: NotifyFile


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("verb", nargs="?", default="list", help=", ".join(VERBS))
    parser.add_argument("words", nargs="*", metavar="CHANNEL", help="channels to test (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/notify.json)")
    declare_sources(parser, replays=False)


def run(args: argparse.Namespace, context: Context) -> int:
    """Do what the verb says; 1 where a channel fails, or a message was given up."""
    verb = VERBS.get(args.verb)
    if verb is None:
        raise CliError(f"notify: unknown verb {args.verb!r}{nearest(args.verb, list(VERBS))}")
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    return run_async(verb(Run(args, context, settings, options, NotifyFile(settings))))


async def _list(run: Run) -> int:
    found, now = run.file.current(), run.options.clock.now()
    managers = tuple(host_of(Secret(one)) for one in run.settings.alerts.alertmanager)
    answer = queries_notify.channels_answer(found, await _kept(run), managers, now)
    if run.args.json:
        run.context.output.json(answer)
    else:
        from app.cli.notify_table import channel_lines  # noqa: PLC0415 - late: the JSON path needs no presenters

        run.context.output.lines(channel_lines(answer, now))
    for problem in found.problems:
        run.context.output.note(problem)
    if run.file.path is None and not managers:
        run.context.output.note(
            "nobody is told: name a file of addresses as `[alerts] notify_file`; see docs/notify.md"
        )
    is_failing = any((one["failed_at"] or 0.0) > (one["ok_at"] or 0.0) for one in answer["channels"])
    return FOUND if found.problems or is_failing else OK


async def _queue(run: Run) -> int:
    now = run.options.clock.now()
    answer = queries_notify.queue_answer(await _kept(run), now)
    if run.args.json:
        run.context.output.json(answer)
    else:
        from app.cli.notify_table import queue_lines  # noqa: PLC0415 - late: likewise

        run.context.output.lines(queue_lines(answer, now))
    return FOUND if any(one["state"] == "failed" for one in answer["queue"]) else OK


async def _kept(run: Run) -> Kept:
    """What whoever tells has written down."""
    path = store_path(run.settings, run.options)
    if path is None or not await asyncio.to_thread(Path.is_file, path):
        return Kept()
    history = await open_history(path, run.options.clock, want_lease=False)
    try:
        return outbox.read(await history.notes(outbox.PREFIX))
    finally:
        await history.close()


async def _test(run: Run) -> int:
    """Send a test to channels, from here: no daemon is needed, and nothing is written down."""
    policy = run.file.current().policy
    for problem in run.file.current().problems:
        run.context.output.note(problem)
    for name in run.args.words:
        if name not in policy.channels:
            raise CliError(f"notify test: there is no channel {name!r}{nearest(name, list(policy.channels))}")
    names = run.args.words or list(policy.channels)
    if not names:
        raise CliError("notify test: no channel is configured; name a file of addresses as `[alerts] notify_file`")
    channels, tests = Channels(), []
    for name in names:
        one = trial(run.settings.cluster.name, name, run.options.clock.now(), outbox.new_origin())
        began = time.monotonic()
        outcome = await channels.send(policy.channels[name], one, policy, is_repeat=False)
        took_s = round(time.monotonic() - began, 3)
        tests.append({"channel": name, "ok": outcome.ok, "error": outcome.error or None, "seconds": took_s})
        if not run.args.json:
            run.context.output.line(f"{name}: {'taken' if outcome.ok else outcome.error} ({took_s:.1f} s)")
    channels.close()
    if run.args.json:
        run.context.output.json({"schema": queries_notify.SCHEMA, "tests": tests})
    return OK if all(one["ok"] for one in tests) else FOUND


VERBS: dict[str, Callable[[Run], Coroutine[Any, Any, int]]] = {"list": _list, "queue": _queue, "test": _test}
"""What may be said behind `notify`."""
