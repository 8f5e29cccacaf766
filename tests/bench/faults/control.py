"""What a control is: quiet hours, and what happens in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.faults.story import Stage

INTERVAL_S = 30.0
SAYS = "(APIServer pid=3391) "
"""How a model server's own process begins its lines."""


@dataclass(frozen=True, slots=True)
class Control:
    """Some hours, and what happens in them."""

    name: str
    hours: float
    tell: Callable[[Stage], None]
