"""Giving nodes other pods one after another: the next is drained when the one before has joined.

So a cluster that is whole never lacks more than one node. Which nodes still have the pod that they are to lose stands
in the record (`Deployment.turns`), with that pod's id: whatever ends a run, and whoever mends what it left, the next
look tells what is still to be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from app.domain.deployment import ALL_NODES, Deployment, Node, Pod, PodStatus, Step, Told, Trouble, Turn, replacing
from app.services.deploy import scaling, steps_plan
from app.services.deploy.bringing_up import bring_up, join_again
from app.services.deploy.errors import stop
from app.services.deploy.plans import How
from app.services.deploy.run import Run, must_have_time
from app.services.deploy.verb import in_step


def named(deployment: Deployment, called: Sequence[str]) -> tuple[Node, ...]:
    """The nodes that are meant, in the order of their turns. Raises DeployError.

    As they were named; of all, the workers come first, the newest last, and then the head, which all others need.
    """
    name = deployment.name
    there = tuple(node for node in deployment.nodes if node.pod_id)
    if not there:
        raise stop("not_formed", f"No node of {name} has a pod, so there is none to replace", name=name)
    if ALL_NODES in called:
        if len(called) > 1:
            raise stop("bad_wish", f"--replace {ALL_NODES} is every node already; name no other beside it", name=name)
        return (*scaling.by_age(there), *(node for node in there if node.is_head))
    nodes = tuple(scaling.node_named(deployment, one) for one in called)
    doubled = next((node for at, node in enumerate(nodes) if node in nodes[:at]), None)
    if doubled is not None:
        raise stop("bad_wish", f"--replace names {doubled.name} twice", name=name)
    return nodes


async def roll(run: Run, called: Sequence[str], how: How) -> Deployment:
    """Ask once for all of them, then give each another pod in its turn. Raises DeployError, Declined."""
    named(run.deployment, called)
    await in_step(run, Step.CHECK, steps_plan.check)
    if any(not node.pod_id for node in run.deployment.nodes):
        await steps_plan.take_listed(run)  # a run that was killed may have left its pod where it was
    nodes = named(run.deployment, called)
    await scaling.asked(run, nodes, how, "replace")
    lacking = _lacking(run.deployment, run.pods)
    nodes = tuple(sorted(nodes, key=lambda node: node.key not in lacking))  # what is broken costs nobody a node
    run.keep(turns=tuple(Turn(node.key, node.pod_id) for node in nodes))
    run.amend = partial(_amended, run, nodes, how)
    if _needs_mending(run.deployment, nodes, lacking):
        run.say(f"{run.name} is made whole first, so that no more than one node is missing")
        await bring_up(run, how)
    for number, node in enumerate(nodes, 1):
        must_have_time(run)
        if len(nodes) > 1:
            run.say(f"{node.name} is next, {number} of {len(nodes)}", node=node.name)
        await scaling.exchange(run, run.node(node.key), how)
        if number < len(nodes):
            await join_again(run, node)
            run.say(f"{node.name} is replaced and has joined", Told.NOTE, node=node.name)
    return await bring_up(run, how)


def _lacking(deployment: Deployment, pods: Mapping[str, Pod]) -> frozenset[str]:
    """Keys of the nodes that are known not to be part of the cluster: no pod that runs, half replaced, in trouble."""
    waiting = {node.key for node in deployment.to_replace}
    running = {key for key, pod in pods.items() if pod.status is PodStatus.RUNNING}
    found = {node.key for node in deployment.nodes} - running
    if Step.SLURM in deployment.done:
        return frozenset(found)
    found |= {one.key for one in deployment.turns if one.key not in waiting}
    troubled = deployment.trouble.node if deployment.trouble is not None else ""
    return frozenset(found | {node.key for node in deployment.nodes if troubled in (node.key, node.name)})


def _needs_mending(deployment: Deployment, nodes: Sequence[Node], lacking: frozenset[str]) -> bool:
    """Whether another node than the first may be missing already; a broken one is replaced without waiting for it."""
    if nodes[0].key in lacking:
        return False
    return bool(lacking) or (len(nodes) > 1 and Step.SLURM not in deployment.done)


def _amended(run: Run, nodes: Sequence[Node], how: How, trouble: Trouble) -> Trouble:
    """Where it cannot go on: which are replaced, which are not, and the command that goes on."""
    rest = run.deployment.to_replace
    waiting = {node.key for node in rest}
    halfway = [run.node(one.key) for one in run.deployment.turns if one.key not in waiting]
    open_ = waiting | {node.key for node in halfway}
    told = {
        "replaced": [node for node in nodes if node.key not in open_],
        "half replaced, to be mended first": halfway,
        "not replaced, with the pods they had": rest,
    }
    details = [f"{words}: {', '.join(one.name for one in those)}" for words, those in told.items() if those]
    after = trouble.next
    if rest:
        command = f"{replacing(run.name, rest)}{' --cancel' if how == 'cancel' else ''}"
        mends = f"; it mends {', '.join(one.name for one in halfway)} first" if halfway else ""
        after = f"{after} To go on with replacing: {command}{mends}."
    return replace(trouble, details=(*trouble.details, *details), next=after)
