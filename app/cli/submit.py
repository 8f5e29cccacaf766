"""`submit`: send a batch script to Slurm, checked first and shown whole."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.cli.acting import Do, carry_through
from app.cli.command import Context, Parser, nearest
from app.cli.errors import FOUND, OK, UNAVAILABLE, USAGE, CliError
from app.cli.options import declare_sources, settings_of
from app.cli.session import run_async
from app.cli.slurm_session import slurm_jobs
from app.config.settings import Settings
from app.domain.job_actions import Outcome, Plan, SubmitCheck
from app.domain.naming import clean
from app.present.cells import tidy
from app.services.action_targets import ActionError
from app.services.job_lookup import picture_now
from app.services.jobs import Jobs
from app.services.script_templates import TEMPLATES, template
from app.services.scripts import LARGEST, problems
from app.services.submitting import plan_submit
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.trouble import SlurmError

SCHEMA = 1


def declare(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="batch script; - reads it from the standard input")
    parser.add_argument(
        "--template", metavar="NAME", help=f"start from one: {', '.join(one.name for one in TEMPLATES)}"
    )
    parser.add_argument("--print", action="store_true", help="print the script and send nothing")
    parser.add_argument("--test", action="store_true", help="ask Slurm what would become of it, and send nothing")
    parser.add_argument("--chdir", metavar="DIR", default="", help="folder the job runs in (default: this one)")
    parser.add_argument("--cluster", metavar="NAME", help="which of several clusters in view ([[member]])")
    parser.add_argument("--yes", action="store_true", help="send it without asking")
    parser.add_argument("--read-only", action="store_true", help="show what would be done, and refuse to do it")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/schema/submit.json)")
    declare_sources(parser, replays=False)
    parser.take_rest("SBATCH-OPTION")


def run(args: argparse.Namespace, context: Context) -> int:
    """Print, test or submit the script."""
    script, name = script_of(args)
    if args.print:
        context.output.text(script)
        return OK
    if wrong := problems(script):
        raise CliError(f"{name}: {'; '.join(wrong)}", USAGE)
    settings = settings_of(args, context.environ, context.home)
    return run_async(_submit(args, context, settings, script, name))


def script_of(args: argparse.Namespace) -> tuple[str, str]:
    """The script and what it is called. Raises CliError."""
    if (args.file is None) == (args.template is None):
        raise CliError("name a script, or a template with --template NAME")
    if args.template is not None:
        found = template(args.template)
        if found is None:
            known = [one.name for one in TEMPLATES]
            raise CliError(f"no template {clean(args.template, 40)!r}{nearest(args.template, known)}")
        return found.text, found.name
    if args.file == "-":
        return sys.stdin.buffer.read(LARGEST + 1).decode("utf-8", "surrogateescape"), ""
    path = Path(args.file).expanduser()
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1).decode("utf-8", "surrogateescape"), path.name
    except OSError as error:
        raise CliError(f"{clean(args.file, 200)}: cannot be read: {error.strerror or error}") from error


async def _submit(args: argparse.Namespace, context: Context, settings: Settings, script: str, name: str) -> int:
    async with slurm_jobs(args, context, settings) as jobs:
        try:
            plan = plan_submit(script, args.rest, name=name, folder=args.chdir)
            check = await _check(jobs, context, script, args)
        except ActionError as error:
            raise CliError(str(error), USAGE) from error
        if args.test:
            return _tested(args, context, check)
        for line in _check_lines(check, context.clock()):
            context.output.note(f"  {tidy(line, 400)}")
        return await carry_through(args, context, jobs, plan, _sender(args, script, name), as_json)


async def _check(jobs: Jobs, context: Context, script: str, args: argparse.Namespace) -> SubmitCheck:
    """What Slurm and the nodes of this moment say; without a picture Slurm alone."""
    try:
        picture = await picture_now(jobs.access, context.clock(), with_nodes=True, with_partitions=True)
    except (SlurmError, SlurmParseError) as error:
        raise CliError(str(error), UNAVAILABLE) from error
    return await jobs.check(script, args.rest, picture, args.chdir)


def _sender(args: argparse.Namespace, script: str, name: str) -> Do:
    """Sends the script as it was shown, and keeps it for another time."""

    async def send(jobs: Jobs, _plan: Plan) -> Outcome:
        origin = args.file or f"template {args.template}"
        return await jobs.submit(script, args.rest, name=name, folder=args.chdir, origin=origin)

    return send


def as_json(_jobs: Jobs, _plan: Plan, outcome: Outcome) -> dict[str, object]:
    """What came of a submission; `id` is all that scripts need."""
    return {
        "schema": SCHEMA,
        "id": outcome.job_id,
        "ok": outcome.ok,
        "text": outcome.text,
        "details": list(outcome.details),
    }


def _tested(args: argparse.Namespace, context: Context, check: SubmitCheck) -> int:
    """What a test brought."""
    if args.json:
        context.output.json(
            {
                "schema": SCHEMA,
                "id": None,
                "ok": check.ok,
                "text": check.said,
                "starts_at": check.starts_at,
                "nodes": list(check.nodes),
                "findings": list(check.findings),
            }
        )
    else:
        context.output.lines([tidy(line, 400) for line in _check_lines(check, context.clock())])
    return OK if check.ok else FOUND


def _check_lines(check: SubmitCheck, now: float) -> list[str]:
    """A check for people."""
    lines = [("would be accepted" if check.ok else "would be refused") + _when(check, now)]
    return [*lines, *check.findings]


def _when(check: SubmitCheck, now: float) -> str:
    from app.domain.hostlist import compress  # noqa: PLC0415 - late: for people only
    from app.services.action_hits import span_text  # noqa: PLC0415 - late: as above

    if check.starts_at is None:
        return ""
    wait_s = check.starts_at - now
    when = "at once" if wait_s < 60 else f"in {span_text(wait_s)}"
    return f": by Slurm's estimate it starts {when}" + (f" on {compress(check.nodes)}" if check.nodes else "")
