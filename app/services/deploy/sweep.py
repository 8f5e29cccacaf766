"""What the provider lists of ours against what Terraform knows: an orphan is adopted for its node, or ended.

A pod is ours by the beginning of its name, which holds the deployment's drawn id. An apply that was interrupted may
leave a pod that Terraform never heard of, and that the provider lists only after Terraform has ended: so it is looked
for several times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.domain.deployment import Deployment, Node, Pod, PodStatus, Step, Told
from app.domain.frozen import frozen
from app.services.deploy import money
from app.services.deploy.ports import InfraError
from app.services.deploy.run import Run, before

_BROKEN = frozenset({PodStatus.ERROR, PodStatus.EXITED})
_ORDER = {PodStatus.RUNNING: 0, PodStatus.STARTING: 1, PodStatus.PROVISIONING: 2}


@frozen
class Verdict:
    """What is to become of the pods that Terraform does not know as ours."""

    adopt: tuple[tuple[str, Pod], ...] = ()
    """Node key and the pod that is to play it."""
    end: tuple[Pod, ...] = ()


def ours(pods: Iterable[Pod], prefix: str) -> tuple[Pod, ...]:
    """The billed pods of a deployment, oldest first."""
    found = [pod for pod in pods if pod.name.startswith(prefix) and pod.is_billed]
    return tuple(sorted(found, key=lambda pod: (pod.created_at or 0.0, pod.id)))


def key_of(pod: Pod, prefix: str) -> str:
    """Key of the node that a pod was made for."""
    return pod.name.removeprefix(prefix)


def judge(deployment: Deployment, state: Mapping[str, str], listed: Iterable[Pod]) -> Verdict:
    """Decide over pods that are not in Terraform's state. Pure.

    A node keeps the pod that Terraform knows, which may not be listed yet. Where it knows none, or another than the
    record and only the record's is listed, the one that played the node goes on; else the one that is furthest. What
    is broken, too many or not wished for ends.
    """
    wished = {node.key: node for node in deployment.nodes}
    by_key: dict[str, list[Pod]] = {}
    for pod in listed:
        by_key.setdefault(key_of(pod, deployment.prefix), []).append(pod)
    adopt: list[tuple[str, Pod]] = []
    end: list[Pod] = []
    for key, pods in by_key.items():
        known = state.get(key, "")
        strangers = [pod for pod in pods if pod.id != known]
        if key in wished and len(strangers) == len(pods):
            played = wished[key].pod_id
            chosen = _best([pod for pod in strangers if not known or pod.id == played], played)
            if chosen is not None:
                adopt.append((key, chosen))
                strangers.remove(chosen)
        end += strangers
    return Verdict(tuple(adopt), tuple(end))


def _best(pods: list[Pod], played: str) -> Pod | None:
    whole = [pod for pod in pods if pod.status not in _BROKEN or pod.id == played]
    return min(whole, key=lambda pod: (pod.id != played, _ORDER.get(pod.status, 3)), default=None)


async def look(run: Run) -> tuple[Pod, ...]:
    """What the provider lists of ours now; the rate follows it."""
    found = ours(await run.provider.pods(), run.deployment.prefix)
    run.bill(money.rate(run.deployment, found))
    ids = {node.pod_id: node.key for node in run.deployment.nodes if node.pod_id}
    run.pods = {ids[pod.id]: pod for pod in found if pod.id in ids}
    return found


@frozen
class Settled:
    """What came of settling."""

    missing: frozenset[str]
    """Keys of wished nodes without a pod."""
    has_changed: bool
    """Terraform's state, or who plays which node, is not as it was before."""


async def settle(run: Run) -> Settled:
    """Make Terraform's state and the record say what the provider lists. Raises ProviderError, InfraError."""
    before_ = {node.key: node.pod_id for node in run.deployment.nodes}
    gone = len(run.gone)
    state = await known(run)
    has_forgotten = len(run.gone) < gone
    verdict = judge(run.deployment, state, await look(run))
    await end_all(run, verdict.end)
    for key, pod in verdict.adopt:
        if await _adopt(run, key, pod, is_stale=key in state):
            state[key] = pod.id
        else:
            state.pop(key, None)
    await take_over(run, state)
    await look(run)
    run.keep(nodes=tuple(_listed(run, node) for node in run.deployment.nodes))
    after = {node.key: node.pod_id for node in run.deployment.nodes}
    missing = frozenset(key for key, pod_id in after.items() if not pod_id)
    return Settled(missing, has_forgotten or verdict != Verdict() or after != before_)


