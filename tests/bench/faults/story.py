"""Stories: what goes wrong when, told to a plant, and the truth of it that a diagnosis is held against."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from app.domain.series import Severity
from tests.bench.faults.pages import pci
from tests.bench.faults.plant import ALL, START, Place, Plant, Sight

STEP_S = 10.0
"""Seconds between two looks."""
FAULT_S = 64.0
"""When a story's fault shows for the first time: between two looks, after the plant was watched for a while."""


LATE_S = 15.0
"""So much later logs come in what is held out: pages and Slurm tell of it first."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really wrong."""

    codes: tuple[str, ...]
    """Any of which names the root rightly."""
    subjects: tuple[str, ...]
    """Any of which is the right subject, as findings write theirs."""
    severity: Severity = "warning"
    """It must be at least as grave."""
    for_s: float = 0.0
    """So long it must last before it is that grave."""
    begins: float = FAULT_S
    """Seconds into the story of the first evidence."""
    ends: float | None = None
    """Seconds into the story when it is over and stated: after two more looks and `keep_s` it must be gone."""
    keep_s: float = 0.0
    follows: tuple[str, ...] = ()
    """Codes of what follows from it: attached, or, where the cause cannot be seen, told by themselves."""
    also: tuple[str, ...] = ()
    """Codes that are true of it as well before it is known for what it is."""
    must_not: tuple[str, ...] = ()
    """Patterns of commands that must not be proposed."""


@dataclass(frozen=True, slots=True)
class Story:
    """One fault or chain in one variant."""

    name: str
    variant: int
    """1 and 2 are open, 3 is held out; of chains 2 is held out."""
    tell: Callable[[Stage], Truth | tuple[Truth, ...]]
    is_chain: bool = False
    lasts_s: float = 300.0

    @property
    def is_held_out(self) -> bool:
        """Rules were written without it."""
        return self.variant == (2 if self.is_chain else 3)


@dataclass
class Stage:
    """A story being told: a plant, what is to happen to it, and what else is true in it."""

    plant: Plant
    variant: int
    deeds: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    distractors: list[Truth] = field(default_factory=list)
    lasts_s: float = 300.0
    pauses: list[tuple[float, float]] = field(default_factory=list)
    """Seconds between which nobody looks."""

    # ── places, other ones in each variant ──

    @property
    def node(self) -> str:
        """The machine it happens on; a half of the large job."""
        return ("gpu-1", "gpu-2", "gpu-1")[self.variant - 1]

    @property
    def index(self) -> int:
        """The GPU it happens to."""
        return (3, 5, 0)[self.variant - 1]

    @property
    def place(self) -> Place:
        """That GPU."""
        return self.node, self.index

    @property
    def gpu(self) -> str:
        """That GPU, as findings write it."""
        return f"{self.node}/{self.index}"

    @property
    def other_node(self) -> str:
        """The other half of the large job."""
        return "gpu-2" if self.node == "gpu-1" else "gpu-1"

    @property
    def is_full(self) -> bool:
        """Every signal comes; in the third variant one is missing."""
        return self.variant != 3

    def pick(self, *some: str) -> str:
        """The wording of this variant."""
        return some[min(self.variant, len(some)) - 1]

    # ── deeds ──

    def at(self, seconds: float, deed: Callable[[], object]) -> None:
        """Do something so far into the story."""
        self.deeds.append((START + seconds, deed))

    def kernel(self, *lines: str, at: float = FAULT_S, node: str = "", every_s: float = 0.0) -> None:
        """Lines in a kernel log."""
        for number, line in enumerate(lines):
            self.at(at + number * every_s, partial(self.plant.kernel, node or self.node, line))

    def xid(
        self, code: int, words: str, *, at: float = FAULT_S, place: Place | None = None, process: str = "python",
        is_metric: bool = True,
    ) -> None:  # fmt: skip
        """An Xid: its line, and the exporter's last value."""
        node, index = place or self.place
        who = "pid='<unknown>', name=<unknown>" if process == "?" else f"pid={41000 + index}, name={process}"
        self.kernel(f"NVRM: Xid (PCI:{pci(index)}): {code}, {who}, {words}", at=at, node=node)
        if is_metric:
            self.hold(at, (node, index), DEV_XID_ERRORS=float(code))

    def say(self, log: str, *lines: str, at: float = FAULT_S) -> None:
        """Lines in a program's log."""
        for line in lines:
            self.at(at, partial(self.plant.say, log, line))

    def hold(self, at: float, place: Place, **fields: float) -> None:
        """Fields of a GPU that stay as they are from then on."""
        self.at(at, lambda: self.plant.overrides.setdefault(place, {}).update(fields))

    def let_go(self, at: float, place: Place, *names: str) -> None:
        """Fields are the plant's own again; counters and flags stay as they are, states go back to normal."""
        self.at(at, lambda: [self.plant.overrides.get(place, {}).pop(name, None) for name in names])

    def grow(self, at: float, place: Place, until: float = 1e9, **per_s: float) -> None:
        """Counters of a GPU that grow so much a second."""
        self.at(at, lambda: self.plant.drift.setdefault(place, {}).update(per_s))
        if until < 1e8:
            self.at(until, lambda: self.plant.drift.pop(place, None))

    def host(self, at: float, node: str = "", **values: float) -> None:
        """Values of a machine."""
        self.at(at, lambda: self.plant.hosts[node or self.node].update(values))

    def lose(self, at: float, place: Place | None = None) -> None:
        """The exporter no longer lists a GPU."""
        self.at(at, lambda: self.plant.gone.add(place or self.place))

    def fail(self, target: str, how: str, at: float = FAULT_S, until: float | None = None) -> None:
        """A source cannot be read."""
        self.at(at, lambda: self.plant.failing.update({target: how}))
        if until is not None:
            self.at(until, lambda: self.plant.failing.pop(target, None))

    def slurm_node(self, at: float, node: str = "", **said: object) -> None:
        """What Slurm says of a node."""
        self.at(at, partial(self.plant.node_words, node or self.node, **said))

    def end_job(self, number: int, state: str, at: float, code: str = "0:0") -> None:
        """A job ends."""
        self.at(at, partial(self.plant.end_job, number, state, code))

    def mood(self, job: int, mood: str, at: float, until: float | None = None) -> None:
        """A job's GPUs wait (`stuck`) or rest (`stalled`)."""
        self.at(at, lambda: self.plant.moods.update({job: mood}))
        if until is not None:
            self.at(until, lambda: self.plant.moods.pop(job, None))

    def due(self, now: float) -> None:
        """Let happen what is due, in its order, each at its own time."""
        ready = sorted((one for one in self.deeds if one[0] <= now), key=lambda one: one[0])
        self.deeds = [one for one in self.deeds if one[0] > now]
        for at, deed in ready:
            if at > self.plant.now:
                self.plant.advance(at)
            deed()


