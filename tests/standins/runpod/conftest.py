"""An emulated RunPod whose clock stands still, and a client with its key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.standins.runpod.emulator import Emulator

NOON = 1_800_000_000.0
L40S = "NVIDIA L40S"


@dataclass
class Clock:
    """Time that passes only when it is told to."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class Rented:
    """The emulator with its clock and a client."""

    runpod: Emulator
    clock: Clock
    client: httpx.Client

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        return self.client.get(path, params=query).json()

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.client.request(method, path, json=body)

    def create(self, name: str = "lab-head", /, **more: object) -> httpx.Response:
        return self.ask("POST", "/v2/pods", wish(name, **more))

    def created(self, name: str = "lab-head", /, **more: object) -> str:
        """The id of a pod that could be had."""
        answer = self.create(name, **more)
        assert 201 == answer.status_code, answer.text
        return str(answer.json()["id"])

    def pod(self, pod_id: str) -> Any:  # noqa: ANN401 - JSON
        return self.get(f"/v2/pods/{pod_id}")

    def later(self, seconds: float) -> None:
        self.clock.now += seconds


def wish(name: str = "lab-head", /, **more: object) -> dict[str, object]:
    """A create's body; None takes a key away."""
    body = {"name": name, "image": "runpod/base:1", "gpu": {"id": L40S}, "ports": ["22/tcp"], **more}
    return {key: value for key, value in body.items() if value is not None}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rented(clock: Clock) -> Iterator[Rented]:
    """An account in which pods start within a second of the clock."""
    knobs = {"starting_after_s": 1.0, "running_after_s": 2.0}
    with Emulator(clock=clock, seed=7, knobs=knobs) as runpod, client_of(runpod) as client:
        yield Rented(runpod, clock, client)


def client_of(runpod: Emulator, key: str = "test-key") -> httpx.Client:
    """A client with a key."""
    return httpx.Client(base_url=runpod.url, headers={"Authorization": f"Bearer {key}"}, timeout=10)
