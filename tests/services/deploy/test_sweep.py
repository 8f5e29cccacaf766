"""What becomes of pods that Terraform does not know: adopted for their node, or ended."""

from __future__ import annotations

from dataclasses import replace

from app.domain.deployment import Deployment, Node, Offer, Pod, PodStatus, Wish
from app.services.deploy.sweep import Verdict, judge, key_of, ours

OFFER = Offer("H100", 1, "US-KS-2", "SECURE", 2.79)
LAB = Deployment(Wish("lab"), "1a2b3c4d", 0.0, nodes=(Node("head", "lab-head", OFFER), Node("w1", "lab-w1", OFFER)))


def pod(pod_id: str, key: str, status: PodStatus = PodStatus.RUNNING) -> Pod:
    """A pod of the deployment."""
    return Pod(pod_id, f"{LAB.prefix}{key}", status, created_at=float(pod_id.removeprefix("p")))


def played(pod_id: str) -> Deployment:
    """The deployment whose worker was played by a pod."""
    return replace(LAB, nodes=(LAB.nodes[0], replace(LAB.nodes[1], pod_id=pod_id)))


def test_ours_bear_the_whole_prefix_and_cost_money() -> None:
    """A namesake's pods, a longer name's and those that ended are not ours."""
    others = (Pod("p7", "gw-lab-00000000-head", PodStatus.RUNNING), Pod("p8", "gw-lab-1a2b3c4d2-w1", PodStatus.RUNNING))
    mine = (pod("p2", "w1"), pod("p1", "head"), pod("p3", "w2", PodStatus.TERMINATED))

    found = ours((*others, *mine), LAB.prefix)

    assert ["p1", "p2"] == [one.id for one in found]
    assert ["head", "w1"] == [key_of(one, LAB.prefix) for one in found]


def test_what_terraform_knows_stays() -> None:
    """Nothing happens to pods in the state."""
    assert Verdict() == judge(LAB, {"head": "p1", "w1": "p2"}, (pod("p1", "head"), pod("p2", "w1")))


def test_an_orphan_of_a_wished_node_is_adopted() -> None:
    """A pod that Terraform never heard of plays the node it was made for."""
    assert Verdict(adopt=(("w1", pod("p2", "w1")),)) == judge(LAB, {"head": "p1"}, (pod("p1", "head"), pod("p2", "w1")))


def test_an_orphan_of_no_node_ends() -> None:
    """Nobody wishes for a third worker."""
    assert Verdict(end=(pod("p3", "w3"),)) == judge(LAB, {}, (pod("p3", "w3"),))


def test_of_two_the_one_in_the_state_stays() -> None:
    """A second pod of the same node ends."""
    assert Verdict(end=(pod("p3", "w1"),)) == judge(LAB, {"w1": "p2"}, (pod("p2", "w1"), pod("p3", "w1")))


def test_of_two_strangers_the_furthest_is_adopted() -> None:
    """One that runs is worth more than one that begins; the other ends."""
    begins, runs = pod("p2", "w1", PodStatus.PROVISIONING), pod("p3", "w1")

    assert Verdict((("w1", runs),), (begins,)) == judge(LAB, {}, (begins, runs))


def test_a_broken_orphan_ends() -> None:
    """A pod in ERROR is no start for a node."""
    broken = pod("p2", "w1", PodStatus.ERROR)

    assert Verdict(end=(broken,)) == judge(LAB, {}, (broken,))


def test_a_pod_in_the_state_may_be_listed_late() -> None:
    """What Terraform has just made is trusted although it is not listed; a stranger of the same node ends."""
    assert Verdict(end=(pod("p2", "w1"),)) == judge(LAB, {"w1": "p9"}, (pod("p2", "w1"),))


def test_a_state_out_of_a_backup_ends_no_cluster() -> None:
    """Where the state names a pod that is gone, the pod that the record says plays the node goes on, stopped or not."""
    stopped = pod("p2", "w1", PodStatus.EXITED)

    assert Verdict(adopt=(("w1", stopped),)) == judge(played("p2"), {"w1": "p1"}, (stopped,))
