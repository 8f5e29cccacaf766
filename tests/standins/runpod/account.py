"""The emulated account: its pods and what may be done with them, its keys, its money.

Every method is called with the account's lock held and is given the time; none of them waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from tests.standins.runpod.catalogue import data_center, gpu_type
from tests.standins.runpod.knobs import Knobs
from tests.standins.runpod.placing import change_free, check_container, is_free, place
from tests.standins.runpod.pods import ACTIONS, FakePod
from tests.standins.runpod.problems import ProblemError, broken_rule, missing

LETTERS = "abcdefghijkmnopqrstuvwxyz0123456789"


@dataclass
class Account:
    """Everything that one API key sees."""

    knobs: Knobs
    on_boot: Callable[[FakePod], None]
    """A pod's container is to be started."""
    on_halt: Callable[[FakePod], None]
    """A pod's container is to be ended."""
    letters: Random = field(default_factory=Random)
    """What ids are drawn from."""
    pods: dict[str, FakePod] = field(default_factory=dict)
    """By id, those that have ended included."""
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    """Public ssh keys of the account."""
    spent_on_volumes: float = 0.0

    def tick(self, now: float) -> None:
        """Let time pass: what is due happens, and money is counted."""
        for pod in self.pods.values():
            was_alive = pod.is_alive
            pod.advance(now)
            if was_alive and not pod.is_alive:
                self._give_back(pod)
        if self.knobs.balance is not None and self.spent() >= self.knobs.balance:
            self._run_dry(now)

    def _run_dry(self, now: float) -> None:
        for pod in self.pods.values():
            is_kept = "network" in pod.body.get("mounts", {})
            if pod.is_alive or (pod.state == "EXITED" and not is_kept):
                self.end(pod, "EXITED" if is_kept else "TERMINATED", now)

    def spent(self) -> float:
        """$ since the account was opened, pods only."""
        return sum(pod.spent for pod in self.pods.values())

    def listed(self, now: float) -> list[FakePod]:
        """Pods in the list: one that was terminated leaves it, at once or a little later."""
        shown_s = self.knobs.gone_after_s
        return [pod for pod in self.pods.values() if pod.ended_at is None or (shown_s and now - pod.ended_at < shown_s)]

    def living(self, pod_id: str) -> FakePod:
        """A pod that was not terminated; ProblemError 404."""
        pod = self.pods.get(pod_id)
        if pod is None or pod.state == "TERMINATED":
            raise missing("pod")
        return pod

    def create(self, body: dict[str, Any], now: float) -> FakePod:
        """Place a pod and start it."""
        if "templateId" in body:
            raise missing("template")
        balance = 1.0 if self.knobs.balance is None else self.knobs.balance - self.spent()
        where = place(body, self.volumes, self.knobs, balance)
        env = body.get("env", {})
        if body.get("startSsh") and self.keys and "PUBLIC_KEY" not in env:
            env = {"PUBLIC_KEY": "\n".join(self.keys)} | env
        fresh = FakePod(
            id=self.fresh_id(14),
            number=len(self.pods),
            body={**body, "env": env},
            data_center=where.data_center,
            running_cost=where.cost,
            created_at=now,
            fate=self.knobs.fate(body["name"]),
        )
        self.pods[fresh.id] = fresh
        fresh.say(now, "system", f"create container {fresh.image}")
        self._begin(fresh, now)
        return fresh

    def fresh_id(self, length: int) -> str:
        """An id that nothing has yet."""
        while (drawn := "".join(self.letters.choices(LETTERS, k=length))) in self.pods or drawn in self.volumes:
            pass
        return drawn

    def update(self, pod: FakePod, body: dict[str, Any]) -> None:
        """Change a pod's settings; the private network follows at its next start only."""
        if "templateId" in body:
            raise missing("template")
        check_container(body)
        if body.get("globalNetworking"):
            self._check_private(pod)
        mounts = body.pop("mounts", {})
        if mounts:
            self._check_mounts(pod, mounts)
            pod.body["mounts"] = mounts
        pod.is_locked = body.pop("locked", pod.is_locked)
        pod.body |= body

    def _check_private(self, pod: FakePod) -> None:
        kind, center = gpu_type(pod.gpu_type), data_center(pod.data_center or "")
        if kind is None or kind.manufacturer != "NVIDIA" or center is None or not center.has_private_network:
            raise broken_rule("global networking requires an NVIDIA GPU in a data center that supports it")

    def _check_mounts(self, pod: FakePod, mounts: dict[str, Any]) -> None:
        had = pod.body.get("mounts", {})
        if mounts.get("network") == []:
            raise broken_rule("clearing mounts is not supported")
        if set(mounts) != set(had):
            raise broken_rule("the kind of a mount is fixed at create")
        if "network" in had and had["network"][0]["volumeId"] != mounts["network"][0]["volumeId"]:
            raise broken_rule("volumeId is immutable")

    def act(self, pod: FakePod, action: str, now: float) -> None:
        """Start, stop, restart or terminate; ProblemError 409 when its status does not allow that."""
        status = pod.status(now)
        if action not in ACTIONS[status]:
            raise ProblemError(409, f"action {action!r} is not valid for a pod that is {status}")
        if pod.is_locked and action in ("stop", "restart"):
            raise ProblemError(409, "pod is locked")
        if action == "terminate":
            self.terminate(pod, now)
        elif action == "stop":
            self.end(pod, "EXITED", now)
        elif action == "restart":
            self._halt(pod)
            self._begin(pod, now)
        else:
            self._start(pod, now)

    def _start(self, pod: FakePod, now: float) -> None:
        # One that ended in ERROR has kept its machine; one that was stopped has to find its GPUs free again.
        if not pod.is_alive and pod.gpus:
            if not is_free(self.knobs, pod.gpu_type, pod.data_center or "", pod.gpus):
                raise broken_rule("There are not enough free GPUs on the host machine to start this pod.")
            change_free(self.knobs, pod.gpu_type, pod.data_center or "", -pod.gpus)
        self._begin(pod, now)

    def terminate(self, pod: FakePod, now: float) -> None:
        """End a pod for good."""
        self.end(pod, "TERMINATED", now)

    def end(self, pod: FakePod, state: str, now: float) -> None:
        """Let a pod be stopped, terminated or broken, whoever asked for it."""
        was_alive = pod.is_alive
        pod.become(state, now)
        pod.say(now, "system", f"pod is {state.lower()}")
        if was_alive and not pod.is_alive:
            self._give_back(pod)
        self._halt(pod)

    def matching(self, pattern: str) -> list[FakePod]:
        """Pods that were not terminated, by id or by a pattern of their name."""
        alive = (pod for pod in self.pods.values() if pod.state != "TERMINATED")
        return [pod for pod in alive if pod.id == pattern or fnmatchcase(pod.name, pattern)]

    def _begin(self, pod: FakePod, now: float) -> None:
        pod.begin(now, self.knobs.starting_after_s, self.knobs.running_after_s)
        if pod.fate in (None, "no_ssh"):
            pod.has_container = True
            self.on_boot(pod)

    def _halt(self, pod: FakePod) -> None:
        if pod.has_container:
            pod.has_container = False
            self.on_halt(pod)

    def _give_back(self, pod: FakePod) -> None:
        if pod.gpus:
            change_free(self.knobs, pod.gpu_type, pod.data_center or "", pod.gpus)
