"""Pods against what should be there, as readings of nodes: cost, state, and what somebody else did to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.domain.deployment import Pod, PodStatus
from app.domain.reading import NodeReading
from app.domain.rented import COST, GONE, NOTE, POD, STATUS, WAS_ENDED
from app.sources.runpod.expected import Expected, Place

_OUTSIDE: Mapping[PodStatus, str] = {
    PodStatus.EXITED: "was stopped outside; its disk is still billed",
    PodStatus.ERROR: "has failed, as RunPod says",
    PodStatus.TERMINATED: "was terminated outside",
}


def read_nodes(expected: Sequence[Expected], pods: Iterable[Pod], before: Mapping[str, str]) -> tuple[NodeReading, ...]:
    """A reading for each node that should have a pod, for each pod of ours that no node has, and for what was ended.

    `before` is each node's pod at the last look: one that is in no record any more is told of once, as ended.
    """
    listed = {pod.id: pod for pod in pods}
    found: dict[str, NodeReading] = {}
    for one in expected:
        for place in one.places if not one.is_over else ():
            found[place.node] = _node(one, place, listed.get(place.pod_id))
        for pod in _orphans(one, listed.values()):
            found.setdefault(pod.name, _orphan(one, pod))
    for node, pod_id in before.items():
        if node not in found:
            facts = {POD: pod_id, STATUS: GONE, NOTE: WAS_ENDED}
            found[node] = NodeReading(node, {COST: 0.0}, facts)
    return tuple(found.values())


def _node(deployment: Expected, place: Place, pod: Pod | None) -> NodeReading:
    status = PodStatus.TERMINATED if pod is None else pod.status
    note = _OUTSIDE.get(status, "") if deployment.is_settled else ""
    if status is PodStatus.TERMINATED:
        cost: float | None = 0.0
        note = note or WAS_ENDED
    else:
        cost = place.price if pod is None or pod.cost_per_hour is None else pod.cost_per_hour
    facts = {
        POD: place.pod_id,
        STATUS: status.value,
        NOTE: note,
        "deployment": deployment.name,
        "gpu_type": (pod.gpu_type if pod else "") or place.gpu_type,
        "data_center": pod.data_center if pod else "",
    }
    values = {} if cost is None else {COST: cost}
    return NodeReading(place.node, values, facts, gpus_expected=place.gpus or (pod.gpus if pod else None) or None)


def _orphans(deployment: Expected, pods: Iterable[Pod]) -> list[Pod]:
    """Billed pods by a deployment's name that none of its nodes has; a run that is under way may be making one."""
    if not deployment.is_settled and not deployment.is_over:
        return []
    known = {place.pod_id for place in deployment.places} if not deployment.is_over else set()
    return [pod for pod in pods if pod.is_billed and pod.name.startswith(deployment.prefix) and pod.id not in known]


def _orphan(deployment: Expected, pod: Pod) -> NodeReading:
    facts = {
        POD: pod.id,
        STATUS: pod.status.value,
        NOTE: f"belongs to no node of {deployment.name} and is billed; see: deploy {deployment.name} --status",
        "deployment": deployment.name,
        "gpu_type": pod.gpu_type,
        "data_center": pod.data_center,
    }
    return NodeReading(pod.name, {} if pod.cost_per_hour is None else {COST: pod.cost_per_hour}, facts)
