"""A plan of Terraform's held against what was asked for: it may end no pod that nobody asked to end, nor the volume."""

from __future__ import annotations

from app.domain.deployment import InfraPlan
from app.services.deploy.errors import stop
from app.services.deploy.run import Run
from app.services.terraform.addresses import VOLUME_ADDRESS

_ENDS = frozenset({"delete", "replace", "forget"})
_BROKEN = frozenset({"replace_because_tainted", "tainted"})
"""Terraform's words for what was made only in part; nothing runs on it."""


def checked(run: Run, plan: InfraPlan, ends: frozenset[str] = frozenset()) -> InfraPlan:
    """The plan, if it ends no more than the pods of `ends` (node keys), broken ones, and those of no node.

    A node that left the record was agreed to go, by a run that did not come to its end. The network volume, and what
    is on it, goes with a destroy alone. Raises DeployError.
    """
    _spares_volume(run, plan)
    wished = {node.key for node in run.deployment.nodes}
    doubled = [
        one.node
        for one in plan.changes
        if one.action == "create" and one.node in wished - ends and one.node in run.pods
    ]
    if doubled:
        names = ", ".join(run.node(key).name for key in doubled)
        raise stop("terraform_stale", f"Terraform has lost sight of pods that run: {names}", name=run.name)
    surplus = [
        change
        for change in plan.changes
        if change.action in _ENDS and change.node in wished - ends and change.reason not in _BROKEN
    ]
    if not surplus:
        return plan
    told = [f"{change.address}: {change.action}{f' ({change.reason})' if change.reason else ''}" for change in surplus]
    for change in surplus:
        told += [f"  {name}: {was} -> {is_}" for name, was, is_ in change.attributes[:5]]
    what = f"Terraform would end what runs: {', '.join(change.address for change in surplus[:5])}."
    raise stop("plan_destroys", what, name=run.name, details=told)


def _spares_volume(run: Run, plan: InfraPlan) -> None:
    """See that the volume stays. Raises DeployError."""
    ending = [one for one in plan.changes if one.address == VOLUME_ADDRESS and one.action in _ENDS]
    if not ending or ending[0].reason in _BROKEN:
        return
    told = [f"{name}: {was} -> {is_}" for name, was, is_ in ending[0].attributes[:10]]
    what = f"Terraform would {ending[0].action} the network volume {run.deployment.volume_id}".rstrip()
    raise stop("plan_loses_volume", f"{what}, and what is on it would be lost", name=run.name, details=told)