# ── unrelated, but true ──


def _pending_row(stage: Stage) -> Truth:
    stage.hold(40.0, ("gpu-4", 6), DEV_ROW_REMAP_PENDING=1.0)
    return Truth(("A3",), ("gpu-4/6",))


def _full_disk(stage: Stage) -> Truth:
    name = 'filesystem_avail_bytes{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}'
    stage.at(40.0, lambda: stage.plant.hosts["gpu-4"].update({name: 3.1e10}))
    return Truth(("I5",), ("gpu-4",))


def _health_check(stage: Stage) -> Truth:
    stage.slurm_node(40.0, "gpu-4", flags="DRAIN", reason="NHC: check_fs_mount:  /scratch not mounted", by="root")
    return Truth(("F11",), ("gpu-4",))


def _corrected_rate(stage: Stage) -> Truth:
    stage.grow(40.0, ("gpu-4", 2), DEV_ECC_SBE_VOL_TOTAL=9.0)
    return Truth(("A7",), ("gpu-4/2",))


_DISTRACTORS = (_pending_row, _full_disk, _health_check, _corrected_rate)


def stage_for(story: Story, sight: Sight = ALL, number: int = 0) -> tuple[Stage, tuple[Truth, ...]]:
    """A story set up to be told, and its truths; the second variants have noise and something else that is true."""
    plant = Plant(seed=1000 * story.variant + number, sight=sight)
    plant.stamp = ("dmesg", "iso", "syslog")[story.variant - 1]
    plant.log_late_s = LATE_S if story.is_held_out else 0.0
    stage = Stage(plant, story.variant, lasts_s=story.lasts_s)
    told = story.tell(stage)
    truths = told if isinstance(told, tuple) else (told,)
    if story.variant == 2:
        stage.distractors.append(_DISTRACTORS[number % len(_DISTRACTORS)](stage))
        stage.xid(43, "Ch 00000018", at=31.0, place=("gpu-4", 1))
        stage.say("slurmctld log", "slurmctld: _slurm_rpc_kill_job: REQUEST_KILL_JOB JobId=799 uid 2003", at=33.0)
    return stage, truths


def variants(
    name: str, tell: Callable[[Stage], Truth | tuple[Truth, ...]], lasts_s: float = 300.0
) -> tuple[Story, ...]:
    """A single fault in its three variants."""
    return tuple(Story(name, number, tell, lasts_s=lasts_s) for number in (1, 2, 3))


def chains(name: str, tell: Callable[[Stage], Truth | tuple[Truth, ...]], lasts_s: float = 420.0) -> tuple[Story, ...]:
    """A chain in its two variants."""
    return tuple(Story(name, number, tell, is_chain=True, lasts_s=lasts_s) for number in (1, 2))


def is_about(truth: Truth, code: str, subject: str) -> bool:
    """Whether a finding is this truth's root."""
    return code in truth.codes and subject in truth.subjects


def forbidden(truths: Iterable[Truth]) -> re.Pattern[str] | None:
    """What must not be proposed in a story, beside what must never be."""
    parts = [pattern for truth in truths for pattern in truth.must_not]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None
