"""What keys and `:` commands do to a recording that is played: stand still, go on, another speed, another moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, cast

from app.tui import journeys
from app.tui.desk import Desk
from app.tui.feed import Bridge, RefusedError

if TYPE_CHECKING:
    from app.services.feed import Feed

STEP_S = 30.0
"""One step on, where nothing later was kept yet."""


class Playing(Protocol):
    """Who plays a recording (`app.services.recorder.playback`)."""

    is_paused: bool
    speed: float

    @property
    def says(self) -> str:
        """How it plays, in a word; empty at its own pace."""

    def pause(self) -> None:
        """Stand still, or go on."""

    def hasten(self, speed: float) -> None:
        """Play so many times as fast. Raises ValueError."""

    async def seek(self, when: float) -> float:
        """Go to a moment, as near as the recording comes to it."""


def playing(feed: Feed | None) -> Playing | None:
    """Who plays what a feed shows; None where it shows what is."""
    return cast("Playing | None", getattr(feed, "playback", None))


def pause(desk: Desk, _text: str) -> None:
    """Stand still, or go on."""
    here = _here(desk)
    journeys.live(desk.bridge)
    here.pause()
    desk.note("paused; space goes on" if here.is_paused else "playing")
    desk.bridge.tell()


def speed(desk: Desk, text: str) -> None:
    """Play so many times as fast as it happened."""
    here = _here(desk)
    try:
        here.hasten(float(text.strip().removeprefix("x") or 1))
    except ValueError as error:
        raise RefusedError(str(error) if "recording" in str(error) else f"{text!r} is no speed: write 4") from error
    desk.note(f"{here.speed:g} times as fast as it happened")


async def seek(bridge: Bridge, here: Playing, when: float) -> None:
    """Play from another moment on."""
    await here.seek(when)
    journeys.live(bridge)


def _here(desk: Desk) -> Playing:
    found = playing(desk.bridge.connected())
    if found is None:
        raise RefusedError("this is no recording: gpu-watchdog replay FILE plays one")
    return found


VERBS: Mapping[str, Callable[[Desk, str], None]] = {"playback_pause": pause, "playback_speed": speed}
