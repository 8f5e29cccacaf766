"""Whom something wrong hits, and how much it costs."""

from __future__ import annotations

from app.domain.frozen import frozen


@frozen
class Affects:
    """Whom and how much it costs."""

    jobs: tuple[str, ...] = ()
    gpus: int = 0
    cost_per_hour: float | None = None
    """$/h lost while it lasts; None where no price is known."""


NO_AFFECTS = Affects()
