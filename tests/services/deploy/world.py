"""A provider, a Terraform and hands in memory that behave like the real ones, and fail where a test wants it.

`World` is what outlives a process: the provider's pods and Terraform's state. Everything that awaits passes `point`,
where the n-th can fail, be cancelled, or be the last thing the process ever did.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain.deployment import Address as PodAddress
from app.domain.deployment import Change, Deployment, InfraPlan, Node, Offer, Pod, PodStatus, Trouble
from app.services.deploy.ports import Applied, DeployError, GpusSeen, InfraError, ProviderError, Tell
from app.services.terraform.addresses import VOLUME_ADDRESS
from tests.tools.fake_clock import HastyClock

H100, A100 = "NVIDIA H100 80GB HBM3", "NVIDIA A100 80GB PCIe"
OFFERS = (
    Offer(H100, 1, "US-KS-2", "SECURE", 2.79, "HIGH"),
    Offer(H100, 1, "EU-RO-1", "SECURE", 2.79, "LOW"),
    Offer(A100, 1, "US-KS-2", "SECURE", 1.64, "MEDIUM"),
)
NO_CAPACITY = "HTTP 400 Bad Request: There are no longer any instances available with the requested specifications."


class KilledError(BaseException):
    """The process is gone: nothing after this happened."""


@dataclass(slots=True)
class World:
    """The provider's pods, Terraform's state, and what goes wrong."""

    clock: HastyClock = field(default_factory=HastyClock)
    pods: dict[str, Pod] = field(default_factory=dict)
    states: dict[str, dict[str, str]] = field(default_factory=dict)
    """Terraform's, by deployment."""
    laid: dict[str, Deployment] = field(default_factory=dict)
    plans: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    offers: tuple[Offer, ...] = OFFERS
    full: set[tuple[str, str]] = field(default_factory=set)
    """GPU type and data centre of what the catalogue shows and has not."""
    volumes: dict[str, str] = field(default_factory=dict)
    held_volumes: dict[str, str] = field(default_factory=dict)
    """Id of the volume in Terraform's state, by deployment."""
    centers: dict[str, str] = field(default_factory=dict)
    """Data centre of each volume."""
    refusals: dict[str, list[str]] = field(default_factory=dict)
    """By node key: what Terraform says of the next creates."""
    answers: dict[str, list[Exception]] = field(default_factory=dict)
    """By point: errors of the next calls."""
    troubles: dict[tuple[str, str], Trouble] = field(default_factory=dict)
    """By method of the hands and node name."""
    sick: dict[str, GpusSeen] = field(default_factory=dict)
    jobs: dict[str, list[str]] = field(default_factory=dict)
    busy: bool | None = False
    ready_after_s: float = 10.0
    becomes: dict[str, PodStatus] = field(default_factory=dict)
    """By node key: what the next pod of it turns into instead of running."""
    undying: set[str] = field(default_factory=set)
    """Ids of pods that no terminate ends."""
    hidden_s: float = 0.0
    """A pod is listed only this long after it was made."""
    did: list[str] = field(default_factory=list)
    at_point: Callable[[str], None] = lambda _name: None
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def state(self) -> dict[str, str]:
        """Terraform's state of the one deployment that most tests have."""
        return self.states.setdefault("lab", {})

    async def point(self, name: str) -> None:
        """Something happens here; a test may make it fail."""
        self.at_point(name)
        await asyncio.sleep(0)
        waiting = self.answers.get(name)
        if waiting:
            raise waiting.pop(0)

    def make(self, name: str, offer: Offer, becomes: PodStatus | None = None) -> Pod:
        """A pod begins to cost money."""
        pod_id = f"pod{next(self.numbers)}"
        status = becomes or PodStatus.PROVISIONING
        self.pods[pod_id] = Pod(
            pod_id,
            name,
            status,
            offer.gpu_type,
            offer.gpus,
            offer.data_center,
            offer.cloud,
            "",
            offer.price,
            self.clock.now(),
        )
        return self.pods[pod_id]

    def listed(self) -> tuple[Pod, ...]:
        """The pods as the provider tells them now."""
        now = self.clock.now()
        for pod in tuple(self.pods.values()):
            age_s = now - (pod.created_at or 0.0)
            if pod.status is PodStatus.PROVISIONING and age_s >= self.ready_after_s:
                address = PodAddress("127.0.0.1", 2200 + int(pod.id.removeprefix("pod")))
                self.pods[pod.id] = replace(pod, status=PodStatus.RUNNING, ssh=address)
        return tuple(pod for pod in self.pods.values() if now - (pod.created_at or 0.0) >= self.hidden_s)

    def billed(self) -> list[str]:
        """Names of the pods that cost money, sorted."""
        return sorted(pod.name for pod in self.pods.values() if pod.is_billed)


