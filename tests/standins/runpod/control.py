"""The door behind the emulated API, `/_ctl`: knobs to turn, things that happen outside, and all there is to see.

`POST` takes a JSON object: any knob by its name, and `terminate`, `stop` or `fail` with a pod's id or a pattern of
names, or a list of them. Both `GET` and `POST` answer with everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from tests.standins.runpod.account import Account
from tests.standins.runpod.views import pod_view

ENDS = {"terminate": "TERMINATED", "stop": "EXITED", "fail": "ERROR"}
"""What may happen to pods outside, and what they are then."""


@dataclass
class Control:
    """The door."""

    account: Account
    lock: RLock
    clock: Callable[[], float]
    requests: list[dict[str, Any]] = field(default_factory=list)

    def end(self, pattern: str, state: str) -> list[str]:
        """Let pods end outside; returns the ids of those that fit."""
        with self.lock:
            now = self.clock()
            self.account.tick(now)
            found = self.account.matching(pattern)
            for pod in found:
                self.account.end(pod, state, now)
            return [pod.id for pod in found]

    def turn(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked, then tell everything; ValueError or TypeError for what makes no sense."""
        knobs = {name: value for name, value in given.items() if name not in ENDS}
        with self.lock:
            self.account.knobs.turn(knobs)
        for verb, state in ENDS.items():
            wanted = given.get(verb, [])
            for pattern in [wanted] if isinstance(wanted, str) else wanted:
                self.end(pattern, state)
        return self.told()

    def told(self) -> dict[str, Any]:
        """Everything there is to see."""
        with self.lock:
            now = self.clock()
            self.account.tick(now)
            pods = self.account.pods.values()
            return {
                "knobs": self.account.knobs.told(),
                "pods": [pod_view(pod, now) for pod in pods if pod.state != "TERMINATED"],
                "ended": [pod_view(pod, now) for pod in pods if pod.state == "TERMINATED"],
                "volumes": list(self.account.volumes.values()),
                "spent": self.account.spent(),
                "per_hour": sum(pod.per_hour for pod in pods),
                "requests": list(self.requests),
            }
