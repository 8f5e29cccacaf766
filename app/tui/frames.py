"""Between the app's frames and the line: the encoding on a slow one, the question behind each frame, the waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from textual._compositor import ChopsUpdate, LayoutUpdate

from app.transport import turns
from app.tui.feed import Fresh
from app.tui.terminal import erases_in_colour, is_congested

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.app import App

    from app.tui.driver import Listener
    from app.tui.encoding import Canvas
    from app.tui.pacing import Link

LOOK_AGAIN_S = 0.1
AWAITED_S = 1.0
"""What comes so soon behind a key is what somebody waits for: the budget does not hold it up."""


class Frames:
    """Frames of one app, on their way to its terminal."""

    def __init__(self, app: App[Any], line: str) -> None:
        """`line` is `auto`, `slow` or `fast`."""
        self._app = app
        self._said = {"slow": True, "fast": False}.get(line)
        self._canvas: Canvas | None = None
        self._waits = False

    @property
    def link(self) -> Link | None:
        """The line; None where there is none, as in a test."""
        listener = self._listener
        if listener is None:
            return None
        listener.link.said = self._said
        return listener.link

    @property
    def _listener(self) -> Listener | None:
        driver = self._app._driver  # noqa: SLF001 - Textual hands its driver to nobody
        return cast("Listener | None", getattr(driver, "listener", None))

    def _try(self, listener: Listener | None) -> None:
        """Have the terminal show what it can, before there is anything on it to be seen."""
        if listener is not None and self._app._driver is not None:  # noqa: SLF001 - as above
            self._app._driver.write(listener.trial())  # noqa: SLF001 - as above

    def tell(self) -> None:
        """There is something new: have the app look at it as soon as the line has room."""
        self.when_there_is_room(lambda: self._app.post_message(Fresh()))

    def when_there_is_room(self, paint: Callable[[], object]) -> None:
        """Have new numbers painted now, or as soon as the line has room for them; once, however often it is asked."""
        if self._waits or not self._app.is_running:
            return
        if self._has_room():
            paint()
            return

        def again() -> None:
            self._waits = False
            self.when_there_is_room(paint)

        self._waits = True
        # The loop's own: a timer of Textual's fails where the feed asks, which runs outside of its app.
        asyncio.get_running_loop().call_later(LOOK_AGAIN_S, again)

    def _has_room(self) -> bool:
        link = self.link
        is_awaited = turns.quiet_s() < AWAITED_S
        return (link is None or link.has_room(monotonic(), is_awaited=is_awaited)) and not is_congested(self._app)

    def lean(self, update: RenderableType | None) -> RenderableType | None:
        """An update as it is sent over this line."""
        link = self.link
        if link is None or not link.is_slow:
            self._canvas = None
            return update
        if not isinstance(update, ChopsUpdate | LayoutUpdate):
            if update is not None:
                self.forget()
            return update
        from app.tui.encoding import Canvas, Lean, Skills  # noqa: PLC0415 - late: only a slow line needs it

        listener = self._listener
        if self._canvas is None:
            self._canvas = Canvas(Skills(erases=erases_in_colour()))
            self._try(listener)
        self._canvas.skills = self._canvas.skills._replace(repeats=listener is not None and listener.repeats)
        # As Textual's own updates, which say of themselves only that they are something to be rendered.
        return cast("RenderableType", Lean(update, self._canvas))

    def sent(self) -> None:
        """A frame has been written."""
        ask = getattr(self._app._driver, "frame_sent", None)  # noqa: SLF001 - as above
        if ask is not None:
            ask()

    def forget(self) -> None:
        """Something else wrote on the terminal, or its size is another: the next frame is sent whole."""
        if self._canvas is not None:
            self._canvas.forget()
