"""One emulated pod: what was asked for, how it stands at a time, what it has cost so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.domain.deployment import Address
from tests.standins.runpod.knobs import FateKind

ENDS: dict[FateKind, str] = {"error": "ERROR", "exit": "EXITED", "vanish": "TERMINATED"}
"""How a pod ends in place of running, where that is its fate."""
ACTIONS = {
    "PROVISIONING": ("stop", "terminate"),
    "STARTING": ("stop", "terminate"),
    "RUNNING": ("stop", "restart", "terminate"),
    "EXITED": ("start", "terminate"),
    "ERROR": ("start", "terminate"),
    "TERMINATED": (),
}
"""What may be asked of a pod, by its status."""
DISK_GB = 50
STOPPED_PER_GB_HOUR = 0.20 / 730
"""$/h that a stopped pod's own volume goes on costing: $0.20 a GB and month."""


@dataclass
class FakePod:
    """A pod of the emulated account; hooks are given it, and may read it."""

    id: str
    number: int
    """The how manieth of the account, from 0."""
    body: dict[str, Any]
    """The request that made it, changed by later ones."""
    data_center: str | None
    """None in the community cloud."""
    running_cost: float
    """$/h while it is not stopped."""
    created_at: float
    fate: FateKind | None = None
    state: str = "ALIVE"
    """`ALIVE`, or the status it ended in."""
    begun_at: float = 0.0
    """When it was last started."""
    starting_after_s: float = 0.0
    running_after_s: float = 0.0
    starts: int = 0
    is_booting: bool = False
    """A hook is at work on its container."""
    has_container: bool = False
    address: Address | None = None
    """Where its port 22 is mapped to, while it runs."""
    has_private_address: bool = False
    is_locked: bool = False
    ended_at: float | None = None
    """When it was terminated."""
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    """Its log: when, `system` or `container`, and the line."""
    _spent: float = 0.0
    _counted_until: float = 0.0

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def image(self) -> str:
        return str(self.body.get("image", ""))

    @property
    def gpu_type(self) -> str:
        """Empty for a pod without."""
        return str(self.body.get("gpu", {}).get("id", ""))

    @property
    def gpus(self) -> int:
        return int(self.body["gpu"].get("count", 1)) if "gpu" in self.body else 0

    @property
    def cloud(self) -> str:
        return str(self.body.get("cloud", "SECURE"))

    @property
    def private_address(self) -> str:
        """On the private network."""
        return f"10.65.{self.number // 250}.{self.number % 250 + 2}"

    @property
    def private_name(self) -> str:
        """On the private network."""
        return f"{self.id}.runpod.internal"

    @property
    def env(self) -> dict[str, str]:
        """What the request sets."""
        return dict(self.body.get("env", {}))

    @property
    def container_env(self) -> dict[str, str]:
        """What processes of its container find in their environment, the provider's own variables with it."""
        own = {
            "RUNPOD_POD_ID": self.id,
            "RUNPOD_POD_HOSTNAME": f"{self.id}-64411eb2",
            "RUNPOD_DC_ID": self.data_center or "",
            "RUNPOD_GPU_COUNT": str(self.gpus),
            "RUNPOD_CPU_COUNT": str(self.body.get("cpu", {}).get("vcpuCount", 8)),
        }
        if self.address is not None:
            own |= {"RUNPOD_PUBLIC_IP": self.address.host, "RUNPOD_TCP_PORT_22": str(self.address.port)}
        return own | self.env

    @property
    def is_alive(self) -> bool:
        """It holds its GPUs."""
        return self.state in ("ALIVE", "ERROR")

    def status(self, now: float) -> str:
        """Its status as the API has it."""
        if self.state != "ALIVE":
            return self.state
        age = now - self.begun_at
        if self.fate == "stuck" or age < self.starting_after_s:
            return "PROVISIONING"
        is_starting = age < self.running_after_s or self.is_booting or self.fate == "pulling"
        return "STARTING" if is_starting else "RUNNING"

    def advance(self, now: float) -> None:
        """Let what time brings happen: a pod that is to go wrong does, and money is counted."""
        due = self.begun_at + self.running_after_s
        if self.state == "ALIVE" and self.fate in ENDS and now >= due:
            self.become(ENDS[self.fate], due)
            self.fate = None
        self._count(now)

    def become(self, state: str, now: float) -> None:
        """Change the state, and with it what an hour costs."""
        self._count(now)
        self.state = state
        if state != "ALIVE":
            self.address = None
        if state == "TERMINATED":
            self.ended_at = now

    def begin(self, now: float, starting_after_s: float, running_after_s: float) -> None:
        """Start, or start again."""
        self.become("ALIVE", now)
        self.begun_at, self.starts = now, self.starts + 1
        self.starting_after_s, self.running_after_s = starting_after_s, running_after_s
        self.has_private_address = bool(self.body.get("globalNetworking"))

    @property
    def cost(self) -> float:
        """$/h that the API tells: a stopped pod's volume is not in it, though it is paid for."""
        return self.running_cost if self.is_alive else 0.0

    @property
    def per_hour(self) -> float:
        """$/h that are really billed now."""
        if self.state == "EXITED":
            return float(self.body.get("mounts", {}).get("persistent", {}).get("size", 0)) * STOPPED_PER_GB_HOUR
        return self.cost

    @property
    def spent(self) -> float:
        """$ until it was last looked at."""
        return self._spent

    def _count(self, now: float) -> None:
        since = self._counted_until or self.created_at
        self._spent += self.per_hour * max(0.0, now - since) / 3600
        self._counted_until = max(since, now)

    def say(self, now: float, source: str, line: str) -> None:
        """Add a line to its log."""
        self.lines.append((now, source, line))
