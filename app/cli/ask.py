"""`ask`: one question to the agent, answered from what the cluster shows; what it proposes is printed and never done.

The model of `[agent]` answers, or the offline analyst. Reaches the cluster as `diagnose` does: a daemon, else looks of
its own. What is asked and answered is kept with the person's other conversations; nothing else is written.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from app.cli.ask_shown import Shown, shown_for
from app.cli.command import Context, Parser
from app.cli.errors import FOUND, INTERRUPTED, OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.reaching import Reached, reached_once, reached_then
from app.cli.session import run_async, runtime_options
from app.cli.slurm_session import jobs_if_any
from app.config import paths
from app.config.settings import Settings
from app.domain.chat import Chip, ChipKind, Exchange
from app.domain.frozen import frozen
from app.domain.naming import uuid_key
from app.domain.series import parse_subject
from app.domain.snapshot import Snapshot
from app.domain.times import parse_time
from app.runtime.options import RuntimeOptions
from app.sources.deployed import with_deployed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from app.agent.desk import ChatDesk
    from app.agent.events import Event
    from app.services.jobs import Jobs

LONGEST_QUESTION = 20_000
LAST = "last"
"""Stands for the conversation that changed last."""
_OTHER_CHIPS: tuple[ChipKind, ...] = ("alert", "incident")


@frozen
class Asking:
    """One run of the command."""

    args: argparse.Namespace
    context: Context
    settings: Settings
    options: RuntimeOptions
    question: str
    at: float | None


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("question", metavar="QUESTION", nargs="+", help="what to ask, in quotes; - reads it from stdin")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/ask.json)")
    parser.add_argument("--at", metavar="TIME", help="ask about then: 14:32, 2026-11-24T14:32, epoch seconds or -10m")
    parser.add_argument(
        "--about",
        metavar="WHAT",
        action="append",
        default=[],
        help="what it is about: gpu:gpu-01/3, gpu:UUID, node:N, job:ID, alert:ID, incident:i-3; may be repeated",
    )
    parser.add_argument(
        "--chat", metavar="ID", default="", help="go on with this conversation (`chats` lists them), or with the `last`"
    )
    parser.add_argument(
        "--new", dest="chat", action="store_const", const="", help="begin a new conversation (the default)"
    )
    parser.add_argument("--model", metavar="NAME", help="ask this model (--agent-model)")
    parser.add_argument("--offline", action="store_true", help="ask no model: the offline analyst answers")
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Ask and print; 1 where the check of the answer marked something, 69 where nothing could answer."""
    question = _question(args.question)
    settings = settings_of(args, context.environ, context.home)
    deployments = paths.deployments_dir(paths.state_dir(context.environ, context.home))
    settings = _agent_settings(settings if args.offline else with_deployed(settings, deployments), args)
    options = runtime_options(args, context, settings, write=False)
    try:
        at = None if args.at is None else parse_time(args.at, options.clock.now())
    except ValueError as error:
        raise CliError(f"--at: {error}") from error
    return run_async(_ask(Asking(args, context, settings, options, question, at)))


def verdict(exchange: Exchange) -> int:
    """The exit code that an answer deserves."""
    if exchange.state == "failed":
        return UNAVAILABLE
    if exchange.state == "stopped":
        return INTERRUPTED
    return FOUND if any(one.kind == "unsupported" for one in exchange.marks) else OK


def _question(words: list[str]) -> str:
    text = sys.stdin.read(LONGEST_QUESTION + 1) if words == ["-"] else " ".join(words)
    if not text.strip():
        raise CliError("ask: what? write the question in quotes")
    if len(text) > LONGEST_QUESTION:
        raise CliError(f"ask: the question is longer than {LONGEST_QUESTION:,} characters")
    return text.strip()


