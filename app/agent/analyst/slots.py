"""What a question is about: places, jobs, people, a time, a quantity, a number. Frozen values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from app.agent.analyst.known import Known
from app.agent.analyst.moments import Span
from app.agent.analyst.quantities import Quantity
from app.domain.chat import Chip
from app.domain.frozen import frozen


@frozen
class Slots:
    """What was found in a question."""

    gpus: tuple[str, ...] = ()
    """`node/index`."""
    indices: tuple[int, ...] = ()
    """GPUs that were named without their node."""
    nodes: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    model: str | None = None
    """Of a GPU, as it was said: `h100`."""
    service: str | None = None
    """The model of a server."""
    rule: str | None = None
    """A rule of alerts, or an alert's id."""
    incident: str | None = None
    span: Span | None = None
    length_s: float | None = None
    quantity: Quantity | None = None
    count: int | None = None
    node_count: int | None = None
    xids: tuple[int, ...] = ()
    why: str = ""
    """The reason that was given: `because …`."""
    unknown: tuple[str, ...] = ()
    """Names that are built like the cluster's, and that it does not have."""
    notes: tuple[str, ...] = field(default=())
    """How something was taken: `gpu-1 is taken for gpu-01`."""

    @property
    def has_place(self) -> bool:
        """It is about something of its own."""
        return bool(
            self.gpus or self.indices or self.nodes or self.jobs or self.users or self.partitions or self.service
            or self.unknown or self.incident or self.rule
        )  # fmt: skip


@dataclass
class Marking:
    """A text in which found pieces are replaced one after the other."""

    text: str
    known: Known
    slots: Slots = field(default_factory=Slots)

    def take(self, pattern: re.Pattern[str], mark: str) -> list[re.Match[str]]:
        """All matches of a pattern, each replaced by a mark."""
        found = list(pattern.finditer(self.text))
        if found:
            self.text = pattern.sub(mark, self.text)
        return found

    def note(self, **said: object) -> None:
        """Keep what was found."""
        self.slots = replace(self.slots, **said)  # type: ignore[arg-type]  # each caller names fields of Slots


def of_chips(chips: tuple[Chip, ...], known: Known) -> Slots:
    """What the person had before them when they asked."""
    slots = Slots()
    for chip in chips:
        match chip.kind:
            case "gpu":
                slots = replace(slots, gpus=(*slots.gpus, chip.key))
            case "node":
                slots = replace(slots, nodes=(*slots.nodes, known.node(chip.key) or chip.key))
            case "job":
                slots = replace(slots, jobs=(*slots.jobs, chip.key))
            case "alert":
                slots = replace(slots, rule=chip.key)
            case "incident":
                slots = replace(slots, incident=chip.key)
            case "time":
                slots = _at_moment(slots, chip.key)
    return slots


def _at_moment(slots: Slots, key: str) -> Slots:
    try:
        at = float(key)
    except ValueError:
        return slots
    return replace(slots, span=Span(at - 900.0, at + 900.0, "moment", "then"))
