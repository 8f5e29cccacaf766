"""Manners on a terminal: slow lines, few colours, the shell behind, terminals that go away; in tmux, on bare ptys."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.terminal.tmux import ROOT, Terminal, python, terminal

pytestmark = [pytest.mark.real("tmux"), pytest.mark.terminal]

READY = ("lab", "gpu-01", "gpu-02", "d details")
COLOURED = re.compile(r"\x1b\[[0-9;]*\b[34]8;")
WITHIN_S = 90.0


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal of 120 × 40."""
    with terminal(tmp_path / "home", {"TERM": "xterm-256color"}) as shown:
        yield shown


def frozen(folder: Path, *words: str) -> tuple[str, ...]:
    """The screen on the frozen board."""
    return python("-m", "tests.terminal.frozen", str(folder), *words)


def child(shell: Terminal) -> int:
    """Process id of the program that the shell runs."""
    words = ["ps", "-o", "pid=", "--ppid", str(shell.pid_of_pane())]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[0])


def is_gone(pid: int, within_s: float = WITHIN_S) -> bool:
    """Whether a process ends in time; a child that nobody has asked for yet counts as ended."""
    deadline = monotonic() + within_s
    while monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        sleep(0.05)
    return False


def settled(shell: Terminal, page: str = "gpu-01") -> str:
    """The screen once it has stood still for a moment."""
    shell.until(lambda text: page in text)
    before = ""
    while before != (now := shell.text):
        before = now
        sleep(0.7)
    return now


def test_slow_line_shows_the_same_on_every_page(shell: Terminal, tmp_path: Path) -> None:
    """What is sent as a difference ends as the same picture as what is sent whole, page after page and back."""
    pictures: list[list[str]] = []
    for words in ((), ("slow",)):
        shell.run(*frozen(tmp_path, *words))
        shell.shows(*READY)
        seen = [settled(shell)]
        for key, sign in (("2", "who / why"), ("1", "d details")):
            shell.press(key)
            seen.append(settled(shell, sign))
        shell.press("q")
        shell.until(lambda text: text.rstrip().endswith("$"))
        pictures.append(seen)

    assert pictures[0] == pictures[1]


def test_slow_line_survives_another_size_and_a_stranger(shell: Terminal, tmp_path: Path) -> None:
    """After a resize, and after ctrl+l where something else wrote on the terminal, the picture is whole."""
    shell.run(*frozen(tmp_path, "slow"))
    shell.shows(*READY)
    tty = shell.tmux("display-message", "-p", "#{pane_tty}").strip()
    shell.resize(90, 30)
    settled(shell)
    shell.resize(120, 40)
    before = settled(shell)
    Path(tty).write_text("\x1b[5;5Hsomething else entirely")
    shell.shows("something else entirely")

    shell.press("C-l")

    shell.until(lambda text: text == before)


@pytest.mark.parametrize("words", [(), ("slow",)], ids=["fast", "slow"])
def test_sixteen_colours_are_enough(shell: Terminal, tmp_path: Path, words: tuple[str, ...]) -> None:
    """On a terminal of sixteen colours no other is named, at whatever speed, and trouble still stands out."""
    shell.run("env", "TERM=xterm", "COLORTERM=", *frozen(tmp_path, *words))
    shell.shows(*READY)

    styled = shell.styled

    assert not COLOURED.search(styled)
    assert re.search(r"\x1b\[(?:[0-9;]*;)?[39]1mx 5 lost", styled), "what is lost is red"
    assert re.search(r"\x1b\[(?:[0-9;]*;)?[39]3m *▲", styled), "what is to be looked at is yellow"


def test_slow_line_without_colour_has_none(shell: Terminal, tmp_path: Path) -> None:
    """NO_COLOR holds on a slow line too, and what is chosen is still told by reverse."""
    shell.run("env", "NO_COLOR=1", *frozen(tmp_path, "slow"))
    shell.shows(*READY)
    shell.press("Down", "Down")

    shell.until(lambda _: "\x1b[7m" in shell.styled)

    assert not COLOURED.search(shell.styled)


def test_ctrl_z_gives_the_shell_back_and_fg_the_screen(shell: Terminal, tmp_path: Path) -> None:
    """The shell has its terminal as it was; `fg` paints the screen whole, on which keys work."""
    shell.run(*frozen(tmp_path, "slow"))
    shell.shows(*READY)
    before = settled(shell)

    shell.press("C-z")
    shell.until(lambda text: text.rstrip().endswith("$") and "gpu-01" not in text)
    flags = [shell.flag(name) for name in ("alternate_on", "cursor_flag", "mouse_any_flag")]
    shell.type("fg")
    shell.press("Enter")

    assert ["0", "1", "0"] == flags
    shell.until(lambda text: text == before)
    shell.press("2")
    shell.shows("who / why")


def test_ctrl_z_is_refused_where_nobody_could_fetch_the_screen_back(shell: Terminal, tmp_path: Path) -> None:
    """Started by a script, as a login over ssh does, the screen stays and says why."""
    shell.run("sh", "-c", f"{' '.join(frozen(tmp_path))}; true")
    shell.shows(*READY)

    shell.press("C-z")

    shell.shows("nobody could fetch the screen back", "gpu-01")


def test_closed_terminal_ends_the_program_and_its_feed(shell: Terminal, tmp_path: Path) -> None:
    """When the window is closed nothing is left over: the feed is closed, the process gone."""
    shell.run(*frozen(tmp_path))
    shell.shows(*READY)
    pid = child(shell)

    subprocess.run(["tmux", "-S", str(shell.socket), "kill-server"], check=True, timeout=10)

    assert is_gone(pid)
    assert "closed" == (tmp_path / "closed").read_text()


@contextmanager
def bare(folder: Path, *words: str) -> Iterator[tuple[int, int]]:
    """The screen on a pty that nobody answers from: process id and the terminal's end."""
    pid, end = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, frozen(folder, *words), {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"})
    try:
        yield pid, end
    finally:
        with suppress(OSError):
            os.close(end)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def read_until(end: int, sign: bytes) -> None:
    """Take what the program writes until it has written something."""
    seen, deadline = b"", monotonic() + WITHIN_S
    while sign not in seen:
        assert monotonic() < deadline, seen[-2000:]
        if select.select([end], [], [], 0.1)[0]:
            seen += os.read(end, 65536)


def test_line_that_breaks_ends_the_program(tmp_path: Path) -> None:
    """A pty whose other end is closed, as of an ssh that broke, ends the program though it would not be told."""
    with bare(tmp_path) as (pid, end):
        read_until(end, b"gpu-02")

        os.close(end)

        assert is_gone(pid)
        assert "closed" == (tmp_path / "closed").read_text()


def test_terminal_that_takes_nothing_more_cannot_hold_the_end_up(tmp_path: Path) -> None:
    """With the terminal stuck full, a hang-up still ends the program."""
    with bare(tmp_path) as (pid, end):
        read_until(end, b"gpu-02")
        for _ in range(40):  # every page anew, read by nobody
            os.write(end, b"2")
            os.write(end, b"1")

        os.kill(pid, signal.SIGHUP)

        assert is_gone(pid)