def _agent_settings(settings: Settings, args: argparse.Namespace) -> Settings:
    """The settings with the model that was asked for."""
    agent = settings.agent
    if args.offline:
        if args.model:
            raise CliError("--offline asks no model: leave --model out")
        agent = replace(agent, base_url="")
    elif args.model:
        if not agent.base_url:
            raise CliError("--model: no server is configured that could have it (settings: agent.base_url)")
        agent = replace(agent, model=args.model)
    return replace(settings, agent=agent)


async def _ask(this: Asking) -> int:
    shown = shown_for(this.context.output, is_json=this.args.json)
    async with _reached(this) as reached, jobs_if_any(this.context, reached.settings, "ask") as jobs:
        seen = reached.feed.latest() if this.at is None else await reached.feed.at(this.at)
        chips = tuple(chip_of(text, seen or Snapshot()) for text in this.args.about)
        desk = _desk(this, reached, jobs)
        try:
            conversation = await _conversation(desk, this.args.chat)
            exchange = await _followed(desk, this, chips, conversation, shown)
            shown.end(exchange, desk.begun() or conversation)
        finally:
            await desk.close()
    return verdict(exchange)


@contextlib.asynccontextmanager
async def _reached(this: Asking) -> AsyncIterator[Reached]:
    if this.at is None:
        way = reached_once(this.settings, this.options, this.context.output)
    else:
        way = reached_then(this.settings, this.options, this.at, this.args.at)
    async with way as reached:
        yield reached


def _desk(this: Asking, reached: Reached, jobs: Jobs | None) -> ChatDesk:
    from app.runtime.looking import chat_desk  # noqa: PLC0415 - late: `--help` needs no agent

    return chat_desk(reached.settings, this.options, reached.feed, jobs)


async def _conversation(desk: ChatDesk, wanted: str) -> str:
    """The conversation to go on with; empty: a new one. Raises CliError where there is none such."""
    if not wanted:
        return ""
    if wanted == LAST:
        newest = await desk.headings(limit=1)
        return newest[0].id if newest else ""
    if await desk.conversation(wanted) is None:
        raise CliError(f"no conversation is called {wanted!r}: `gpu-watchdog chats` lists them", UNAVAILABLE)
    return wanted


async def _followed(desk: ChatDesk, this: Asking, chips: tuple[Chip, ...], conversation: str, shown: Shown) -> Exchange:
    """The whole answer, shown as it comes; whoever cancels this stops it at once."""
    exchange: Exchange | None = None
    events = desk.ask(this.question, chips, conversation=conversation, at=this.at)
    # What the desk gives can be closed: that is how an answer is stopped.
    async with contextlib.aclosing(cast("AsyncGenerator[Event, None]", events)) as following:
        async for event in following:
            exchange = shown.event(event) or exchange
    if exchange is None:
        raise RuntimeError("an answer that has no end")
    return exchange


def chip_of(text: str, snapshot: Snapshot) -> Chip:
    """What a question is about, as it was written. Raises CliError."""
    kind, _, key = text.strip().partition(":")
    for other in _OTHER_CHIPS:
        if kind == other and key:
            return Chip(other, key)
    try:
        subject = parse_subject(text)
    except ValueError:
        subject = None
    if subject is None or subject.kind in ("fleet", "service"):
        raise CliError(f"--about {text!r} is not gpu:NODE/INDEX, gpu:UUID, node:NAME, job:ID, alert:ID or incident:ID")
    if subject.kind == "gpu" and subject.index is None:
        return _chip_of_uuid(subject.key, snapshot)
    if subject.kind == "gpu":
        return Chip("gpu", f"{subject.node}/{subject.index}")
    return Chip("node", subject.node) if subject.kind == "node" else Chip("job", subject.key)


def _chip_of_uuid(uuid: str, snapshot: Snapshot) -> Chip:
    wanted = uuid_key(uuid)
    for gpu in snapshot.gpus():
        if wanted is not None and uuid_key(gpu.uuid) == wanted:
            return Chip("gpu", gpu.id)
    raise CliError(f"--about: no GPU has the UUID {uuid!r}", UNAVAILABLE)
