"""`deploy`: a rented cluster, from an API key to running jobs, and back to nothing; `--destroy` proves it.

Every change is shown with its price and asked about first. A run that ended early is run again: it goes on where it
stopped. What happens is told as a picture on a terminal, as lines without one, and with `--json` as an object a line.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from app.cli.command import Context, Parser
from app.cli.deploy_wish import checked_name, declare_wish, seconds_of
from app.cli.errors import UNAVAILABLE, CliError
from app.cli.options import declare_settings, settings_of
from app.cli.session import run_async
from app.config import paths
from app.transport.process import handed_on

if TYPE_CHECKING:
    from app.cli.deploy_run import Run

_ACTING = frozenset({"deploy", "destroy", "scale", "replace"})
"""Verbs that change something at the provider, and ask first."""


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="which one (default: the only one there is)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--plan", action="store_true", help="show what would be changed and what it costs; change nothing"
    )
    what.add_argument("--status", action="store_true", help="nodes, pods, what is astray, what it costs, what is next")
    what.add_argument("--list", action="store_true", help="every deployment there is a record of")
    what.add_argument("--destroy", action="store_true", help="end all of it, and prove that nothing is left")
    what.add_argument("--scale", metavar="N", type=int, help="grow or shrink to N nodes, the head counted")
    what.add_argument(
        "--replace",
        metavar="NODE",
        action="append",
        help="give this node another pod: head, w1, lab-w1; repeat it, or say all: one after another",
    )
    what.add_argument("--ssh", metavar="NODE", help="log in on a node, or run what stands behind --")
    what.add_argument("--logs", metavar=("NODE", "LOG"), nargs=2, help="slurmctld, slurmd, munge, exporter, vllm, boot")
    what.add_argument("--follow", action="store_true", help="follow the run that is under way elsewhere")
    what.add_argument(
        "--stop", action="store_true", help="stop a run that the daemon goes on with; what is there stays"
    )
    parser.add_argument("--skip-infra", action="store_true", help="leave Terraform out: go on with the pods there are")
    jobs = parser.add_mutually_exclusive_group()
    jobs.add_argument("--wait", action="store_true", help="with --scale, --replace: let jobs end first (so by default)")
    jobs.add_argument("--cancel", action="store_true", help="with --scale, --replace: cancel the jobs on what goes")
    parser.add_argument("--delete-volume", action="store_true", help="with --destroy: the network volume goes too")
    parser.add_argument("--timeout", metavar="S", help="seconds, or a span such as 30m, that all of it may take")
    parser.add_argument(
        "--retry", metavar="S", help="seconds, or a span, that places without capacity are tried again (10m); 0: never"
    )
    parser.add_argument("--lines", metavar="N", type=int, default=100, help="with --logs: the last N lines (100)")
    parser.add_argument("--yes", action="store_true", help="do it without asking; needed where there is no terminal")
    parser.add_argument("--json", action="store_true", help="print JSON, an object a line (docs/schema/deploy.json)")
    declare_wish(parser)
    where = parser.add_argument_group("configuration")
    where.add_argument("--config", metavar="FILE", help="configuration file (default: the user's, then the machine's)")
    declare_settings(parser)
    parser.take_rest("COMMAND")


def run(args: argparse.Namespace, context: Context) -> int:
    """Do what the flags say."""
    verb = verb_of(args)
    check(args, verb)
    args.target = []  # looks at no cluster
    settings = settings_of(args, context.environ, context.home)
    if verb in _ACTING:
        from app.cli.deploy_asking import needs_somebody  # noqa: PLC0415 - late: `--help` needs none of it

        needs_somebody(args)
    from app.cli.deploy_looks import ssh_words  # noqa: PLC0415 - likewise
    from app.cli.deploy_run import Run  # noqa: PLC0415 - likewise
    from app.cli.deploy_verbs import VERBS  # noqa: PLC0415 - likewise

    timeout_s = None if args.timeout is None else seconds_of(args.timeout, "--timeout")
    retry_s = None if args.retry is None else 0.0 if args.retry == "0" else seconds_of(args.retry, "--retry")
    one = Run(args, context, settings, paths.state_dir(context.environ, context.home), verb, timeout_s, retry_s)
    if verb == "ssh":
        return _log_in(one, run_async(ssh_words(one)))
    return run_async(VERBS[verb](one))


def verb_of(args: argparse.Namespace) -> str:
    """Which of the verbs the flags name."""
    plain = ("plan", "status", "list", "destroy", "ssh", "logs", "follow", "stop")
    named = [verb for verb in plain if getattr(args, verb)]
    if args.scale is not None:
        named.append("scale")
    if args.replace is not None:
        named.append("replace")
    return named[0] if named else "deploy"


def check(args: argparse.Namespace, verb: str) -> None:
    """Refuse what does not go together. Raises CliError."""
    if args.name:
        checked_name(args.name)
    homes = (
        ("--skip-infra", args.skip_infra, ("deploy",)),
        ("--retry", args.retry is not None, ("deploy", "scale", "replace")),
        ("--cancel", args.cancel, ("scale", "replace")),
        ("--wait", args.wait, ("scale", "replace")),
        ("--delete-volume", args.delete_volume, ("destroy",)),
    )
    for flag, is_given, verbs in homes:
        if is_given and verb not in verbs:
            raise CliError(
                f"{flag} goes with {' and '.join('--' + one for one in verbs if one != 'deploy') or 'deploy'}"
            )
    if args.rest and verb != "ssh":
        raise CliError("what stands behind -- is run on a node: name it with --ssh NODE")
    if args.scale is not None and args.scale < 1:
        raise CliError("--scale must be 1 or more: the head is counted; `--destroy` ends all of it")
    if args.lines < 1:
        raise CliError("--lines must be 1 or more")


def _log_in(one: Run, words: tuple[str, ...]) -> int:
    """Become ssh: the terminal is its own from here on."""
    one.context.output.flush()
    try:
        os.execvpe(words[0], words, handed_on(one.context.environ))  # noqa: S606 - a list, no shell
    except OSError as error:
        raise CliError(f"ssh cannot be run: {error.strerror or error}", UNAVAILABLE) from error
