"""Ground: what has nothing of its own to show, under all that has.

Textual renders every line of a container, also of one that is covered from end to end; of the first frame's lines that
are two in three.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.containers import Container
from textual.geometry import Region
from textual.strip import Strip


class Ground(Container):
    """A container without a border, a title or anything else of its own but its colour."""

    def render_lines(self, crop: Region) -> list[Strip]:
        return alike(super().render_lines, crop)


def alike(render: Callable[[Region], list[Strip]], crop: Region) -> list[Strip]:
    """The lines of a ground: one is rendered, for all of them are the same."""
    return render(Region(crop.x, crop.y, crop.width, min(crop.height, 1))) * crop.height
