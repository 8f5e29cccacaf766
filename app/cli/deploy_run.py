"""One run of `deploy`: what it was given, the service it asks, and how it is told."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from app.cli.command import Context
from app.cli.deploy_ending import Ending, result_json, trouble_words
from app.cli.deploy_sight import LineSight, Sight
from app.cli.deploy_told import JsonTeller, LineTeller, LiveTeller, Teller
from app.cli.errors import CliError
from app.config.settings import Settings
from app.domain.deployment import Deployment
from app.domain.frozen import frozen
from app.present.glyphs import ASCII, UNICODE
from app.present.look import Look
from app.services.deploy.building import deploying
from app.services.deploy.deploying import Deploys
from app.services.deploy.plans import Options
from app.services.deploy.ports import DeployError
from app.transport.clock import SystemClock

TITLES = {
    "deploy": "deploying",
    "plan": "planning",
    "destroy": "destroying",
    "scale": "scaling",
    "replace": "replacing nodes of",
    "follow": "following",
}


@frozen
class Run:
    """What the command was given."""

    args: argparse.Namespace
    context: Context
    settings: Settings
    state_dir: Path
    verb: str
    timeout_s: float | None
    retry_s: float | None = None
    """How long places without capacity are tried again; None: as long as usual."""

    @property
    def options(self) -> Options:
        """How the service is to carry it out."""
        usual = Options(self.timeout_s, skip_infra=self.args.skip_infra, volumes=self.args.delete_volume)
        return usual if self.retry_s is None else replace(usual, retry_s=self.retry_s)

    @property
    def look(self) -> Look:
        """How things look on stdout."""
        return Look(self.context.clock(), UNICODE if self.context.output.is_unicode else ASCII)


@contextlib.asynccontextmanager
async def opened(run: Run) -> AsyncIterator[Deploys]:
    """The service; what it refuses, in words on stderr and as an exit code. Raises CliError."""
    try:
        async with deploying(run.settings, run.state_dir, run.context.environ, SystemClock()) as deploys:
            try:
                yield deploys
            except DeployError as error:
                raise _refused(run, error, deploys.listed()) from error
    except DeployError as error:
        raise _refused(run, error, ()) from error


def _refused(run: Run, error: DeployError, listed: tuple[Deployment, ...]) -> CliError:
    """What was refused, with what is billed on: by the deployment that was meant, else by all of them."""
    meant = run.args.name or (listed[0].name if len(listed) == 1 else "")
    one = next((one for one in listed if one.name == meant), None)
    ending = Ending(run.verb, run.args.name, one, trouble=error.trouble, others=listed if one is None else ())
    now, output = run.context.clock(), run.context.output
    if run.args.json:
        output.json_line(result_json(ending, now))
    width = output.note_size()[0] if output.has_reader else 0
    return CliError("\n".join(trouble_words(ending, now, width)), ending.code)


def known_of(deploys: Deploys, name: str) -> Deployment | None:
    """The record of a deployment; None: there is none."""
    return next((one for one in deploys.listed() if one.name == name), None)


def teller_of(run: Run, known: Deployment, began_at: float) -> Teller:
    """How a run that began then is told: as JSON, as lines, or as a picture on a terminal.

    `known`: the deployment as it was before the run, or as it is to be where it is new.
    """
    output = run.context.output
    if run.args.json:
        return JsonTeller(output)
    if not output.can_redraw:
        return LineTeller(output, LineSight(began_at), run.context.clock)
    is_whole = run.verb in ("deploy", "follow")
    title = f"{TITLES[run.verb]} {known.name}"
    sight = Sight(title, known, began_at, is_whole=is_whole, ascii_only=not output.is_unicode)
    return LiveTeller(output, sight, SystemClock())
