"""Waves: periodic tables of one value a second whose integral and thermal lag are known in one look.

Everything the simulated cluster shows is a function of time alone, so any moment can be asked for in any order. That
only works if the energy counter (an integral of power) and the temperature (power with a lag) need no stepping: a table
brings its running sums and its lagged copy along, and both are then as cheap as the value itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from app.domain.frozen import frozen
from app.sim.dice import Dice

LAG_S = 45.0
"""Time constant of a GPU under its heat sink: two thirds of a change in power are in the temperature after 45 s."""
HUM_S = 4096
"""Length of the noise table; a power of two, so that wrapping is one `&`."""


@frozen
class Wave:
    """One value a second, repeated for ever."""

    values: tuple[float, ...]
    sums: tuple[float, ...]
    """`sums[i]`: integral over the first `i` seconds; one entry more than there are values."""
    lagged: tuple[float, ...]
    """The values behind a first-order lag of `LAG_S`, as they settle when the wave has always been running."""

    @staticmethod
    def of(values: Sequence[float]) -> Wave:
        """Make a wave out of its values."""
        return Wave(tuple(values), (0.0, *accumulate(values)), _lagged(values))

    def value(self, second: float) -> float:
        """The value at a second; before 0 it has been repeating too."""
        return self.values[int(second % len(self.values))]

    def lag(self, second: float) -> float:
        """The lagged value at a second."""
        return self.lagged[int(second % len(self.lagged))]

    def area(self, second: float) -> float:
        """The integral from 0 to a second (negative before 0)."""
        whole, rest = divmod(second, len(self.values))
        i = int(rest)
        return whole * self.sums[-1] + self.sums[i] + (rest - i) * self.values[i]


def _lagged(values: Sequence[float]) -> tuple[float, ...]:
    """Filter a period over and over until it closes on itself."""
    gain = 1.0 - math.exp(-1.0 / LAG_S)
    level = sum(values) / len(values)
    out: list[float] = []
    for _ in range(1 + math.ceil(8 * LAG_S / len(values)) if len(set(values)) > 1 else 1):
        out = []
        for value in values:
            out.append(level)
            level += gain * (value - level)
    return tuple(out)


FLAT = Wave.of((0.0,))
"""Nothing at all, for ever."""


def hum(dice: Dice) -> Wave:
    """Noise with a mean of exactly 0 and a spread of about 1, a little sticky, never beyond 2.5."""
    level, raw = 0.0, []
    for _ in range(HUM_S):
        level = 0.6 * level + 0.8 * dice.gauss()
        raw.append(max(-2.4, min(2.4, level)))
    mean = sum(raw) / HUM_S
    return Wave.of([value - mean for value in raw])


def training(dice: Dice) -> Wave:
    """Training: a plateau with a notch at each step's end, and a checkpoint dip closing each period of 3 to 8 minutes.

    The notch is what node power shows in MLPerf's GPT-3 runs (all nodes, every ten seconds or so).
    """
    period, dip, step = int(dice.between(180, 480)), int(dice.between(12, 28)), int(dice.between(8, 14))
    values = [0.93 if second % step == 0 else dice.between(0.965, 1.0) for second in range(period - dip)]
    values += [dice.between(0.0, 0.12) for _ in range(dip - 2)] + [0.35, 0.8]
    return Wave.of(values)


def notebook(dice: Dice) -> Wave:
    """Somebody at a notebook: long silences, cells of ten seconds to two minutes."""
    values: list[float] = []
    while len(values) < 2700:
        values += [0.012] * int(10 + dice.waiting(150))
        level = dice.between(0.25, 0.95)
        values += [min(1.0, max(0.05, level + 0.06 * dice.gauss())) for _ in range(int(dice.between(10, 120)))]
    return Wave.of(values)


def arrivals(dice: Dice) -> Wave:
    """Request traffic around its daily mean: minutes-long swells under second-long bursts, zero on average."""
    swell, values = 0.0, []
    for _ in range(3600):
        swell += (-swell + 6.0 * dice.gauss()) / 60.0
        values.append(max(-0.25, min(0.25, 0.16 * swell + 0.05 * dice.gauss())))
    mean = sum(values) / len(values)
    return Wave.of([value - mean for value in values])
