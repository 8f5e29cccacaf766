"""What a deployment has to be watched is written down, and read back as settings of ours."""

from dataclasses import replace
from pathlib import Path

from app.config.settings import Slurm
from app.domain.deployment import Deployment, Node, Offer, Pod, PodStatus, Wish
from app.services.deploy import watching
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.sources import deployed

OFFER = Offer("NVIDIA H100 80GB HBM3", 4, "US-KS-2", "SECURE", 2.5)
HEAD, W1, W2 = (Node(key, f"lab-{key}", OFFER, f"pod-{key}") for key in ("head", "w1", "w2"))


def deployment(*nodes: Node, model: str = "") -> Deployment:
    return Deployment(Wish("lab", nodes=len(nodes), model=model), "0a1b2c3d", 0.0, nodes=nodes)


def made(tmp_path: Path) -> DeploymentFolder:
    folder = folder_of(tmp_path, "lab")
    folder.make()
    return folder


def test_every_node_is_a_target_through_its_own_connection(tmp_path: Path) -> None:
    """Exporters and logs are asked for behind ssh, with the token's file and never the token."""
    folder = made(tmp_path)
    watching.watch(folder, deployment(HEAD, W1), {})
    found = deployed.deployed(folder.path.parent, "")

    assert ["lab-head", "lab-w1"] == [target.ssh for target in found.targets]
    assert {"http://127.0.0.1:9400/metrics"} == {target.url for target in found.targets}
    assert ["slurmctld log lab-head", "slurmd log lab-head", "slurmd log lab-w1"] == [log.name for log in found.logs]
    assert (Slurm(via="ssh", ssh="lab-head"), None) == (found.slurm, found.agent)
    assert 0o600 == folder.targets.stat().st_mode & 0o777


def test_a_model_is_a_target_a_log_and_who_answers_questions(tmp_path: Path) -> None:
    """With workers, the head that serves it takes no jobs, so it has no log of slurmd."""
    found = watching.watched(made(tmp_path), deployment(HEAD, W1, model="org/m"), {})

    assert "vllm lab-head" in [target.name for target in found.targets]
    assert {"vllm log lab-head", "slurmctld log lab-head", "slurmd log lab-w1"} == {log.name for log in found.logs}
    assert found.agent is not None
    assert ("http://127.0.0.1:8000/v1", "lab-head", "org/m") == (
        found.agent.base_url,
        found.agent.ssh,
        found.agent.model,
    )


def test_a_node_without_a_pod_is_not_watched(tmp_path: Path) -> None:
    """What is not placed yet cannot be asked."""
    found = watching.watched(made(tmp_path), deployment(HEAD, W1, replace(W2, pod_id="")), {})

    assert ["lab-head", "lab-w1"] == [target.name for target in found.targets]


def test_what_the_provider_bills_is_the_price() -> None:
    """Else what the catalogue said; what neither tells is left out."""
    pod = Pod("pod-w1", "gw-x", PodStatus.RUNNING, gpus=4, cost_per_hour=8.0)
    odd = replace(W2, offer=replace(OFFER, gpu_type="B200", price_per_gpu=None))

    assert {"NVIDIA H100 80GB HBM3": 2.0} == watching.prices([W1], {"w1": pod})
    assert {"NVIDIA H100 80GB HBM3": 2.5} == watching.prices([W1, odd], {})


def test_a_deployment_that_is_gone_is_watched_no_more(tmp_path: Path) -> None:
    """Taking it back twice is fine."""
    folder = made(tmp_path)
    watching.watch(folder, deployment(HEAD), {})
    watching.unwatch(folder)
    watching.unwatch(folder)

    assert ((), ()) == deployed.look(folder.path.parent, "")
