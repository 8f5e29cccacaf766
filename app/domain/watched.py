"""What only watching for a while can tell: how long GPUs have been idle, and what that and the like amounts to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from app.domain.frozen import frozen

if TYPE_CHECKING:  # before anything is found nobody pays for its classes; the codec finds them by name
    from app.domain.finding import Finding


@frozen
class IdleSpell:
    """How long an allocated GPU has done nothing."""

    since: float
    """Epoch seconds of the first look that saw it idle."""
    seen_s: float
    """Watched time since then, without gaps."""


@frozen
class Watched:
    """What only watching for a while can tell."""

    at: float = 0.0
    """Epoch seconds of the evaluation; 0: there was none."""
    idle: Mapping[str, IdleSpell] = field(default_factory=dict)
    """`node/index` of each allocated GPU that is idle now."""
    findings: tuple[Finding, ...] = ()
    """The worst first."""