@dataclass(slots=True)
class FakeProvider:
    """The provider's API over a world."""

    world: World

    async def pods(self) -> tuple[Pod, ...]:
        await self.world.point("pods")
        return self.world.listed()

    async def terminate(self, pod_id: str) -> None:
        await self.world.point("terminate")
        self.world.did.append(f"terminate {pod_id}")
        if pod_id not in self.world.undying:
            self.world.pods.pop(pod_id, None)

    async def offers(self, gpus: int, cloud: str) -> tuple[Offer, ...]:
        await self.world.point("offers")
        return tuple(replace(offer, gpus=gpus) for offer in self.world.offers)

    async def volumes(self) -> tuple[tuple[str, str], ...]:
        await self.world.point("volumes")
        return tuple(self.world.volumes.items())

    async def delete_volume(self, volume_id: str) -> None:
        await self.world.point("delete_volume")
        self.world.volumes.pop(volume_id, None)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class FakeInfra:
    """Terraform over a world, with a provider that forgets what it was making when it is stopped."""

    world: World
    name: str = "lab"

    @property
    def _state(self) -> dict[str, str]:
        return self.world.states.setdefault(self.name, {})

    async def prepare(self, deployment: Deployment, public_key: str) -> None:
        await self.world.point("prepare")
        assert public_key
        self.world.laid[self.name] = deployment

    async def plan(self, *, destroy: bool = False, replace: Sequence[str] = ()) -> InfraPlan:
        await self.world.point("plan")
        world = self.world
        laid = world.laid[self.name]
        alive = {key: pod_id for key, pod_id in self._state.items() if pod_id in world.pods}
        wanted = {} if destroy else {node.key: node for node in laid.nodes}
        changes = [Change(f"pod[{key}]", "delete", node=key) for key in alive if key not in wanted]
        changes += [
            Change(f"pod[{key}]", "create", node=key, price=node.offer.price)
            for key, node in wanted.items()
            if key not in alive
        ]
        for key, pod_id in alive.items():
            if key in wanted and (key in replace or world.pods[pod_id].gpu_type != wanted[key].offer.gpu_type):
                changes.append(Change(f"pod[{key}]", "replace", "requested", node=key))
            elif key in wanted and world.pods[pod_id].status is PodStatus.EXITED:
                changes.append(Change(f"pod[{key}]", "update", node=key))
        changes += self._of_volume(wanted)
        drift = tuple(Change(f"pod[{key}]", "delete", node=key) for key in self._state if key not in alive)
        file = f"plan{len(world.plans)}"
        world.plans[file] = tuple(changes)
        per_hour = sum(node.offer.price or 0.0 for node in wanted.values())
        return InfraPlan(tuple(changes), drift, file, None, per_hour, destroy)

    def _of_volume(self, wanted: Mapping[str, Node]) -> list[Change]:
        """What becomes of the network volume: it is made where the record says, and cannot move."""
        world, laid = self.world, self.world.laid[self.name]
        held = world.held_volumes.get(self.name, "")
        if not wanted or not laid.wish.volume_gb:
            return [Change(VOLUME_ADDRESS, "delete")] if held else []
        if held not in world.volumes:
            return [Change(VOLUME_ADDRESS, "create")]
        center = laid.volume_center or wanted["head"].offer.data_center
        return [Change(VOLUME_ADDRESS, "replace", "cannot_update")] if center != world.centers[held] else []

    def _make_volume(self) -> None:
        world, laid = self.world, self.world.laid[self.name]
        identity = f"vol{next(world.numbers)}"
        world.volumes[identity] = f"{laid.prefix}cache"
        world.held_volumes[self.name] = identity
        world.centers[identity] = laid.volume_center

    async def apply(self, plan: InfraPlan, tell: Tell) -> Applied:
        world = self.world
        await world.point("apply")
        errors: list[tuple[str, str]] = []
        state = self._state
        of_volume = [change for change in world.plans[plan.file] if not change.node]
        of_pods = [change for change in world.plans[plan.file] if change.node]
        if any(change.node not in state for change in of_pods if change.action != "create"):
            raise InfraError("the deployment changed since this plan was made", "stale")
        for key in [key for key, pod_id in state.items() if pod_id not in world.pods]:
            del state[key]
        for change in of_volume:
            if change.action in {"delete", "replace"}:
                world.volumes.pop(world.held_volumes.pop(self.name), None)
            if change.action in {"create", "replace"}:
                self._make_volume()
        for change in of_pods:
            if change.action in {"delete", "replace"}:
                pod_id = state.get(change.node, "")  # none: it was ended since the plan was made
                if pod_id not in world.undying:
                    world.pods.pop(pod_id, None)
                await world.point("deleted")
                state.pop(change.node, None)
            if change.action == "update":
                pod = world.pods[state[change.node]]
                world.pods[pod.id] = replace(pod, status=PodStatus.PROVISIONING)
            if change.action in {"create", "replace"}:
                words = await self._create(change.node, tell)
                errors += [(change.node, words)] if words else []
        return Applied(not errors, dict(state), tuple(errors))

    async def _create(self, key: str, tell: Tell) -> str:
        world = self.world
        laid = world.laid[self.name]
        await world.point("create")
        node = next(one for one in laid.nodes if one.key == key)
        refusals = world.refusals.get(key)
        if refusals:
            return refusals.pop(0)
        if (node.offer.gpu_type, node.offer.data_center) in world.full:
            return NO_CAPACITY
        pod = world.make(f"{laid.prefix}{key}", node.offer, world.becomes.pop(key, None))
        await world.point("created")  # stopped here, the pod is in no state
        self._state[key] = pod.id
        tell(f"pod {pod.id} is made", node=node.name, stage="complete", action="create", pod=pod.id)
        return ""

    async def pods(self) -> Mapping[str, str]:
        await self.world.point("state")
        return dict(self._state)

    async def volume(self) -> str:
        return self.world.held_volumes.get(self.name, "")

    async def forget(self, key: str) -> None:
        await self.world.point("forget")
        self._state.pop(key, None)
        if key == "volume":
            self.world.held_volumes.pop(self.name, None)

    async def adopt(self, key: str, pod_id: str) -> None:
        await self.world.point("adopt")
        if key == "volume":
            assert pod_id in self.world.volumes
            self.world.held_volumes[self.name] = pod_id
            return
        if pod_id not in self.world.pods:
            raise InfraError(f"pod {pod_id} does not exist", "failed")
        assert key not in self._state
        self._state[key] = pod_id


