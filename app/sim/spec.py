"""SimSpec: everything that decides what a simulated cluster looks like."""

from __future__ import annotations

from app.domain.frozen import frozen


@frozen
class SimSpec:
    """A simulated cluster. Two with equal specs show the same values at the same simulated second.

    Raises ValueError, for a person, when a number is out of its range.
    """

    nodes: int = 4
    gpus: int = 8
    """GPUs a node."""
    scenario: str = "showcase"
    """A name of `app.sim.scenarios.SCENARIOS`."""
    speed: float = 1.0
    """Simulated seconds that pass in one real second. Counters still rise by what a real second makes of them."""
    seed: int = 7
    history_s: float | None = None
    """Simulated seconds before the start in which jobs already came and went; None: a day, six hours if it is large."""

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("nodes", self.nodes, 1, 1024),
            ("gpus", self.gpus, 1, 16),
            ("speed", self.speed, 0.01, 3600.0),
            ("history_s", self.past_s, 3600.0, 7 * 86400.0),
        ):
            if not low <= value <= high:
                raise ValueError(f"a simulated cluster's {name} must be {low:g} … {high:g}, not {value:g}")

    @property
    def past_s(self) -> float:
        """Simulated seconds of history; making it costs some 15 µs for each GPU's job."""
        if self.history_s is not None:
            return self.history_s
        return 86400.0 if self.nodes <= 128 else 21600.0
