"""From a link in an answer to what it names: the page of a GPU, node, job or incident, a look, a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.present.chat_stops import Stop
from app.tui import deeds, journeys
from app.tui.feed import RefusedError
from app.tui.verbs import find_gpu, find_node

if TYPE_CHECKING:
    from app.tui.chat_view import ChatView
    from app.tui.desk import Desk

NOW_S = 2.0
"""A moment so near to the one on screen is that one."""


def open_link(view: ChatView, stop: Stop) -> None:
    """Go where a link leads. Raises RefusedError with why it leads nowhere."""
    desk, mark = view.desk, stop.mark
    target = mark.target if mark is not None else ""
    match stop.kind:
        case "citation":
            use = stop.use
            if use is None:
                raise RefusedError(f"this answer made no look of number {target}")
            view.show_use(int(stop.key.partition("/")[0]), use.number)
        case "gpu":
            gpu = find_gpu(desk.moment.snapshot, target, None)
            desk.open_page("gpu", gpu.node, gpu.index)
        case "node":
            desk.open_page("node", find_node(desk.moment.snapshot, target, None))
        case "job":
            deeds.run_verb(desk, "open_job", target)
        case "incident":
            deeds.run_verb(desk, "open_incidents", target)
        case _:
            pass


def see_time(desk: Desk, stop: Stop | None) -> None:
    """Move the screen to the moment of a look. Raises RefusedError."""
    use = stop.use if stop is not None else None
    if use is None or not use.at:
        raise RefusedError("this is of no moment; choose a look or a citation")
    feed = desk.bridge.connected()
    if abs(feed.now() - use.at) < NOW_S:
        raise RefusedError("that is now")
    desk.journey(journeys.go(desk.bridge, use.at, desk.moment.look))
