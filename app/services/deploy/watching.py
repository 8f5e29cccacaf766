"""Says where screen, commands and daemon find what a deployment has to be watched: its `watch.json`.

A daemon that runs reads it again at every look at its targets (`app.sources.deployed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.config.settings import Agent, Log, Slurm, Target
from app.domain.deployment import Deployment, Node, Pod
from app.services.deploy import keys
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.install import METRICS
from app.services.deploy.login import EXPORTER, MODEL
from app.services.deploy.ssh_files import write_whole
from app.sources.deployed import Deployed, text_of


def watch(folder: DeploymentFolder, deployment: Deployment, pods: Mapping[str, Pod]) -> None:
    """Write down what is there to be watched. Pods by node key; they tell the prices. Raises OSError."""
    write_whole(folder.targets, text_of(watched(folder, deployment, pods)))


def unwatch(folder: DeploymentFolder) -> None:
    """Take that back; nothing of the deployment is looked at any more. Raises OSError."""
    folder.targets.unlink(missing_ok=True)


def watched(folder: DeploymentFolder, deployment: Deployment, pods: Mapping[str, Pod]) -> Deployed:
    """What of a deployment is there to be watched."""
    head = deployment.head
    placed = [node for node in deployment.nodes if node.pod_id]
    return Deployed(
        name=deployment.name,
        targets=tuple(_targets(folder, deployment, placed)),
        logs=tuple(log for node in placed for log in _logs(folder, deployment, node)),
        slurm=Slurm(via="ssh", ssh=head.name) if head is not None and head.pod_id else None,
        agent=_agent(folder, deployment),
        prices=prices(placed, pods),
    )


def prices(nodes: list[Node], pods: Mapping[str, Pod]) -> dict[str, float]:
    """$/h of one GPU by type: what the provider bills, else what its catalogue said."""
    found: dict[str, float] = {}
    for node in nodes:
        pod, offer = pods.get(node.key), node.offer
        billed = pod.cost_per_hour if pod is not None else None
        price = billed / offer.gpus if billed and offer.gpus else offer.price_per_gpu
        if price:
            found[offer.gpu_type] = round(price, 4)
    return found


def _targets(folder: DeploymentFolder, deployment: Deployment, nodes: list[Node]) -> Iterator[Target]:
    token_file = str(keys.exporter_token_file(folder))
    for node in nodes:
        yield Target(url=METRICS, node=node.name, name=node.name, ssh=node.name, token_file=token_file)
    head = deployment.head
    if deployment.wish.model and head is not None and head.pod_id:
        key_file = str(keys.model_key_file(folder))
        url = f"{MODEL}/metrics"
        yield Target(url=url, node=head.name, name=f"vllm {head.name}", ssh=head.name, token_file=key_file)


def _logs(folder: DeploymentFolder, deployment: Deployment, node: Node) -> Iterator[Log]:
    """The logs of a node's services, as its exporter serves them."""
    serves = node.is_head and bool(deployment.wish.model)
    computes = not node.is_head or not serves or len(deployment.nodes) == 1
    names = [("job", "slurmctld")] if node.is_head else []
    names += [("job", "slurmd")] if computes else []
    names += [("vllm", "vllm")] if serves else []
    for kind, name in names:
        yield Log(
            kind=kind,
            node=node.name,
            url=f"{EXPORTER}/logs/{name}",
            ssh=node.name,
            token_file=str(keys.exporter_token_file(folder)),
            name=f"{name} log {node.name}",
        )


def _agent(folder: DeploymentFolder, deployment: Deployment) -> Agent | None:
    """The deployment's model as the one that answers questions."""
    head = deployment.head
    if not deployment.wish.model or head is None or not head.pod_id:
        return None
    return Agent(
        base_url=f"{MODEL}/v1",
        model=deployment.wish.model,
        ssh=head.name,
        api_key_file=str(keys.model_key_file(folder)),
    )
