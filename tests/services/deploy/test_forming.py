"""What forming a cluster decides: clocks that are too far apart, whose record a node's is, which key is ours."""

import base64
from pathlib import Path

import pytest

from app.config.secret import Secret
from app.domain.deployment import Node, Offer, Pod, PodStatus
from app.domain.slurm import Gres, SlurmNode
from app.services.deploy import controller, forming
from app.services.deploy.ports import DRAINED, DeployError

HEAD, W1 = (Node(key, f"lab-{key}", Offer("H100", 2, "", "SECURE", None)) for key in ("head", "w1"))


def pod(pod_id: str, private_name: str = "") -> Pod:
    return Pod(pod_id, f"gw-{pod_id}", PodStatus.RUNNING, private_name=private_name)


@pytest.mark.parametrize(
    ("offsets", "odd"),
    [
        ({"a": 0.0}, None),
        ({"a": 900.0}, None),
        ({"a": 0.0, "b": 119.0}, None),
        ({"a": 1.0, "b": 700.0}, ("b", 699.0)),
        ({"a": -700.0, "b": 1.0}, ("a", -701.0)),
        ({"a": 500.0, "b": 501.0, "c": 0.0}, ("c", -500.5)),
    ],
)
def test_the_pod_whose_clock_is_far_off_is_named(offsets: dict[str, float], odd: tuple[str, float] | None) -> None:
    """Of two the one further from this machine's clock, of more the one further from the middle; all alike is fine."""
    assert odd == forming.skewed(offsets)


def test_pods_without_a_private_network_cannot_be_a_cluster() -> None:
    """One pod alone needs none."""
    with pytest.raises(DeployError) as caught:
        forming.private_names((HEAD, W1), {"head": pod("a", "a.internal"), "w1": pod("b")})

    assert ("no_network", "lab-w1") == (caught.value.trouble.code, caught.value.trouble.node)
    assert {"head": "127.0.0.1"} == forming.private_names((HEAD,), {"head": pod("a")})


def test_what_a_script_notes_is_told_as_a_warning() -> None:
    """With the node's name; a script that has nothing to say leaves no trace."""
    told: list[tuple[str, object]] = []

    def tell(text: str, *, node: str, is_warning: bool) -> None:
        told.append((text, (node, is_warning)))

    forming.tell_note(W1, {"listens": "10.0.3.8"}, tell)
    forming.tell_note(W1, {"listens": "0.0.0.0", "note": "it listens everywhere"}, tell)

    assert [("lab-w1: it listens everywhere", ("lab-w1", True))] == told


def test_a_key_is_known_again_by_digits_that_tell_nothing(tmp_path: Path) -> None:
    """Two fresh keys differ, what is no key has no digits, and a file that is not there knows none."""
    one, other = forming.new_key(), forming.new_key()

    assert forming.key_id(one) != forming.key_id(other)
    assert (8, "") == (len(forming.key_id(one)), forming.key_id(Secret("no key")))
    assert 1024 == len(base64.b64decode(one.reveal()))
    assert "" == forming.read_known(tmp_path / "none")


@pytest.mark.parametrize(
    ("record", "is_other"),
    [
        (SlurmNode("lab-w1"), False),
        (SlurmNode("lab-w1", instance_id="pod2"), False),
        (SlurmNode("lab-w1", extra="pod2"), False),
        (SlurmNode("lab-w1", instance_id="pod1"), True),
        (SlurmNode("lab-w1", comment="pod1"), True),
        (SlurmNode("lab-w1", extra="pod1"), True),
        (SlurmNode("lab-w1", extra="pod2", comment="of the first rack"), False),
    ],
)
def test_a_record_of_another_pod_is_known(record: SlurmNode, is_other: bool) -> None:
    """By the field that this release of Slurm keeps the pod's id in; where none does, it is taken for its own."""
    assert is_other == forming.of_another_pod(record, pod("pod2"))


GPUS = (Gres("gpu", "h100", 2),)


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (None, "it has not joined yet"),
        (SlurmNode("a", "IDLE", ("DYNAMIC_NORM",), gres=GPUS), ""),
        (SlurmNode("a", "MIXED", gres=GPUS), ""),
        (SlurmNode("a", "IDLE", ("DRAIN",), reason="bad", gres=GPUS), "Slurm calls it IDLE+DRAIN: bad"),
        (SlurmNode("a", "IDLE", ("INVALID_REG",), gres=GPUS), "Slurm calls it IDLE+INVALID_REG"),
        (SlurmNode("a", "IDLE"), "Slurm has it with 0 GPUs, not 2"),
    ],
)
def test_a_node_is_of_use_when_slurm_would_give_it_jobs(node: SlurmNode | None, why: str) -> None:
    """Known, fit, and with the GPUs that are paid for; else what it lacks is said."""
    assert why == controller.standing(node, 2)


def test_job_ids_are_read_and_nothing_else() -> None:
    """Lines of squeue that are no job are passed over."""
    assert ("12", "13_4") == controller.ids_of(b"12\nslurm_load_jobs error\n 13_4 \n\n")


@pytest.mark.parametrize(
    ("record", "is_out"),
    [
        (SlurmNode("w1", state="IDLE"), False),
        (SlurmNode("w1", state="IDLE", flags=("DRAIN",), reason="ECC errors"), True),
        (SlurmNode("w1", state="IDLE", flags=("DRAIN",), reason=f"{DRAINED} [root@2026-01-01T00:00:00]"), False),
        (SlurmNode("w1", state="DOWN", flags=("DRAIN",), reason="ECC errors"), False),
        (SlurmNode("w1", state="IDLE", flags=("DRAIN", "INVALID_REG"), reason="gres/gpu count too low"), False),
    ],
)
def test_what_somebody_drained_is_left_alone(record: SlurmNode, is_out: bool) -> None:
    """But not what is broken besides, nor what a run of ours drained and left."""
    assert is_out is controller.is_kept_out(record)
