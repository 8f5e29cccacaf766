r"""What makes a terminal call for attention: bell, desktop notifications by OSC 9 and 777, the window's title. Pure.

OSC 9 is known to iTerm2, kitty, WezTerm, ghostty and Windows Terminal, OSC 777 to urxvt, foot, VTE and ghostty; a
terminal that knows neither shows nothing. Under tmux they are wrapped, so that it passes them on (with `set -g
allow-passthrough on`); GNU screen passes the bell only. Text from outside can end no sequence: control characters are
gone before it is put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from app.domain.naming import clean

BELL = "\a"
Notifies = Literal["osc9", "osc777", "bell"]
_LONGEST = 200
_OSC777 = ("rxvt", "foot", "vte", "gnome", "xfce")


def way_of(environ: Mapping[str, str]) -> Notifies:
    """How this terminal is told; `bell` where it is not known to take more."""
    term, program = environ.get("TERM", "").lower(), environ.get("TERM_PROGRAM", "").lower()
    if environ.get("STY"):  # GNU screen
        return "bell"
    if environ.get("VTE_VERSION") or any(name in term for name in _OSC777):
        return "osc777"
    known = ("iterm", "wezterm", "ghostty", "kitty", "tmux")
    if environ.get("KITTY_WINDOW_ID") or environ.get("WT_SESSION") or any(name in program + term for name in known):
        return "osc9"
    return "bell"


def notification(title: str, text: str, way: Notifies, *, in_tmux: bool = False) -> str:
    """What to write to the terminal, bell included."""
    if way == "bell":
        return BELL
    if way == "osc9":
        # `9;4;…` sets a progress bar: a text that begins so must not.
        sequence = f"\x1b]9;{_safe(f'{title}: {text}' if text else title)}\a"
    else:
        sequence = f"\x1b]777;notify;{_safe(title).replace(';', ',')};{_safe(text)}\x1b\\"
    return (_through_tmux(sequence) if in_tmux else sequence) + BELL


def window_title(text: str) -> str:
    """Sets the title of the window, or of tmux's pane."""
    return f"\x1b]2;{clean(text, 120)}\a"


def alarm_title(cluster: str, critical: int, warning: int) -> str:
    """A title that says from afar whether something is wrong."""
    counts = [f"{number} {word}" for number, word in ((critical, "critical"), (warning, "warning")) if number]
    name = cluster or "GPU Watchdog"
    return f"{'! ' if critical else ''}{name}: {', '.join(counts)}" if counts else name


def _safe(text: str) -> str:
    cleaned = clean(text, _LONGEST)
    return f" {cleaned}" if cleaned[:1].isdigit() else cleaned


def _through_tmux(sequence: str) -> str:
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
