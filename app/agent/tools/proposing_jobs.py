"""propose_cancel … propose_submit: actions on jobs and nodes, planned as the commands and the screen plan them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from app.agent.door import hides
from app.agent.ground import Ground
from app.agent.tools.places import job_text, node_name
from app.agent.tools.proposing import proposed, slurm_of
from app.agent.tools.tool import Found, ToolError
from app.domain.job_actions import ActionVerb
from app.services import actions
from app.services.action_targets import ActionError
from app.services.submitting import plan_submit

Jobs = Annotated[list[str], "ids of the jobs: 812, 820_3"]
Nodes = Annotated[list[str], "names of the nodes"]
Why = Annotated[str, "one sentence for the person: why this should be done"]


async def propose_cancel(ground: Ground, jobs: Jobs, why: Why) -> Found:
    """Propose to cancel jobs; running ones lose their work. Nothing is done until the person presses the key."""
    return _plan(ground, "cancel", _ids(jobs), why)


async def propose_hold(ground: Ground, jobs: Jobs, why: Why) -> Found:
    """Propose to hold waiting jobs, so that they do not start. Nothing is done until the person presses the key."""
    return _plan(ground, "hold", _ids(jobs), why)


async def propose_release(ground: Ground, jobs: Jobs, why: Why) -> Found:
    """Propose to release held jobs, so that they may start. Nothing is done until the person presses the key."""
    return _plan(ground, "release", _ids(jobs), why)


async def propose_requeue(ground: Ground, jobs: Jobs, why: Why) -> Found:
    """Propose to stop running jobs and queue them anew. Nothing is done until the person presses the key."""
    return _plan(ground, "requeue", _ids(jobs), why)


async def propose_drain(
    ground: Ground,
    nodes: Nodes,
    reason: Annotated[str, "reason that Slurm keeps with the node, read by others"],
    why: Why,
) -> Found:
    """Propose to drain nodes: jobs go on, no new ones start. Nothing is done until the person presses the key."""
    return _plan(ground, "drain", _names(ground, nodes), why, reason)


async def propose_undrain(ground: Ground, nodes: Nodes, why: Why) -> Found:
    """Propose to let drained or down nodes take jobs again. Nothing is done until the person presses the key."""
    return _plan(ground, "undrain", _names(ground, nodes), why)


async def propose_submit(
    ground: Ground,
    script: Annotated[str, "the whole batch script, beginning with #! and with its #SBATCH lines", 60_000],
    why: Why,
    options: Annotated[list[str] | None, "options of sbatch that win over the script's: --gres=gpu:2"] = None,
    name: Annotated[str | None, "name of the job where the script gives none"] = None,
) -> Found:
    """Propose to submit a batch script (sbatch). Nothing is done until the person presses the key."""
    slurm_of(ground)
    if not script.startswith("#!"):
        raise ToolError("a batch script begins with #!, such as #!/bin/bash")
    if hides(script):
        raise ToolError("the script has characters that a reader would not see (controls, right-to-left marks)")
    try:
        plan = plan_submit(script + "\n", options or (), name=name or "")
    except ActionError as error:
        raise ToolError(str(error)) from error
    return proposed(ground, plan, why)


def _plan(ground: Ground, verb: ActionVerb, targets: Sequence[str], why: str, reason: str = "") -> Found:
    """The plan as the screen makes it, from Slurm as it is now. Raises ToolError."""
    jobs, picture = slurm_of(ground)
    try:
        plan = actions.plan(verb, targets, picture, now=ground.feed.now(), user=jobs.user, reason=reason)
    except ActionError as error:
        raise ToolError(str(error)) from error
    _refuse_strangers(plan.warnings)
    return proposed(ground, plan, why)


def _refuse_strangers(warnings: Sequence[str]) -> None:
    """A person may name what we do not see; a proposal may not: what is nowhere was made up."""
    missing = [one for one in warnings if one.startswith(("not in Slurm's queue", "Slurm lists no node"))]
    if missing:
        raise ToolError(f"{missing[0]}: propose only what jobs or slurm_status list")


def _ids(jobs: Sequence[str]) -> list[str]:
    return [job_text(one) for one in jobs]


def _names(ground: Ground, nodes: Sequence[str]) -> list[str]:
    """Nodes by the names that Slurm knows them by. Raises ToolError for one that nobody knows."""
    slurm_of(ground)
    snapshot = ground.feed.latest()
    picture = snapshot.slurm
    found = []
    for one in nodes:
        if "[" in one or "," in one or (picture is not None and one in picture.nodes):
            found.append(one)  # a list of hosts is written out by who plans
            continue
        name = node_name(snapshot, one)
        if picture is not None and name not in picture.nodes:
            from app.domain.allocation import allocations  # noqa: PLC0415 - only for names that differ

            told = allocations(snapshot, ground.feed.now()).node(name)
            name = told.name if told is not None else name
        found.append(name)
    return found
