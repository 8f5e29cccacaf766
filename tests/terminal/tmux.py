"""A terminal of our own: a tmux server with its own socket and a fixed size, read and typed at by tests."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).parents[2]
WITHIN_S = 60.0
_POLL_S = 0.05


@dataclass
class Terminal:
    """A tmux pane with a shell in it; the program under test is started from that shell, as a user would."""

    socket: Path

    def tmux(self, *words: str) -> str:
        """Run one tmux command on our server and return what it prints."""
        command = ["tmux", "-S", str(self.socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    @property
    def text(self) -> str:
        """What the terminal shows."""
        return self.tmux("capture-pane", "-p")

    @property
    def styled(self) -> str:
        """What the terminal shows, with its colours and styles."""
        return self.tmux("capture-pane", "-p", "-e")

    def type(self, text: str) -> None:
        """Type letters as they are."""
        self.tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names (`Enter`, `C-c`, `Escape`)."""
        self.tmux("send-keys", *keys)

    def run(self, *words: str) -> None:
        """Start a program from the shell."""
        self.type(shlex.join(words))
        self.press("Enter")

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def until(self, ready: Callable[[str], bool], within_s: float = WITHIN_S) -> str:
        """Wait for what the terminal shows; fail with the picture."""
        deadline = monotonic() + within_s
        while not ready(text := self.text):
            assert monotonic() < deadline, f"waited {within_s} s; the terminal shows:\n{text}"
            sleep(_POLL_S)
        return text

    def shows(self, *words: str) -> str:
        """Wait until all the words are on screen."""
        return self.until(lambda text: all(word in text for word in words))

    def pid_of_pane(self) -> int:
        """Process id of the shell."""
        return int(self.tmux("display-message", "-p", "#{pane_pid}"))

    def flag(self, name: str) -> str:
        """A property of the pane, such as `alternate_on` or `cursor_flag`."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()


@contextmanager
def terminal(folder: Path, environ: Mapping[str, str], width: int = 120, height: int = 40) -> Iterator[Terminal]:
    """A terminal with a plain shell at the project's root; everything in it ends with it."""
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "tmux"
    (folder / "tmux.conf").write_text("set -g remain-on-exit on\nset -g status off\nset -sg escape-time 0\n")
    keep = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    state = {"HOME": str(folder), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PS1": "$ ", "ENV": ""}
    start = [
        "tmux",
        "-S",
        str(socket),
        "-f",
        str(folder / "tmux.conf"),
        "new-session",
        "-d",
        "-x",
        str(width),
        "-y",
        str(height),
    ]
    subprocess.run([*start, "sh"], check=True, cwd=ROOT, env={**keep, **state, **environ}, timeout=30)
    shown = Terminal(socket)
    try:
        # dash gives root a prompt of its own whatever the environment says; the tests look for `$`.
        shown.until(lambda text: text.rstrip().endswith(("$", "#")))
        shown.type("PS1='$ '")
        shown.press("Enter")
        shown.until(lambda text: text.rstrip().endswith("$"))
        yield shown
    finally:
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], check=False, timeout=30)


def python(*words: str) -> tuple[str, ...]:
    """A command line of the interpreter that runs the tests."""
    return (sys.executable, *words)