@dataclass(slots=True)
class FakeHands:
    """Hands that note what they do, and fail where the world says so."""

    world: World

    async def _do(self, what: str, node: str) -> None:
        await self.world.point(what)
        trouble = self.world.troubles.get((what, node))
        if trouble is not None:
            raise DeployError(trouble)
        self.world.did.append(f"{what} {node}")

    async def reach(self, node: Node, pod: Pod, tell: Tell) -> None:
        assert pod.id == node.pod_id
        assert pod.ssh is not None
        await self._do("reach", node.name)

    async def install(self, node: Node, tell: Tell) -> None:
        await self._do("install", node.name)
        tell("installed", node=node.name, fraction=1.0)

    async def gpus(self, node: Node, tell: Tell, *, burn_in: bool) -> GpusSeen:
        await self._do("gpus", node.name)
        if burn_in:
            self.world.did.append(f"burn_in {node.name}")
        return self.world.sick.get(node.name, GpusSeen(1, "H100"))

    async def form(self, head: Node, workers: Sequence[Node], pods: Mapping[str, Pod], tell: Tell) -> None:
        assert {head.key, *(node.key for node in workers)} == set(pods)
        await self._do("form", ",".join([head.name, *(node.name for node in workers)]))

    async def run_job(self, head: Node, nodes: Sequence[Node], tell: Tell) -> None:
        await self._do("run_job", ",".join(node.name for node in nodes))

    async def serve_model(self, head: Node, model: str, tell: Tell) -> None:
        await self._do("serve_model", head.name)

    async def jobs_on(self, head: Node, node: Node) -> tuple[str, ...]:
        await self._do("jobs_on", node.name)
        running = self.world.jobs.get(node.name, [])
        found = tuple(running)
        if f"drain {node.name}" in self.world.did and running:
            running.pop()  # jobs end by and by
        return found

    async def drain(self, head: Node, node: Node, reason: str) -> None:
        await self._do("drain", node.name)

    async def cancel_jobs(self, head: Node, jobs: Sequence[str]) -> None:
        await self._do("cancel_jobs", ",".join(jobs))
        for running in self.world.jobs.values():
            running[:] = [job for job in running if job not in jobs]

    async def leave(self, head: Node, node: Node) -> None:
        await self._do("leave", node.name)

    async def is_busy(self, head: Node) -> bool | None:
        await self._do("is_busy", head.name)
        return self.world.busy

    async def logs(self, node: Node, name: str, lines: int) -> tuple[str, ...]:
        await self._do("logs", node.name)
        return (f"{name} of {node.name}",)

    async def forget(self, node: Node) -> None:
        await self._do("forget", node.name)


def provider_error(kind: str, text: str = "RunPod says no") -> ProviderError:
    """An error of the provider's."""
    return ProviderError(text, kind)
