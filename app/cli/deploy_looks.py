"""The verbs of `deploy` that only look: status, list, logs, following a run, the way in."""

from __future__ import annotations

import asyncio

from app.cli.command import PROGRAM
from app.cli.deploy_asking import stopping
from app.cli.deploy_ending import Ending, print_ending
from app.cli.deploy_following import began_at, failure, follow_run
from app.cli.deploy_run import Run, opened, teller_of
from app.cli.deploy_table import list_lines, status_lines
from app.cli.errors import FOUND, INCOMPLETE, OK, UNAVAILABLE, CliError
from app.domain.deployment import State
from app.domain.naming import clean
from app.services.queries_deploy import list_json, standing_json
from app.transport.clock import SystemClock

LONGEST_LINE = 20_000


async def status(run: Run) -> int:
    """Print how one stands: 1 where something is wrong with it, 2 where the provider could not be asked."""
    async with opened(run) as deploys:
        standing = await deploys.status(deploys.chosen(run.args.name))
    output = run.context.output
    if run.args.json:
        output.json_line(standing_json(standing))
    else:
        output.lines([output.render(one) for one in status_lines(standing, run.look, output.size()[0])])
    if standing.problem:
        return INCOMPLETE
    is_bad = standing.drift or standing.orphans or standing.deployment.state is State.FAILED
    return FOUND if is_bad else OK


async def list_all(run: Run) -> int:
    """Print every record."""
    async with opened(run) as deploys:
        found, unreadable = deploys.listed(), deploys.unreadable()
    output = run.context.output
    if run.args.json:
        output.json_line(list_json(found, unreadable, run.context.clock()))
    else:
        lines = list_lines(found, unreadable, run.look, output.size()[0])
        output.lines([output.render(one) for one in lines])
    return OK


async def logs(run: Run) -> int:
    """Print the last lines of a log of a pod."""
    node, log = run.args.logs
    async with opened(run) as deploys:
        found = await deploys.logs(deploys.chosen(run.args.name), node, log, run.args.lines)
    run.context.output.lines([clean(text, LONGEST_LINE) for text in found])
    return OK


async def follow(run: Run) -> int:
    """Tell the run that goes on elsewhere, from its beginning; Ctrl-C leaves it alone."""
    async with opened(run) as deploys:
        name = deploys.chosen(run.args.name)
        folder = deploys.folder(name)
        teller = teller_of(run, deploys.read(name), began_at(folder, run.context.clock()))
        with stopping(teller, "the run itself goes on") as stop:
            try:
                async with teller.running():
                    is_told = await follow_run(folder, teller, SystemClock())
            except asyncio.CancelledError:
                if not stop.is_asked:
                    raise
                return OK
            finally:
                stop.met()
        record = deploys.read(name)
    if not is_told:
        raise CliError(f"nothing is told of {name}: no run of it has begun yet", UNAVAILABLE)
    return print_ending(
        Ending(run.verb, name, record, log=str(folder.log), trouble=record.trouble or failure(folder)),
        run.context,
        as_json=run.args.json,
    )


async def ssh_words(run: Run) -> tuple[str, ...]:
    """The command that logs in on a node. Raises CliError."""
    async with opened(run) as deploys:
        name = deploys.chosen(run.args.name)
        nodes = deploys.read(name).nodes
        config = deploys.folder(name).ssh_config
    wanted = run.args.ssh
    node = next((one for one in nodes if wanted in (one.key, one.name)), None)
    if node is None:
        there = ", ".join(one.name for one in nodes) or "none yet"
        raise CliError(f"{name} has no node {clean(wanted, 60)!r}; there are: {there}", UNAVAILABLE)
    if not config.is_file():
        raise CliError(f"{node.name} cannot be reached yet; `{PROGRAM} deploy {name}` goes on", UNAVAILABLE)
    return ("ssh", "-F", str(config), node.name, *run.args.rest)
