"""Leaving and coming back: to the shell and back by Ctrl-Z, and what happened while one was away."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.terminal import is_browser

if TYPE_CHECKING:
    from textual.app import App


def background(desk: Desk, _text: str) -> None:
    """Give the terminal to the shell that this was started from; `fg` there comes back."""
    if is_browser(os.environ):
        raise RefusedError("there is no shell behind a browser's window")
    if not desk.options.shell:
        raise RefusedError("no shell from here: this login is for the screen alone (GPU_WATCHDOG_NO_SHELL)")
    if not has_job_control(os.getpid(), os.getppid()):
        raise RefusedError("nobody could fetch the screen back: it was not started from a shell that does; q leaves")
    if desk.bridge.infra is not None and desk.bridge.infra.runs:
        raise RefusedError("a deployment is worked on, and would stand still as well")
    cast("App[None]", desk).action_suspend_process()


def has_job_control(own: int, parent: int) -> bool:
    """Whether a shell stands behind a process that can let it go on: same session, another process group."""
    try:
        return os.getsid(own) == os.getsid(parent) and os.getpgid(own) != os.getpgid(parent)
    except ProcessLookupError:
        return False


def digest(desk: Desk, text: str) -> None:
    """Tell what happened: since one was away, or for the span that is given."""
    from app.tui import away  # noqa: PLC0415 - needed only once somebody asks

    away.tell_whole(desk, text)


VERBS: Mapping[str, Callable[[Desk, str], None]] = {"background": background, "digest": digest}
