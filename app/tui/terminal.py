"""The terminal underneath: what it can show, whether it is still there, whether it keeps up."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping, MutableMapping
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

CONGESTED = 12
"""Writes waiting, of the thirty after which Textual's event loop stands still (its driver's own limit)."""
SLOW_LINK = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0", "TEXTUAL_FPS": "15"}
"""What Textual is told over ssh; it reads these when it is imported."""
_NO_UTF8_TERMINALS = ("dumb", "linux-m", "vt100", "vt102", "vt220")


def ease_slow_link(environ: MutableMapping[str, str]) -> None:
    """Over ssh, set what makes frames few and small, unless the user set it; call before Textual is imported."""
    if is_remote(environ):
        for name, value in SLOW_LINK.items():
            environ.setdefault(name, value)


def is_remote(environ: Mapping[str, str]) -> bool:
    """Whether somebody looks from another machine, as far as the environment tells."""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "MOSH_IP"))


def erases_in_colour() -> bool:
    """Whether what the terminal erases takes the colour of the ground, as terminfo has it (bce)."""
    import curses  # noqa: PLC0415 - late: only a slow line needs it

    try:
        curses.setupterm(fd=1)
        return curses.tigetflag("bce") == 1
    except curses.error:  # a terminal that nobody described
        return False


def is_browser(environ: Mapping[str, str]) -> bool:
    """Whether a browser is at the other end, as `web` says by the driver it names."""
    return environ.get("TEXTUAL_DRIVER", "").startswith("app.tui.browser:")


def refusal(streams: tuple[IO[str] | None, ...], environ: Mapping[str, str]) -> str:
    """Why no screen can be shown here, in one line; empty where it can."""
    if not all(stream is not None and not stream.closed and stream.isatty() for stream in streams):
        return "the screen needs a terminal; for pipes and scripts there is `gpu-watchdog status`"
    if environ.get("TERM", "dumb") in ("dumb", ""):
        return "the screen needs a terminal that can move its cursor (TERM is dumb); try `gpu-watchdog status --watch`"
    return ""


def speaks_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the locale and the terminal can show more than ASCII."""
    if environ.get("TERM", "") in _NO_UTF8_TERMINALS:
        return False
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if named in ("C", "POSIX"):  # Python answers UTF-8 for these two (PEP 540), the terminal does not
        return False
    encoding = named.partition(".")[2] if "." in named else locale.getpreferredencoding(do_setlocale=False)
    return encoding.lower().replace("-", "").startswith("utf8")


def give_size(fileno: int) -> None:
    """Say 80 × 24 of a terminal that does not know its size: a serial line, a container, a script's ssh -tt.

    Textual takes one size for it and Rich another, and the screen is laid out anew without end.
    """
    import fcntl  # noqa: PLC0415 - late: these terminals are rare
    import struct  # noqa: PLC0415 - likewise
    import termios  # noqa: PLC0415 - likewise

    try:
        if 0 in os.get_terminal_size(fileno):
            fcntl.ioctl(fileno, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    except OSError:  # no terminal, or one that takes no size
        return


def is_gone(fileno: int) -> bool:
    """Whether the terminal behind a descriptor has been taken away."""
    try:
        os.get_terminal_size(fileno)
    except OSError:
        return True
    return False


def is_congested(app: App[None]) -> bool:
    """Whether the terminal is so far behind that a frame more would only make keys wait."""
    # Textual offers no count of its own; where a release moves this, nothing is skipped and nothing breaks.
    writer = getattr(app._driver, "_writer_thread", None)  # noqa: SLF001 - see above
    queue = getattr(writer, "_queue", None)
    return queue is not None and queue.qsize() >= CONGESTED
