"""From a wish to a running cluster: the steps in order, those that are done passed over, Terraform asked every time."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, replace

from app.domain.deployment import Deployment, Node, State, Step, Told, Wish
from app.services.deploy import steps_plan, steps_pods
from app.services.deploy.errors import stop
from app.services.deploy.plans import How
from app.services.deploy.run import Run, before
from app.services.deploy.scaling import shrink
from app.services.deploy.verb import in_step

WORK: Mapping[Step, Callable[[Run], Awaitable[None]]] = {
    Step.CHECK: steps_plan.check,
    Step.PLAN: steps_plan.plan,
    Step.PODS: steps_plan.pods,
    Step.REACH: steps_pods.reach,
    Step.INSTALL: steps_pods.install,
    Step.GPUS: steps_pods.gpus,
    Step.SLURM: steps_pods.slurm,
    Step.JOB: steps_pods.job,
    Step.MODEL: steps_pods.model,
    Step.WATCH: steps_pods.watch,
}
"""What each step does."""
TO_JOIN = (Step.REACH, Step.INSTALL, Step.GPUS, Step.SLURM)
_MAY_CHANGE = frozenset({"gpu_types", "by_price", "data_centers", "max_cost_per_hour", "ttl_s", "idle_s", "burn_in"})
"""Parts of a wish that may change while there are pods: they say where new ones go, and until when."""


async def bring_up(run: Run, how: How = "wait") -> Deployment:
    """All steps, from the first that is not done; `how`: what becomes of jobs where there are too many nodes."""
    if run.options.skip_infra:
        await _found_pods(run)
        await finish_steps(run)
        return run.deployment
    await in_step(run, Step.CHECK, WORK[Step.CHECK])
    await shrink(run, run.deployment.wish.nodes, how)
    for step in (Step.PLAN, Step.PODS):
        await in_step(run, step, WORK[step])
    await finish_steps(run)
    return run.deployment


async def join_again(run: Run, node: Node) -> None:
    """The steps after which a node with another pod works as it did; those over all nodes are left to the last one."""
    serves = node.is_head and bool(run.deployment.wish.model)
    for step in (*TO_JOIN, *((Step.MODEL,) if serves else ()), Step.WATCH):
        await in_step(run, step, WORK[step])


async def finish_steps(run: Run) -> None:
    """What comes after the pods, and the last word on the record."""
    for step in steps_pods.AFTER_PODS:
        if step in run.deployment.done:
            run.step = step
            run.say(f"{step.value} was done before", Told.SKIPPED)
            run.step = None
        else:
            await in_step(run, step, WORK[step])
    run.keep(state=State.READY, trouble=None)


async def _found_pods(run: Run) -> None:
    """With --skip-infra: the pods that the record names are looked up, and everything on them is done again."""
    if not run.deployment.nodes or any(not node.pod_id for node in run.deployment.nodes):
        raise stop("no_pods", f"{run.name} has no pods of its own to go on with", name=run.name)
    await steps_pods.known_pods(run)
    run.keep(state=State.DEPLOYING, trouble=None, done=before(Step.REACH))


def fresh(wish: Wish, now: float) -> Deployment:
    """A deployment that nothing was done for yet; its id is drawn."""
    return Deployment(wish, secrets.token_hex(4), now)


def again(known: Deployment, now: float) -> Deployment:
    """A deployment that was destroyed and begins anew with the network volume that it left: its id stays."""
    return Deployment(known.wish, known.id, now, volume_id=known.volume_id, volume_center=known.volume_center)


def wished(known: Deployment, wish: Wish, now: float) -> Deployment:
    """A deployment as it is wished for now. Raises DeployError where that would be another one (`wish_differs`).

    One without pods may be wished for anew; one with pods keeps what its pods were made of. A network volume that is
    there stays in either case, and can only grow.
    """
    if known.volume_id and not any(node.pod_id for node in known.nodes):
        wish = replace(wish, volume_gb=max(wish.volume_gb, known.wish.volume_gb))
    different = [one.name for one in fields(Wish) if getattr(wish, one.name) != getattr(known.wish, one.name)]
    if not any(node.pod_id for node in known.nodes):
        return replace(known, wish=wish, nodes=(), done=(), deadline_at=None) if different else known
    fixed = [name for name in different if name not in _MAY_CHANGE]
    if fixed:
        told = ", ".join(f"{name} is {getattr(known.wish, name)!r}" for name in fixed)
        raise stop("wish_differs", f"{wish.name} was made with other wishes: {told}", name=wish.name)
    is_over = known.deadline_at is not None and now >= known.deadline_at
    # The pods watch over both times themselves, and are told of them when Slurm is formed.
    is_retimed = is_over or not {"ttl_s", "idle_s"}.isdisjoint(different)
    done = tuple(step for step in known.done if step is not Step.SLURM) if is_retimed else known.done
    deadline_at = known.deadline_at
    if "ttl_s" in different or is_over:
        deadline_at = None if wish.ttl_s is None else now + wish.ttl_s
    return replace(known, wish=wish, done=done, deadline_at=deadline_at)
