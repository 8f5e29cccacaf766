"""What the person has before them, as chips: the chosen job, alert, incident, GPU or node, and the moment on screen."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.chat import Chip
from app.tui.desk import Desk
from app.tui.page import Page

_OF_JOBS = ("queue", "job", "ended")
_OF_NODES = ("node", "partitions")


def chips_of(page: Page) -> tuple[Chip, ...]:
    """What is chosen on a page: what the page is about, and not all that it touches."""
    about = page.asked_about()
    if about is not None:
        return (about,)
    if page.ID in _OF_JOBS:
        return tuple(Chip("job", one) for one in page.chosen_jobs()[:8])
    if page.ID in _OF_NODES:
        return tuple(Chip("node", one) for one in page.chosen_nodes()[:8])
    place = page.chosen()
    if place is not None:
        return (Chip("gpu", f"{place[0]}/{place[1]}"),)
    nodes = page.chosen_nodes()
    return (Chip("node", nodes[0]),) if nodes else ()


class About:
    """What the next question is about: what was chosen, and the moment on screen unless that was taken away."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.chosen: tuple[Chip, ...] = ()
        self._has_time = True

    @property
    def at(self) -> float | None:
        """The moment on screen, epoch seconds; None where the question is about now."""
        replay = self._desk.bridge.replay
        return replay.at if replay is not None and self._has_time else None

    @property
    def chips(self) -> tuple[Chip, ...]:
        """Everything."""
        at = self.at
        return self.chosen if at is None else (*self.chosen, Chip("time", f"{at:.3f}"))

    def add(self, chips: Sequence[Chip]) -> None:
        """Ask about these, too."""
        self.chosen = tuple(dict.fromkeys((*self.chosen, *chips)))
        self._has_time = True

    def drop_last(self) -> None:
        """Take the last one away."""
        if self.at is not None:
            self._has_time = False
        else:
            self.chosen = self.chosen[:-1]

    def drop_all(self) -> None:
        """Ask about nothing in particular."""
        self.chosen, self._has_time = (), False

    def begin(self, chips: Sequence[Chip] = ()) -> None:
        """Another question."""
        self.chosen, self._has_time = tuple(one for one in chips if one.kind != "time"), True
