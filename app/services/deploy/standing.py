"""Record and provider side by side: what somebody else changed, and pods of ours that no node uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.deployment import Deployment, Node, Pod, PodStatus, State
from app.services.deploy.plans import Drift, Standing
from app.services.deploy.sweep import ours

_SETTLED = frozenset({State.READY, State.FAILED})


def standing(deployment: Deployment, pods: Sequence[Pod], asked_at: float, held_by: str) -> Standing:
    """How a deployment stands, by its record and by what the provider lists of the whole account. Pure."""
    listed = {pod.id: pod for pod in ours(pods, deployment.prefix)}
    playing = {node.key: listed[node.pod_id] for node in deployment.nodes if node.pod_id in listed}
    used = {pod.id for pod in playing.values()}
    drift = tuple(
        found
        for node in deployment.nodes
        if (found := _drift(deployment, node, playing, is_held=bool(held_by))) is not None
    )
    orphans = tuple(pod for pod in listed.values() if pod.id not in used)
    return Standing(deployment, asked_at, playing, drift, orphans, "", held_by)


def _drift(deployment: Deployment, node: Node, playing: Mapping[str, Pod], *, is_held: bool) -> Drift | None:
    """What is not as it was left; while a run works on it, nothing is."""
    if is_held or deployment.state not in _SETTLED:
        return None
    pod = playing.get(node.key)
    if not node.pod_id:
        return Drift(node.name, "", "it has no pod yet", "unplaced")
    if pod is None:
        return Drift(node.name, node.pod_id, "its pod was terminated outside", "gone")
    match pod.status:
        case PodStatus.EXITED:
            return Drift(node.name, pod.id, "its pod was stopped; its disk is still billed", "stopped")
        case PodStatus.ERROR:
            return Drift(node.name, pod.id, "its pod ended in an error", "error")
        case _:
            return None
