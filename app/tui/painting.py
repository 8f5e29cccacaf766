"""What colours the grid, as the user chose: the metric, or the job, the user, the idle time of each GPU."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.snapshot import Gpu
from app.present.paint import Kinds, Paint, holder_paint, idle_paint
from app.tui.moment import Moment
from app.tui.viewstate import Colour

PaintOf = Callable[[tuple[Gpu, ...]], Paint]


class Painter:
    """Remembers whose letter is whose."""

    def __init__(self) -> None:
        self._kinds = {"job": Kinds(), "user": Kinds()}

    def of(self, moment: Moment, colour: Colour) -> PaintOf | None:
        """What paints a moment; None: its metric does."""
        look = moment.look
        if colour == "metric":
            return None
        if colour == "idle":
            return lambda gpus: idle_paint(gpus, look.idle_s or _unknown)
        kinds, by_user = self._kinds[colour], colour == "user"
        return lambda gpus: holder_paint(gpus, look, kinds, by_user=by_user)


def _unknown(gpu: Gpu) -> float | None:  # noqa: ARG001 - in place of a callable of GPUs
    """Nobody watches."""
    return None