async def known(run: Run) -> dict[str, str]:
    """Pod ids by node key as Terraform has them, without those that somebody else ended. Raises InfraError."""
    state = dict(await run.infra.pods())
    for key in [key for key, pod_id in state.items() if pod_id in run.gone]:
        await run.infra.forget(key)
        run.gone.discard(state.pop(key))
    return state


async def look_for_all(run: Run) -> tuple[Pod, ...]:
    """Look again where a pod of the record is not listed: only one that is missing every time is gone."""
    expected = {node.pod_id for node in run.deployment.nodes if node.pod_id}
    found = await look(run)
    for _ in range(2):
        if expected <= {pod.id for pod in found}:
            return found
        await run.clock.sleep(run.pace.poll_s)
        found = await look(run)
    lost = expected - {pod.id for pod in found}
    run.gone |= lost
    for node in run.deployment.nodes:
        if node.pod_id in lost:
            run.say(
                f"pod {node.pod_id} of {node.name} was ended outside", Told.WARNING, node=node.name, pod=node.pod_id
            )
    return found


async def end_all(run: Run, pods: Iterable[Pod]) -> None:
    """End pods that nothing of ours uses. Raises ProviderError."""
    for pod in pods:
        run.say(f"pod {pod.id} ({pod.name}) belongs to no node: it is ended", Told.WARNING, pod=pod.id)
        await run.provider.terminate(pod.id)


async def take_over(run: Run, state: Mapping[str, str]) -> None:
    """Write down which pods play the nodes; a node with another pod than before has to be set up anew."""
    nodes: list[Node] = []
    is_new = False
    for node in run.deployment.nodes:
        pod_id = state.get(node.key, "")
        if pod_id != node.pod_id:
            is_new = True
            if node.pod_id and Step.REACH in run.deployment.done:
                await run.forget(node)
        nodes.append(replace(node, pod_id=pod_id))
    done = tuple(step for step in run.deployment.done if step in before(Step.REACH)) if is_new else run.deployment.done
    run.keep(nodes=tuple(nodes), done=done)


async def settle_late(run: Run, in_flight: frozenset[str]) -> None:
    """Settle again and again while pods that were being made may still appear. Raises ProviderError, InfraError."""
    for pause_s in run.pace.sweep_s:
        await run.clock.sleep(pause_s)
        settled = await settle(run)
        if not in_flight.intersection(settled.missing):
            return


async def _adopt(run: Run, key: str, pod: Pod, *, is_stale: bool) -> bool:
    """Take a pod into Terraform's state; one that it refuses and that never worked for us is ended instead."""
    node = run.node(key)
    run.keep_node(replace(node, offer=money.offer_of(pod, node.offer)))
    await lay_out(run)
    try:
        if is_stale:
            await run.infra.forget(key)
        await run.infra.adopt(key, pod.id)
    except InfraError as error:
        if Step.REACH in run.deployment.done:  # it works, whatever Terraform says
            raise
        run.say(f"pod {pod.id} ({pod.name}) could not be taken over: {error}", Told.WARNING, node=node.name)
        await end_all(run, (pod,))
        return False
    run.say(f"pod {pod.id} was made for {node.name} and is taken over", node=node.name, pod=pod.id)
    return True


async def lay_out(run: Run) -> None:
    """Write module and variables for the nodes that have a place. Raises InfraError."""
    placed = tuple(node for node in run.deployment.nodes if node.offer.gpu_type)
    await run.infra.prepare(replace(run.deployment, nodes=placed), await run.parts.public_key(run.folder))


def _listed(run: Run, node: Node) -> Node:
    """A node with the price that its pod really has."""
    pod = run.pods.get(node.key)
    return node if pod is None else replace(node, offer=money.offer_of(pod, node.offer))
