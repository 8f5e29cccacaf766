"""The verbs of `deploy` that change something, and the plan of one: asked of the service, told, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from app.cli.deploy_asking import STOPPING, Asker, stopping
from app.cli.deploy_ending import Ending, print_ending
from app.cli.deploy_looks import follow, list_all, logs, status
from app.cli.deploy_run import Run, known_of, opened, teller_of
from app.cli.deploy_sight import question_lines
from app.cli.deploy_stop import stop
from app.cli.deploy_wish import wish_of
from app.cli.errors import CliError
from app.config.settings import Settings
from app.domain.deployment import NAME, Deployment, InfraPlan, State, Wish
from app.domain.frozen import frozen
from app.present.infra_view import money
from app.present.units import format_age
from app.services.deploy.deploying import Declined, Deploys
from app.services.deploy.plans import Confirm, How, Listen, Proof
from app.services.deploy.ports import DeployError
from app.services.deploy.wishing import wish_of_settings

FIRST_NAME = "lab"
"""What a first deployment is called where nobody says."""
Came = Deployment | InfraPlan | Proof
Work = Callable[[Listen, Confirm], Awaitable[Came]]


@frozen
class Subject:
    """What a run is about."""

    deploys: Deploys
    name: str
    known: Deployment | None
    """As it was before; None: it is new."""
    wish: Wish | None = None
    """What it is to be; None: that is not the question."""

    @property
    def target(self) -> Wish | str:
        """What the service is given: the name alone where nothing new is wished for."""
        is_new = self.wish is not None and (self.known is None or self.wish != self.known.wish)
        return self.wish if self.wish is not None and is_new else self.name


async def deploy(run: Run) -> int:
    """Bring it up, from the first step that is not done."""
    async with opened(run) as deploys:
        subject = wished(run, deploys)

        async def work(tell: Listen, confirm: Confirm) -> Came:
            return await deploys.deploy(subject.target, tell=tell, confirm=confirm, options=run.options)

        return await _carry(run, subject, work)


async def plan(run: Run) -> int:
    """Show what would be changed."""
    async with opened(run) as deploys:
        subject = wished(run, deploys)

        async def work(tell: Listen, _: Confirm) -> Came:
            return await deploys.plan(subject.target, tell=tell, options=run.options)

        return await _carry(run, subject, work)


async def destroy(run: Run) -> int:
    """End all of it, and prove it."""
    async with opened(run) as deploys:
        name = deploys.chosen(run.args.name)

        async def work(tell: Listen, confirm: Confirm) -> Came:
            return await deploys.destroy(name, tell=tell, confirm=confirm, options=run.options)

        return await _carry(run, Subject(deploys, name, known_of(deploys, name)), work)


async def scale(run: Run) -> int:
    """Grow or shrink."""
    async with opened(run) as deploys:
        name, how = deploys.chosen(run.args.name), _how(run)

        async def work(tell: Listen, confirm: Confirm) -> Came:
            nodes: int = run.args.scale
            return await deploys.scale(name, nodes, tell=tell, confirm=confirm, how=how, options=run.options)

        return await _carry(run, Subject(deploys, name, known_of(deploys, name)), work)


async def replace_nodes(run: Run) -> int:
    """Give nodes other pods, one after another."""
    async with opened(run) as deploys:
        name, how = deploys.chosen(run.args.name), _how(run)

        async def work(tell: Listen, confirm: Confirm) -> Came:
            nodes = tuple(run.args.replace)
            return await deploys.replace(name, nodes, tell=tell, confirm=confirm, how=how, options=run.options)

        return await _carry(run, Subject(deploys, name, known_of(deploys, name)), work)


def _how(run: Run) -> How:
    return "cancel" if run.args.cancel else "wait"


def wished(run: Run, deploys: Deploys) -> Subject:
    """What is wished for: as it was where it lives, else as the configuration says; then what the flags say.

    Raises CliError, and DeployError where it is not clear which deployment is meant.
    """
    name: str = run.args.name
    if not name:
        living = any(one.state is not State.DESTROYED for one in deploys.listed())
        name = deploys.chosen("") if living else _first_name(run.settings)
    found = known_of(deploys, name)
    known = found if found is not None and found.state is not State.DESTROYED else None
    try:
        base = known.wish if known is not None else wish_of_settings(name, run.settings.deploy)
    except ValueError as error:
        raise CliError(str(error)) from error
    return Subject(deploys, name, known, wish_of(run.args, base))


def _first_name(settings: Settings) -> str:
    return settings.cluster.name if NAME.fullmatch(settings.cluster.name) else FIRST_NAME


async def _carry(run: Run, subject: Subject, work: Work) -> int:
    """Carry a verb through and print what came of it, however it ends."""
    deploys, name = subject.deploys, subject.name
    now = run.context.clock()
    teller = teller_of(run, subject.known or Deployment(subject.wish or Wish(name), "", now), now)
    notes = limits(subject.wish) if subject.wish is not None and run.verb == "deploy" else ()
    asker = Asker(run.args, run.context, teller, notes)
    ending = Ending(run.verb, name)
    with stopping(teller, STOPPING) as stop:
        async with teller.running():
            try:
                ending = _with(ending, await work(teller.event, asker.confirm))
            except Declined:
                ending = replace(ending, is_declined=True)
            except DeployError as error:
                ending = replace(ending, trouble=error.trouble)
            except asyncio.CancelledError:
                if not stop.is_asked:
                    raise
                ending = replace(ending, is_interrupted=True)
            finally:
                stop.met()
    record, log = known_of(deploys, name), deploys.folder(name).log
    ending = replace(ending, deployment=record, log=str(log) if log.is_file() else "")
    if ending.plan is not None and not run.args.json:
        _print_plan(run, ending.plan, subject.wish)
    return print_ending(ending, run.context, as_json=run.args.json)


def _with(ending: Ending, came: Came) -> Ending:
    """The ending with what the service gave."""
    match came:
        case InfraPlan():
            return replace(ending, plan=came)
        case Proof():
            return replace(ending, proof=came)
        case Deployment():
            return ending  # what was written down last is printed, and read anew


def limits(wish: Wish) -> tuple[str, ...]:
    """What bounds it, before one says yes to a price an hour."""
    ends = []
    if wish.ttl_s is not None:
        ends.append(f"after {format_age(wish.ttl_s)}")
    if wish.idle_s is not None:
        ends.append(f"once it was idle for {format_age(wish.idle_s)}")
    told = f"it is destroyed by itself {' or '.join(ends)}" if ends else "it is billed until you destroy it (see --ttl)"
    cap = () if wish.max_cost_per_hour is None else (f"it may cost {money(wish.max_cost_per_hour)} and no more",)
    return (*cap, told)


def _print_plan(run: Run, found: InfraPlan, wish: Wish | None) -> None:
    """A plan that was asked for is what the command is for, so it goes to stdout."""
    output = run.context.output
    lines = question_lines(found, run.context.clock(), output.size()[0], ascii_only=not output.is_unicode)
    output.lines([output.render(one) for one in lines])
    if wish is not None and not found.is_empty:
        output.lines([f" {text}" for text in limits(wish)])


VERBS: Mapping[str, Callable[[Run], Coroutine[Any, Any, int]]] = {
    "deploy": deploy,
    "plan": plan,
    "destroy": destroy,
    "scale": scale,
    "replace": replace_nodes,
    "status": status,
    "list": list_all,
    "logs": logs,
    "follow": follow,
    "stop": stop,
}
"""A coroutine a verb; `ssh` hands the process over and is done in `app.cli.deploy`."""
