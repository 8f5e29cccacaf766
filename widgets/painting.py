"""Painting a change: only the widgets and the columns that it touches are painted and sent.

Textual asks every widget on the screen for all of its lines, whatever has changed, and sends a changed line from the
widget's left edge on. Both together are half of what a second's new numbers cost. The names overridden here are
Textual's own private ones; it is pinned exactly, and a test holds both ways against each other.
"""

from __future__ import annotations

from itertools import pairwise

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Span = tuple[int, int, int]
"""A line and the columns of it that changed: from the first up to the last, which is not among them."""


class FrugalCompositor(Compositor):
    """Textual's compositor, with changes painted for what they are."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """The pieces of lines that changed since the last time; None where nothing did."""
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        if not regions:
            return None
        spans = list(self._regions_to_spans(regions))
        cuts = self._cuts_at(spans)
        return ChopsUpdate(self._pieces(spans, cuts), spans, [line[1:] for line in cuts])

    def _cuts_at(self, spans: list[Span]) -> list[list[int]]:
        """Where lines are cut into pieces: where widgets meet, and where a change begins and ends."""
        cuts = list(self.cuts)
        for y, left, right in spans:
            cuts[y] = sorted({*cuts[y], left, right})
        return cuts

    def _pieces(self, spans: list[Span], cuts: list[list[int]]) -> list[dict[int, Strip | None]]:
        """For every line of the screen its pieces by their column; None where nothing has changed."""
        found: list[dict[int, Strip | None]] = [dict.fromkeys(line[:-1]) for line in cuts]
        missing: dict[int, set[int]] = {}
        for y, left, right in spans:
            wanted = {start for start, end in pairwise(cuts[y]) if start < right and end > left}
            missing.setdefault(y, set()).update(wanted)
        for widget, (region, clip) in self.visible_widgets.items():  # the foremost first
            seen = region.intersection(clip)
            lines = [y for y, starts in missing.items() if _touches(seen, y, starts)]
            if not lines:
                continue
            first = lines[0]
            of_widget = Region(seen.x - region.x, first - region.y, seen.width, lines[-1] - first + 1)
            strips = widget.render_lines(of_widget)
            for y in lines:
                starts = [cut for cut in cuts[y] if seen.x <= cut <= seen.right]
                parts = strips[y - first].divide([cut - seen.x for cut in starts[1:]])
                for start, part in zip(starts, parts, strict=False):
                    if start in missing[y]:
                        missing[y].discard(start)
                        found[y][start] = part
        return found


def _touches(seen: Region, y: int, starts: set[int]) -> bool:
    """Whether a widget shows any of the pieces of a line that are still missing."""
    return seen.y <= y < seen.bottom and any(seen.x <= start < seen.right for start in starts)


def sends_parts(widget: Widget) -> bool:
    """Whether a part of a line costs less than the line on the screen that a widget is on."""
    return isinstance(widget.screen._compositor, FrugalCompositor)  # noqa: SLF001 - see the module's first lines
