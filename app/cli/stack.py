"""`stack`: writes a folder with Prometheus, Alertmanager and Grafana, made for what is configured here."""

from __future__ import annotations

import argparse
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, OK, CliError
from app.cli.known_rules import known_rules
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async, runtime_options
from app.config import paths
from app.config.settings import Discover, Settings, Target
from app.domain.times import parse_span
from app.engine.alerting.export import rule_file
from app.runtime.attaching import attach
from app.runtime.options import RuntimeOptions
from app.services.stack.files import stack_files
from app.services.stack.plan import Plan, Ports
from app.services.stack.scraping import Access, discoveries, left_out_answer, scraped
from app.services.stack.writing import Done, write_stack

SCHEMA = 1
LEAST_S, MOST_S = 1.0, 3600.0


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument("folder", metavar="DIR", help="folder to write; what you changed in it is left alone")
    parser.add_argument("--force", action="store_true", help="write over what was changed, too")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON (docs/schema/stack.json)")
    parser.add_argument(
        "--daemon", metavar="URL", default="", help="where the daemon listens on TCP (else: its socket)"
    )
    for flag, told in (("--daemon-token", "that holds a token for it"), ("--daemon-ca", "with certificates to trust")):
        parser.add_argument(flag, metavar="FILE", default="", help=f"with --daemon: file {told}")
    parser.add_argument("--scrape", metavar="SPAN", default="15s", help="between two looks of Prometheus (15s)")
    parser.add_argument(
        "--names", choices=("exporters", "own"), default="exporters", help="whose names the rules use for metrics"
    )
    for one in fields(Ports):
        told = f"where it listens ({one.default})"
        parser.add_argument(f"--{one.name}-port", type=int, metavar="PORT", default=one.default, help=told)
    declare_sources(parser, replays=False)


def run(args: argparse.Namespace, context: Context) -> int:
    """Write what is missing or outdated, and say so."""
    settings = settings_of(args, context.environ, context.home)
    options = runtime_options(args, context, settings, write=False)
    plan = run_async(_plan(args, context, settings, options))
    folder = Path(args.folder).expanduser()
    try:
        done = write_stack(folder, stack_files(plan, secrets.token_urlsafe(18)), force=args.force)
    except OSError as error:
        raise CliError(f"{folder} cannot be written: {error.strerror or error}", CANNOT_WRITE) from error
    if args.json:
        context.output.json(_answer(folder, plan, done))
    else:
        context.output.lines([f"{one.state:<9}  {one.path}" for one in done])
    _tell(folder, plan, done, context)
    return OK


async def _plan(args: argparse.Namespace, context: Context, settings: Settings, options: RuntimeOptions) -> Plan:
    """Everything that is decided before a file is written. Raises CliError."""
    base = Path(settings.origin).parent if settings.origin else Path()
    socket = await _socket(settings, options)
    asks = bool(args.daemon) or socket is not None
    book = await known_rules(settings, options)
    for problem in book.problems:
        context.output.note(str(problem))
    pages, left_out = scraped(_absolute(target, base) for target in settings.target)
    lists, closed = discoveries(settings.discover.http)
    return Plan(
        cluster=settings.cluster.name,
        socket=(socket or paths.sockets(context.environ, settings.serve.socket)[0]).absolute(),
        rules=rule_file(book.enabled(), args.names),
        inhibitions=book.inhibitions,
        scrape_s=_scrape_s(args.scrape),
        ports=_ports(args),
        daemon=_daemon(args.daemon),
        daemon_access=_access(args),
        asks_daemon=asks,
        pages=pages,
        left_out=(*left_out, *closed),
        discover=Discover(tuple(str(_whole(one, base)) for one in settings.discover.files), lists),
    )


async def _socket(settings: Settings, options: RuntimeOptions) -> Path | None:
    """The socket on which this configuration's daemon answers; None where none does."""
    for path in options.sockets:
        async with contextlib.AsyncExitStack() as stack:
            if await attach(settings, replace(options, sockets=(path,)), stack) is not None:
                return path
    return None


def _absolute(target: Target, base: Path) -> Target:
    """Its files by their whole paths: Prometheus runs elsewhere."""
    token, ca = (str(_whole(path, base)) if path else "" for path in (target.token_file, target.ca_file))
    return replace(target, token_file=token, ca_file=ca)


def _whole(path: str, base: Path) -> Path:
    return base.absolute() / Path(path).expanduser()


def _daemon(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query):
        raise CliError(f"--daemon: {url!r} is no address such as https://head:9479")
    return url


def _access(args: argparse.Namespace) -> Access:
    """What the daemon's address asks for. Raises CliError where a file is not there."""
    if (args.daemon_token or args.daemon_ca) and not args.daemon:
        raise CliError("--daemon-token and --daemon-ca go with --daemon: the socket asks for neither")
    return Access(_file("--daemon-token", args.daemon_token), _file("--daemon-ca", args.daemon_ca))


def _file(flag: str, path: str) -> str:
    """The whole path of a file that is there; empty for none."""
    if not path:
        return ""
    whole = Path(path).expanduser().absolute()
    if not whole.is_file():
        raise CliError(f"{flag}: there is no file {whole}")
    return str(whole)


def _scrape_s(text: str) -> float:
    try:
        found = parse_span(text)
    except ValueError as error:
        raise CliError(f"--scrape: {error}") from error
    if not LEAST_S <= found <= MOST_S:
        raise CliError(f"--scrape: must be between {LEAST_S:g} s and {MOST_S:g} s")
    return found


def _ports(args: argparse.Namespace) -> Ports:
    found = {one.name: int(getattr(args, f"{one.name}_port")) for one in fields(Ports)}
    for name, port in found.items():
        if not 0 < port < 65536:
            raise CliError(f"--{name}-port: {port} is no port")
    if len(set(found.values())) < len(found):
        raise CliError("two of the ports are the same")
    return Ports(**found)


def _answer(folder: Path, plan: Plan, done: Sequence[Done]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "folder": str(folder),
        "targets_from": "daemon" if plan.asks_daemon else "configuration",
        "files": [{"path": one.path, "state": one.state} for one in done],
        "left_out": left_out_answer(plan.left_out),
    }


def _tell(folder: Path, plan: Plan, done: Sequence[Done], context: Context) -> None:
    """What a person should know, on stderr."""
    kept = sum(one.state == "kept" for one in done)
    if kept:
        context.output.note(f"{kept} of the files were changed by hand and left alone; --force writes over them")
    if not plan.asks_daemon:
        context.output.note(
            "no daemon answers: targets are written out of the configuration; run this again beside `serve`"
        )
    for one in plan.left_out:
        context.output.note(f"Prometheus cannot read {one.name}: it {one.why}")
    context.output.note(f"{folder / 'README.md'} says how it is started and what is to be filled in")
