"""Layout: clusters of every size make sense."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from app.sim.boards import A100, H100, L40S
from app.sim.jobs import GpuKey
from app.sim.layout import MOST_SERVICES, Layout, lay_out
from app.sim.spec import SimSpec
from app.sim.targets import targets_of

SIZES = ((1, 1), (1, 2), (1, 8), (2, 1), (2, 8), (4, 8), (8, 4), (16, 8), (40, 16), (1024, 8))


def claims(layout: Layout) -> Counter[GpuKey]:
    """How many services and pools each GPU belongs to."""
    keys = [key for service in layout.services for key in service.gpus]
    keys += [key for pool in layout.pools for unit in pool.units for key in unit]
    return Counter(keys)


@pytest.mark.parametrize(("nodes", "gpus"), SIZES)
def test_every_gpu_belongs_to_exactly_one_queue_or_service(nodes: int, gpus: int) -> None:
    """No GPU is left out, none is handed out twice."""
    layout = lay_out(SimSpec(nodes=nodes, gpus=gpus))

    assert {gpu.key: 1 for node in layout.nodes for gpu in node.gpus} == dict(claims(layout))
    assert nodes * gpus == len({gpu.uuid for node in layout.nodes for gpu in node.gpus})


@pytest.mark.parametrize(("nodes", "first", "last"), [(4, "gpu-01", "gpu-04"), (1024, "gpu-0001", "gpu-1024")])
def test_names_are_padded_so_that_they_sort(nodes: int, first: str, last: str) -> None:
    """Node names are as wide as the last of them needs, two digits at least."""
    names = [node.name for node in lay_out(SimSpec(nodes=nodes)).nodes]

    assert [first, last] == [names[0], names[-1]]
    assert sorted(names) == names


def test_small_clusters_are_of_one_model_and_large_ones_mixed() -> None:
    """Four nodes are all H100; sixteen have A100s to train on and L40S to share."""
    small = {node.gpus[0].board for node in lay_out(SimSpec(nodes=4)).nodes}
    large = lay_out(SimSpec(nodes=16))

    assert {H100} == small
    assert {H100, A100, L40S} == {node.gpus[0].board for node in large.nodes}
    assert all(len({gpu.board for gpu in node.gpus}) == 1 for node in large.nodes)


def test_services_are_few_and_named_once() -> None:
    """A large cluster has no more than a dozen model servers, each with a name of its own."""
    services = lay_out(SimSpec(nodes=1024)).services

    assert MOST_SERVICES == len({service.name for service in services})
    assert all(service.name.startswith("vllm-") for service in services)


def test_a_node_has_two_pages_and_a_service_one() -> None:
    """The targets are the exporters' and the servers' pages, each at its own path."""
    targets = targets_of(lay_out(SimSpec(nodes=2)))

    assert len(targets) == len({target.path for target in targets})
    assert ["/nodes/gpu-01/dcgm/metrics", "/nodes/gpu-01/node/metrics"] == [one.path for one in targets[:2]]
    assert all(re.fullmatch(r"/services/vllm-[\w-]+/metrics", one.path) for one in targets[4:])


@pytest.mark.parametrize(
    "wrong", [{"nodes": 0}, {"nodes": 1025}, {"gpus": 0}, {"speed": 0.0}, {"speed": float("nan")}, {"history_s": 10.0}]
)
def test_a_spec_out_of_range_says_which_number_and_what_is_allowed(wrong: dict[str, float]) -> None:
    """Impossible clusters are refused with the name of the number."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SimSpec(**wrong)  # type: ignore[arg-type]  # whole numbers and others alike
