"""A wire without a network: answers in order, and what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import httpx

from app.config.secret import Secret
from app.sources.runpod.client import RunPod
from tests.tools.fake_clock import FakeClock, HastyClock

KEY = "rpa_CANARY0123456789"
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Wire(httpx.MockTransport):
    """Gives the next answer to each request; the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(self._answer)
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    @property
    def paths(self) -> list[str]:
        """Method and path of each request."""
        return [f"{one.method} {one.url.path}" for one in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def client(wire: Wire, clock: FakeClock | None = None, url: str = "https://api.example") -> RunPod:
    return RunPod(Secret(KEY), url, clock=clock or HastyClock(), transport=wire)


def listing(*pods: Mapping[str, object], headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.Response(200, json={"pods": list(pods)}, headers=headers)


def problem(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> httpx.Response:
    body = json.dumps({"title": "No", "status": status, "detail": detail}).encode()
    told = {"Content-Type": "application/problem+json", **(headers or {})}
    return httpx.Response(status, content=body, headers=told)


def pod(pod_id: str = "abc123", name: str = "gw-lab-0a1b2c3d-head", **more: object) -> dict[str, object]:
    """A running pod with two GPUs, as the API tells one."""
    return {
        "id": pod_id,
        "name": name,
        "status": "RUNNING",
        "actions": ["stop", "restart", "terminate"],
        "image": "runpod/pytorch:2.8",
        "gpu": {"id": "NVIDIA A40", "count": 2},
        "cloud": "SECURE",
        "dataCenterId": "US-KS-2",
        "cost": 0.8,
        "createdAt": "2026-11-24T12:00:00Z",
        "globalNetworking": {"enabled": True, "ip": "10.1.0.7", "internalDns": f"{pod_id}.runpod.internal"},
        "ssh": {"proxy": None, "direct": {"host": "203.0.113.7", "port": 10022, "username": "root", "command": ""}},
        "runtime": {"uptime": 12, "ports": []},
        **more,
    }
