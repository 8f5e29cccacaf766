"""Shrinking a cluster, and giving a node another pod: Slurm first, then the money.

A node that is to go takes no new jobs, its jobs end or are cancelled, it leaves Slurm, and only then its pod does. The
new size is written down before that, so that a run that was interrupted is gone on with by the next one; a node that
stays after all takes jobs again when Slurm is formed the next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.domain.deployment import HEAD, Deployment, Node, PodStatus, State, Step, Told
from app.services.deploy import sweep
from app.services.deploy.errors import stop
from app.services.deploy.placing_pods import Search, apply, make_pods
from app.services.deploy.plan_check import checked
from app.services.deploy.plans import How, Removal, Why
from app.services.deploy.ports import DRAINED, DeployError, ProviderError
from app.services.deploy.run import Run, before, must_have_head, must_have_time


def surplus(deployment: Deployment, nodes: int) -> tuple[Node, ...]:
    """The workers that are more than so many nodes: the newest."""
    return by_age(deployment.nodes)[max(0, nodes - 1) :]


def by_age(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The workers among them, the newest last."""
    return tuple(sorted((node for node in nodes if not node.is_head), key=lambda node: _number(node.key)))


async def shrink(run: Run, nodes: int, how: How) -> None:
    """Let the workers go that are more than so many nodes. Raises DeployError, Declined."""
    leaving = surplus(run.deployment, nodes)
    if not leaving:
        return
    await asked(run, leaving, how, "scale")
    run.keep(wish=replace(run.deployment.wish, nodes=nodes))
    done = run.deployment.done
    await emptied(run, leaving, how)
    keys = frozenset(node.key for node in leaving)
    run.keep(
        nodes=tuple(node for node in run.deployment.nodes if node.key not in keys),
        done=tuple(step for step in done if step is not Step.WATCH),
    )
    await sweep.lay_out(run)
    await sweep.settle(run)
    plan = checked(run, await run.infra.plan(), ends=keys)
    if not plan.is_empty:
        applied = await apply(run, plan)
        if stays := keys.intersection(await run.infra.pods()):
            words = "; ".join(words for _, words in applied.errors) or "Terraform does not say why"
            names = ", ".join(node.name for node in leaving if node.key in stays)
            raise stop("terraform_failed", f"The pods of {names} were not ended: {words}", name=run.name)
    for node in leaving:
        await run.forget(node)
        run.say(f"{node.name} is gone", node=node.name)


async def exchange(run: Run, node: Node, how: How) -> None:
    """Give one node another pod; the steps after the pods are to be done again. Raises DeployError."""
    search = Search(run)
    await search.could_go_elsewhere((node.key,))  # before a job is disturbed
    await emptied(run, (node,), how)
    await run.forget(node)
    run.keep(done=before(Step.REACH))
    await sweep.settle(run)
    nodes = run.deployment.nodes
    try:
        await search.elsewhere((node.key,))
    except (DeployError, ProviderError):
        run.keep(nodes=nodes)  # while jobs were waited for, its place was taken: the pod it has is there still
        raise
    await sweep.lay_out(run)
    held = {node.key}.intersection(await sweep.known(run))
    plan = checked(run, await run.infra.plan(replace=sorted(held)), ends=frozenset((node.key,)))
    await make_pods(run, search, plan)


async def asked(run: Run, nodes: Sequence[Node], how: How, why: Why) -> None:
    """Show whoever decides which pods end, and which jobs run there. Raises Declined, DeployError."""
    await sweep.look(run)
    jobs = tuple(sorted(await _jobs_if_any(run, nodes)))
    pods = tuple(run.pods[node.key] for node in nodes if node.key in run.pods)
    spent = run.deployment.billing.until(run.clock.now())
    await run.agreed(Removal(run.name, why, pods, tuple(node.name for node in nodes), jobs, how, (), spent))


