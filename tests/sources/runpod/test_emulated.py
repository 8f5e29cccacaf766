"""The client against an emulated API over a real loopback socket: lists, ends, catalogue, faults, limits."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from app.config.secret import Secret
from app.domain.deployment import PodStatus, Wish
from app.domain.refusals import ProviderError
from app.engine.placing import Why, place
from app.sources.runpod.client import RunPod
from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.limits import Quota
from tests.tools.fake_clock import HastyClock

H100 = "NVIDIA H100 80GB HBM3"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(seed=7) as running:
        yield running


@pytest.fixture
async def runpod(emulator: Emulator) -> AsyncIterator[RunPod]:
    client = RunPod(Secret(emulator.key), emulator.url, clock=HastyClock())
    yield client
    await client.close()


def create(emulator: Emulator, name: str, **more: object) -> str:
    """Make a pod as Terraform would; returns its id."""
    body = {
        "name": name,
        "image": "runpod/pytorch:2.8",
        "gpu": {"id": H100, "count": 2},
        "dataCenterIds": ["US-KS-2"],
        "globalNetworking": True,
        "ports": ["22/tcp"],
        **more,
    }
    headers = {"Authorization": f"Bearer {emulator.key}"}
    answer = httpx.post(f"{emulator.url}/v2/pods", json=body, headers=headers, trust_env=False)
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["id"])


async def test_pod_is_listed_until_it_is_ended(emulator: Emulator, runpod: RunPod) -> None:
    """A pod is there with all we need of it; ended twice, it is gone once."""
    emulator.turn(starting_after_s=0.0, running_after_s=0.0)
    pod_id = create(emulator, "gw-lab-0a1b2c3d-head")
    emulator.settle()

    (pod,) = await runpod.pods()

    assert (pod_id, "gw-lab-0a1b2c3d-head", PodStatus.RUNNING) == (pod.id, pod.name, pod.status)
    assert (H100, 2, "US-KS-2", "SECURE") == (pod.gpu_type, pod.gpus, pod.data_center, pod.cloud)
    assert 5.38 == pod.cost_per_hour
    assert f"{pod_id}.runpod.internal" == pod.private_name
    assert pod.ssh is not None
    await runpod.terminate(pod_id)
    await runpod.terminate(pod_id)
    assert () == await runpod.pods()
    assert {} == emulator.pods


async def test_ended_pod_that_is_listed_still_is_not_billed(emulator: Emulator, runpod: RunPod) -> None:
    """The list may name it for a while, as what it is."""
    emulator.turn(gone_after_s=60.0)
    pod_id = create(emulator, "gw-lab-0a1b2c3d-head")
    await runpod.terminate(pod_id)

    assert [(PodStatus.TERMINATED, False)] == [(pod.status, pod.is_billed) for pod in await runpod.pods()]


async def test_pod_that_starts_has_no_address_yet(emulator: Emulator, runpod: RunPod) -> None:
    """Its port is mapped once it runs."""
    emulator.turn(starting_after_s=60.0, running_after_s=90.0)
    create(emulator, "gw-lab-0a1b2c3d-head")

    assert [(PodStatus.PROVISIONING, None)] == [(pod.status, pod.ssh) for pod in await runpod.pods()]


async def test_catalogue_leads_to_candidates(emulator: Emulator, runpod: RunPod) -> None:
    """Data centres without the private network, and what is taken, are passed over; the rest is in order."""
    emulator.turn(capacity={f"{H100}@US-KS-2": 0})
    wish = Wish("lab", gpu_types=("H100",), data_centers=("US-KS-2", "US-CA-2", "EUR-IS-1"))

    found = place(wish, await runpod.offers(1, "SECURE"), wish.keys)

    assert ["US-CA-2"] == [one.data_center for one in found.candidates["head"]]
    reasons = {one.offer.data_center: one.why for one in found.passed}
    assert (Why.NO_CAPACITY, Why.NO_PRIVATE_NETWORK) == (reasons["US-KS-2"], reasons["EUR-IS-1"])
    assert {Why.OTHER_DATA_CENTER} == {reasons[name] for name in ("EUR-IS-2", "AP-JP-1")}


async def test_every_type_has_a_price_or_the_other_cloud(runpod: RunPod) -> None:
    """Nothing of the catalogue is lost on the way, and nothing costs nothing."""
    for cloud in ("SECURE", "COMMUNITY"):
        offers = await runpod.offers(1, cloud)
        assert 9 == len({one.gpu_type for one in offers})
        assert all(one.price_per_gpu for one in offers)


async def test_many_gpus_in_a_pod_are_not_everywhere(runpod: RunPod) -> None:
    """The A4000's machines hold four."""
    found = place(Wish("lab", gpu_types=("A4000",), gpus_per_node=8), await runpod.offers(8, "SECURE"), ("head",))

    assert not found.is_possible
    assert found.passed


@pytest.mark.parametrize("kind", ["drop", "problem"])
async def test_fault_that_passes_is_not_noticed(emulator: Emulator, runpod: RunPod, kind: str) -> None:
    """Connections that end and servers in trouble are asked again, for lists and for ends."""
    pod_id = create(emulator, "gw-lab-0a1b2c3d-head")
    emulator.turn(faults=[{"kind": kind, "times": 2, "status": 502}])
    assert [pod_id] == [pod.id for pod in await runpod.pods()]
    emulator.turn(faults=[{"kind": kind, "times": 2, "status": 502, "is_done": True, "method": "DELETE"}])
    await runpod.terminate(pod_id)

    assert {} == emulator.pods


@pytest.mark.parametrize("kind", ["garbage", "page"])
async def test_answer_of_somebody_else_proves_nothing(emulator: Emulator, runpod: RunPod, kind: str) -> None:
    """No JSON, and a proxy's page, are errors: never a list without pods."""
    emulator.turn(faults=[{"kind": kind, "status": 200, "times": None}])

    with pytest.raises(ProviderError):
        await runpod.pods()


async def test_wrong_key_is_told_as_such(emulator: Emulator) -> None:
    """401 names the setting."""
    stranger = RunPod(Secret("wrong"), emulator.url, clock=HastyClock())
    with pytest.raises(ProviderError, match=r"deploy\.api_key_file") as caught:
        await stranger.pods()
    await stranger.close()
    assert "auth" == caught.value.kind


async def test_limits_are_kept() -> None:
    """With ten requests a minute nobody is ever refused: what is left is spread, what is used up waited out."""
    clock = HastyClock()
    with Emulator(quota=Quota(10, 1000, 10000), clock=clock.now) as emulator:
        client = RunPod(Secret(emulator.key), emulator.url, clock=clock)
        began = clock.now()
        for _ in range(40):
            await client.pods()
        took = clock.now() - began
        await client.close()

    assert {200} == {one["status"] for one in emulator.requests}
    assert 180.0 <= took <= 360.0
