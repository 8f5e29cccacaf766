"""What happens while something is recorded, as the recorder hears it and the scribe writes it down: values, no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.domain.watched import IdleSpell
from app.services.board import Arrival
from app.sources.told import Told

TickKind = Literal["watch", "diagnose", "alert"]


@frozen
class Heard:
    """An answer as the tap was told it: its part of the look, and when it was complete (epoch seconds)."""

    part: str
    at: float
    told: Told


@frozen
class Look:
    """A look at a source, with its answers."""

    arrival: Arrival
    at: float
    """Epoch seconds when it was applied."""
    answers: tuple[Heard, ...] = ()
    is_primer: bool = False
    """It counts for what is read after it, and is not shown."""


@dataclass(slots=True)
class Tick:
    """A step of a judge."""

    kind: TickKind
    at: float
    is_over: bool = False
    is_taken: bool = False
    """It was this process's turn to judge."""
    idle: Mapping[str, IdleSpell] = field(default_factory=dict)
    """Idle spells that this step took from the history."""


@frozen
class Gone:
    """A source that is configured no longer."""

    name: str
    at: float


@frozen
class Begin:
    """The beginning of a segment."""

    picture: Snapshot
    at: float
    about: Mapping[str, Any]
    is_new: bool = False
    """What was before does not lead to this picture."""


Happening = Look | Tick | Gone | Begin
