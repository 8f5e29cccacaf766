"""Pictures of the past: a sparkline of any height, and a chart with axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.present.braille import curve
from app.present.cells import Cell, Line, Tone
from app.present.charts import Chart, chart_lines
from app.present.glyphs import UNICODE, Glyphs
from app.present.look import Look
from app.present.sparks import area
from widgets.ink import Painted


class Sparkline(Painted):
    """Recent values on a fixed range: blocks on one line, a curve on more."""

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._glyphs = glyphs
        self._values: tuple[float | None, ...] = ()
        self._range = (0.0, 100.0)
        self._tone: Tone = "spark"

    def show(self, values: Sequence[float | None], low: float, high: float, tone: Tone = "spark") -> None:
        """Show values, oldest first, between `low` and `high`."""
        self._values, self._range, self._tone = tuple(values), (low, high), tone
        self.repaint()

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The newest values that fit, at the right."""
        if height > 1 and self._glyphs.braille:
            texts = curve(self._values, width, height, *self._range)
        else:
            texts = area(self._values, width, height, *self._range, self._glyphs)
        return tuple((Cell(text, self._tone),) for text in texts)


class HistoryChart(Painted):
    """A chart on a fixed scale with gaps, a limit and marks; without values it says why."""

    DEFAULT_CSS = """
    HistoryChart { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._shown: tuple[Chart, Look] | None = None
        self._resized: Callable[[], object] | None = None

    def when_resized(self, call: Callable[[], object]) -> None:
        """Call this whenever there is another size to fill; whoever supplies the chart is no widget to be told."""
        self._resized = call

    def on_resize(self) -> None:
        """A size of its own: also the first."""
        if self._resized is not None:
            self._resized()

    def show(self, chart: Chart, look: Look) -> None:
        """Show another picture."""
        self._shown = (chart, look)
        self.repaint()

    def make_lines(self, width: int, height: int) -> tuple[Line, ...]:
        """The picture for a size."""
        return () if self._shown is None else chart_lines(self._shown[0], width, height, self._shown[1])
