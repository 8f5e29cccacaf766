"""What a test turns on the emulated RunPod: delays, capacity, pods that go wrong, answers that go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal, get_args

FaultKind = Literal["problem", "hang", "drop", "garbage", "page"]
FateKind = Literal["stuck", "pulling", "error", "exit", "vanish", "no_ssh"]


@dataclass
class Fault:
    """An answer that goes wrong."""

    kind: FaultKind = "problem"
    """`problem`: an error of `status`; `hang`: nothing for `hold_s`; `drop`: the connection ends; `garbage`: no JSON;
    `page`: the HTML of a proxy, with `status`."""
    status: int = 500
    detail: str = "injected"
    method: str = ""
    """Empty: any."""
    path: str = ""
    """A pattern such as `/v2/pods*`; empty: any."""
    times: int | None = 1
    """How often yet; None: for ever."""
    probability: float = 1.0
    retry_after_s: int | None = None
    """None: a 429 says 1, and nothing else says any."""
    is_done: bool = False
    """What was asked for is done first, and only its answer goes wrong."""
    hold_s: float = 3600.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"a fault is one of {get_args(FaultKind)}, not {self.kind!r}")

    def strikes(self, method: str, path: str, dice: Random) -> bool:
        """Whether this request is hit; counts it."""
        if self.times == 0 or (self.method or method) != method or not fnmatchcase(path, self.path or "*"):
            return False
        if dice.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Fate:
    """What becomes of pods whose name fits."""

    kind: FateKind
    """`stuck`: provisioning for ever; `pulling`: starting for ever, as with a registry that sends nothing; `error` and
    `exit`: it ends so in place of running; `vanish`: it is terminated then; `no_ssh`: its port 22 is never mapped."""
    name: str = "*"
    times: int | None = None
    """How many pods yet; None: all."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FateKind):
            raise ValueError(f"a fate is one of {get_args(FateKind)}, not {self.kind!r}")


@dataclass
class Knobs:
    """All of them; the defaults are a RunPod on a good day."""

    delay_s: float = 0.0
    """Before each answer."""
    create_delay_s: float = 0.0
    """Between a create's request and the moment its pod exists: it will, though the client has left meanwhile."""
    answer_delay_s: float = 0.0
    """Between that moment and the create's answer."""
    jitter_s: float = 0.0
    """Up to so much more, by the dice, on each of these two."""
    starting_after_s: float = 0.05
    running_after_s: float = 0.1
    """Seconds after its start at which a pod says STARTING and RUNNING, at the earliest when its hook is done."""
    gone_after_s: float = 0.0
    """Seconds that a terminated pod stays in the list, as TERMINATED."""
    capacity: dict[str, int] = field(default_factory=dict)
    """GPUs that are free yet, by `TYPE` or `TYPE@DATA-CENTRE`; what is not named never runs out."""
    is_catalogue_stale: bool = False
    """The catalogue goes on as if nothing had run out."""
    forbidden: list[str] = field(default_factory=list)
    """GPU types that this account may not rent: 403."""
    balance: float | None = None
    """$ on the account when it was opened. At 0 what costs is refused with 402, and pods end: terminated with their
    data, or stopped where that is on a network volume. None: plenty."""
    may_write: bool = True
    """False: the key only reads, and the rest is 403."""
    faults: list[Fault] = field(default_factory=list)
    """The first that fits strikes."""
    fates: list[Fate] = field(default_factory=list)
    seed: int = 0
    """Of the dice that `probability` and `jitter_s` throw."""
    dice: Random = field(default_factory=Random)

    def turn(self, given: Mapping[str, Any]) -> None:
        """Set what is given, as JSON has it; ValueError names a knob that does not exist."""
        known = {each.name for each in fields(self)} - {"dice"}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"there is no knob {name!r}; known: {', '.join(sorted(known))}")
            if name == "faults":
                self.faults = [Fault(**each) for each in value]
            elif name == "fates":
                self.fates = [Fate(**each) for each in value]
            else:
                setattr(self, name, value)
            if name == "seed":
                self.dice.seed(value)

    def told(self) -> dict[str, Any]:
        """All of them as JSON."""
        return {name: value for name, value in asdict(self).items() if name != "dice"}

    def late(self, seconds: float) -> float:
        """A delay with its jitter."""
        return seconds + (self.dice.uniform(0.0, self.jitter_s) if self.jitter_s else 0.0)

    def fault(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request."""
        return next((each for each in self.faults if each.strikes(method, path, self.dice)), None)

    def fate(self, name: str) -> FateKind | None:
        """What becomes of a pod of that name; counts it."""
        for each in self.fates:
            if each.times != 0 and fnmatchcase(name, each.name):
                each.times = None if each.times is None else each.times - 1
                return each.kind
        return None
