"""What `deploy --json` prints, an object a line that says its `kind`, and the API repeats (docs/schema/deploy.json)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from app.domain.deployment import Change, DeployEvent, Deployment, InfraPlan, Node, Pod, Trouble
from app.services.deploy.journal import as_json
from app.services.deploy.plans import Proof, Removal, Standing

SCHEMA = 1


def event_json(event: DeployEvent) -> dict[str, Any]:
    """One event, as the journal has it."""
    return {"schema": SCHEMA, "kind": "event", **as_json(event)}


def question_json(question: InfraPlan | Removal) -> dict[str, Any]:
    """What is asked before it is done."""
    return plan_json(question) if isinstance(question, InfraPlan) else removal_json(question)


def plan_json(plan: InfraPlan) -> dict[str, Any]:
    """A plan of Terraform's."""
    return {
        "schema": SCHEMA,
        "kind": "plan",
        "is_destroy": plan.is_destroy,
        "changes": [_change(one) for one in plan.changes],
        "drift": [_change(one) for one in plan.drift],
        "per_hour_before": number(plan.per_hour_before),
        "per_hour_after": number(plan.per_hour_after),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": change.address,
        "action": change.action,
        "reason": change.reason or None,
        "node": change.node or None,
        "price": number(change.price),
        "attributes": [{"name": name, "before": old, "after": new} for name, old, new in change.attributes],
    }


def removal_json(removal: Removal) -> dict[str, Any]:
    """Pods that are to be ended."""
    return {
        "schema": SCHEMA,
        "kind": "removal",
        "name": removal.name,
        "why": removal.why,
        "nodes": list(removal.nodes),
        "pods": [pod_json(pod) for pod in removal.pods],
        "jobs": list(removal.jobs),
        "how": removal.how,
        "volumes": [{"id": volume, "name": name} for volume, name in removal.volumes],
        "per_hour": number(removal.per_hour),
        "spent": number(removal.spent),
    }


def deployment_json(one: Deployment, now: float) -> dict[str, Any]:
    """A deployment as it was written down."""
    return {
        "name": one.name,
        "id": one.id,
        "state": one.state.value,
        "created_at": round(one.created_at, 3),
        "destroyed_at": number(one.destroyed_at),
        "deadline_at": number(one.deadline_at),
        "done": [step.value for step in one.done],
        "next_step": one.next_step.value if one.next_step else None,
        "nodes": [_node(node) for node in one.nodes],
        "to_replace": [node.name for node in one.to_replace],
        "per_hour": number(one.billing.per_hour),
        "spent": number(one.billing.until(now)),
        "trouble": trouble_json(one.trouble),
        "volume": {"id": one.volume_id, "data_center": one.volume_center or None} if one.volume_id else None,
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "key": node.key,
        "name": node.name,
        "pod_id": node.pod_id or None,
        "gpu_type": node.offer.gpu_type,
        "gpus": node.offer.gpus,
        "data_center": node.offer.data_center or None,
        "price": number(node.offer.price),
    }


def pod_json(pod: Pod) -> dict[str, Any]:
    """A pod as the provider tells it."""
    return {
        "id": pod.id,
        "name": pod.name,
        "status": pod.status.value,
        "gpu_type": pod.gpu_type or None,
        "gpus": pod.gpus,
        "data_center": pod.data_center or None,
        "cost_per_hour": number(pod.cost_per_hour),
        "created_at": number(pod.created_at),
    }


def trouble_json(trouble: Trouble | None) -> dict[str, Any] | None:
    """Why a step failed."""
    if trouble is None:
        return None
    return {
        "code": trouble.code or None,
        "what": trouble.what,
        "next": trouble.next,
        "step": trouble.step.value if trouble.step else None,
        "node": trouble.node or None,
        "details": list(trouble.details),
    }


def standing_json(standing: Standing) -> dict[str, Any]:
    """`--status`: the record, and what the provider says."""
    return {
        "schema": SCHEMA,
        "kind": "status",
        "at": round(standing.asked_at, 3),
        "deployment": deployment_json(standing.deployment, standing.asked_at),
        "pods": {key: pod_json(pod) for key, pod in standing.pods.items()},
        "drift": [
            {"node": one.node, "pod_id": one.pod_id or None, "what": one.what, "code": one.code}
            for one in standing.drift
        ],
        "orphans": [pod_json(pod) for pod in standing.orphans],
        "problem": standing.problem or None,
        "held_by": standing.held_by or None,
        "per_hour": number(standing.per_hour),
        "spent": number(standing.spent),
    }


def list_json(all_of: tuple[Deployment, ...], unreadable: Mapping[str, str], now: float) -> dict[str, Any]:
    """`--list`: every record, and why others cannot be read."""
    found = [deployment_json(one, now) for one in all_of]
    broken = [{"name": name, "problem": reason} for name, reason in unreadable.items()]
    return {"schema": SCHEMA, "kind": "list", "at": round(now, 3), "deployments": found, "unreadable": broken}


def proof_json(proof: Proof | None) -> dict[str, Any] | None:
    """That nothing is left."""
    if proof is None:
        return None
    return {
        "is_clean": proof.is_clean,
        "prefix": proof.prefix,
        "looks": [{"at": round(look.at, 3), "pods": [pod.id for pod in look.pods]} for look in proof.looks],
        "ended": list(proof.ended),
        "left": [pod_json(pod) for pod in proof.left],
        "volumes_deleted": list(proof.volumes_deleted),
        "volumes_kept": [{"id": volume, "name": name} for volume, name in proof.volumes_kept],
        "spent": number(proof.spent),
    }


def number(value: float | None) -> float | None:
    """A number as JSON can say it."""
    return None if value is None or not math.isfinite(value) else round(value, 6)
