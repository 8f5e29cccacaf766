"""`deploy --stop`: ends a run that the daemon goes on with, where that is safe; what is there stays, and is billed."""

from __future__ import annotations

from app.cli.deploy_ending import Ending, billed_words, result_json
from app.cli.deploy_run import Run, opened
from app.cli.errors import BUSY, OK, UNAVAILABLE, CliError
from app.services.deploy.agreement import carrier, drop_agreement
from app.services.deploy.lock import holder
from app.transport.clock import SystemClock

POLL_S = 0.5
MOST_S = 150.0
"""Terraform may take a minute to end what it is at, and what it made is looked for after it."""


async def stop(run: Run) -> int:
    """Take back what was agreed to, and wait until the daemon has let go of it."""
    async with opened(run) as deploys:
        name = deploys.chosen(run.args.name)
        deploys.read(name)
        folder = deploys.folder(name)
        held_by, here = holder(folder), carrier(run.state_dir)
        if held_by and not (here and held_by.startswith(f"{here} ")):
            raise CliError(f"{held_by} works on {name}: stop it where it was begun, with Ctrl-C", BUSY)
        if not held_by and not folder.agreed.is_file():
            raise CliError(f"nothing goes on with {name}", UNAVAILABLE)
        drop_agreement(folder)
        run.context.output.note("stopping: the daemon ends first what Terraform is at, which may take a minute")
        clock = SystemClock()
        until = clock.monotonic() + MOST_S
        while holder(folder):
            if clock.monotonic() > until:
                raise CliError(f"{held_by} still works on {name}; `deploy {name} --follow` shows at what", BUSY)
            await clock.sleep(POLL_S)
        record = deploys.read(name)
    output, now = run.context.output, run.context.clock()
    if run.args.json:
        output.json_line(result_json(Ending(run.verb, name, record, log=str(folder.log)), now))
    else:
        output.lines([f"{name} was stopped; billed: {billed_words(record, now)}"])
    return OK
