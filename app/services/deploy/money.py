"""What a deployment costs: the rate of what is listed, the price of a node, and the cap. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.deployment import Deployment, Offer, Pod, PodStatus

EPSILON = 1e-6
"""$/h: prices are sums of floats."""
_COSTS = frozenset({PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.RUNNING})


def rate(deployment: Deployment, ours: Iterable[Pod]) -> float:
    """$/h of everything of ours that the provider lists; what has no price of its own costs what its offer said."""
    prices = {node.pod_id: node.offer.price or 0.0 for node in deployment.nodes if node.pod_id}
    return sum(
        prices.get(pod.id, 0.0) if pod.cost_per_hour is None else pod.cost_per_hour for pod in ours if pod.is_billed
    )


def assumed_rate(deployment: Deployment) -> float:
    """$/h by our own prices, where the provider cannot be asked."""
    return sum(node.offer.price or 0.0 for node in deployment.nodes if node.pod_id)


def offer_of(pod: Pod, before: Offer) -> Offer:
    """The offer a pod was made of, as far as the provider tells it; a stopped pod does not tell its price."""
    gpus = pod.gpus or before.gpus
    cost = pod.cost_per_hour if pod.status in _COSTS and pod.cost_per_hour else None
    is_same = before.gpu_type == pod.gpu_type
    known = before.price_per_gpu if is_same else None
    return replace(
        before,
        gpu_type=pod.gpu_type or before.gpu_type,
        gpus=gpus,
        data_center=pod.data_center or before.data_center,
        cloud=pod.cloud or before.cloud,
        price_per_gpu=cost / gpus if cost is not None and gpus else known,
    )


def over_cap(deployment: Deployment, per_hour: float | None) -> bool:
    """Whether a rate breaks the deployment's cap; an unknown one does."""
    cap = deployment.wish.max_cost_per_hour
    return cap is not None and (per_hour is None or per_hour > cap + EPSILON)