async def emptied(run: Run, nodes: Sequence[Node], how: How) -> None:
    """Let nodes run out of jobs and leave Slurm. Raises DeployError.

    A cluster that was never formed has no jobs. When the head itself goes, nobody is left to ask if it is silent.
    """
    if not run.deployment.is_formed:
        return
    # However this ends, Slurm is to be formed again: nodes that stay would take no job for ever.
    done = tuple(step for step in run.deployment.done if step is not Step.SLURM)
    run.keep(state=State.DEPLOYING, trouble=None, done=done)
    try:
        await _emptied(run, nodes, how)
    except DeployError as error:
        if error.trouble.code in {"jobs_running", "too_late"} or not any(node.is_head for node in nodes):
            raise
        run.say(f"the head cannot be asked, and goes all the same: {error.trouble.what}", Told.WARNING)


async def _emptied(run: Run, nodes: Sequence[Node], how: How) -> None:
    head = must_have_control(run, nodes)
    for node in _touched(run, nodes):
        await run.hands.drain(head, node, DRAINED)
        run.say(f"{node.name} takes no new jobs", node=node.name)
    jobs = sorted(await _jobs(run, head, nodes))
    if how == "cancel" and jobs:
        await run.hands.cancel_jobs(head, jobs)
        run.say(f"{len(jobs)} jobs cancelled: {', '.join(jobs[:20])}", Told.WARNING, jobs=jobs)
    began, limit_s = run.clock.monotonic(), run.options.jobs_s
    while jobs := sorted(await _jobs(run, head, nodes)):
        if limit_s is not None and run.clock.monotonic() - began > limit_s:
            what = f"Jobs {', '.join(jobs[:20])} still run after {limit_s:.0f} s; their nodes take no new ones"
            raise stop("jobs_running", what, name=run.name)
        must_have_time(run)  # while we hold the lock, nobody else ends it
        run.say(f"waiting for the jobs {', '.join(jobs[:20])}", Told.PROGRESS, jobs=jobs)
        await run.clock.sleep(run.pace.jobs_s)
    for node in nodes:
        if not node.is_head:
            await run.hands.leave(head, node)
            run.say(f"{node.name} left Slurm", node=node.name)


def must_have_control(run: Run, nodes: Sequence[Node]) -> Node:
    """The head, also one that has lost its place in the record because it is to be replaced."""
    return next((node for node in nodes if node.is_head), None) or must_have_head(run)


def node_named(deployment: Deployment, called: str) -> Node:
    """The node with a name or a key. Raises DeployError."""
    found = next((node for node in deployment.nodes if called in (node.name, node.key)), None)
    if found is None:
        names = ", ".join(node.name for node in deployment.nodes) or "none"
        what = f"{deployment.name} has no node {called!r}; its nodes are: {names}"
        raise stop("no_such_node", what, name=deployment.name)
    return found


async def _jobs_if_any(run: Run, nodes: Sequence[Node]) -> frozenset[str]:
    """The jobs on nodes; none where nobody can be asked."""
    if not run.deployment.is_formed:
        return frozenset()
    try:
        return await _jobs(run, must_have_control(run, nodes), nodes)
    except DeployError as error:
        run.say(f"the jobs on the nodes are not known: {error.trouble.what}", Told.WARNING)
        return frozenset()


async def jobs_now(run: Run) -> tuple[str, ...]:
    """The jobs that run anywhere on the cluster; none where the head does not say in time."""
    head = run.pods.get(HEAD)
    if head is None or head.status is not PodStatus.RUNNING:
        return ()
    try:
        async with asyncio.timeout(run.pace.asked_s):
            return tuple(sorted(await _jobs_if_any(run, run.deployment.nodes)))
    except TimeoutError:
        run.say("the jobs on the nodes are not known: the head does not answer in time", Told.WARNING)
        return ()


async def _jobs(run: Run, head: Node, nodes: Sequence[Node]) -> frozenset[str]:
    return frozenset([job for node in _touched(run, nodes) for job in await run.hands.jobs_on(head, node)])


def _touched(run: Run, nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes whose jobs end: all of them where the head goes."""
    return run.deployment.nodes if any(node.is_head for node in nodes) else tuple(nodes)


def _number(key: str) -> int:
    digits = key.removeprefix("w")
    return int(digits) if digits.isdigit() else 0
