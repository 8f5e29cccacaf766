"""The screen in a real terminal: it starts, follows, travels, and leaves the terminal as it was."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.terminal.tmux import ROOT, Terminal, python, terminal

pytestmark = [pytest.mark.real("tmux"), pytest.mark.terminal]

READY = ("lab", "gpu-01", "gpu-02")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal of 120 × 40."""
    with terminal(tmp_path / "home", {"TERM": "xterm-256color"}) as shown:
        yield shown


@pytest.fixture
def screen(shell: Terminal, tmp_path: Path) -> Terminal:
    """The screen, open on the frozen board."""
    shell.run(*python("-m", "tests.terminal.frozen", str(tmp_path)))
    shell.shows(*READY)
    return shell


def ended(shell: Terminal) -> str:
    """Wait for the shell's prompt and say what the last program's exit code was."""
    shell.until(lambda text: text.rstrip().endswith("$"))
    shell.type("echo code=$?")
    shell.press("Enter")
    return shell.until(lambda text: "code=" in text.replace("code=$?", ""))


def is_restored(shell: Terminal) -> bool:
    """Whether the main screen, the cursor, the mouse and echo are as a shell needs them."""
    flags = {name: shell.flag(name) for name in ("alternate_on", "cursor_flag", "mouse_any_flag")}
    return flags == {"alternate_on": "0", "cursor_flag": "1", "mouse_any_flag": "0"}


def process(shell: Terminal) -> int:
    """Process id of the program that the shell runs."""
    pane = shell.pid_of_pane()
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pane)], check=True, capture_output=True, text=True)
    return int(found.stdout.split()[0])


def test_screen_starts_and_quits_with_the_terminal_restored(screen: Terminal, tmp_path: Path) -> None:
    """`q` leaves: the shell's screen, cursor and mouse are back, the feed is closed, the code is 0."""
    assert "1" == screen.flag("alternate_on")

    screen.press("q")
    screen.until(lambda text: text.rstrip().endswith("$"))

    assert is_restored(screen)
    assert "closed" == (tmp_path / "closed").read_text()


def test_interrupt_leaves_even_while_typing(screen: Terminal) -> None:
    """Ctrl+C quits at once, in the middle of a command line too."""
    screen.press(":")
    screen.type("at 14:")
    screen.shows("at 14:")

    screen.press("C-c")
    screen.until(lambda text: text.rstrip().endswith("$"))

    assert is_restored(screen)


def test_screen_follows_the_window(screen: Terminal) -> None:
    """After a resize the panes that fit are there and the others are not."""
    assert "Ask" in screen.text

    screen.resize(80, 24)
    screen.until(lambda text: "Ask" not in text and "LIVE" in text)
    screen.resize(200, 50)

    screen.shows("Ask", "Queue", "LIVE")


def test_filter_narrows_what_is_shown(screen: Terminal) -> None:
    """`/state:lost` keeps the node with the lost GPU; escape shows all again."""
    screen.press("/")
    screen.type("state:lost")
    screen.press("Enter")
    screen.until(lambda text: "gpu-02" not in text and "1 kept" in text)

    screen.press("Escape")

    screen.shows("gpu-02")


def test_whole_screen_travels_in_time_and_back(screen: Terminal) -> None:
    """`:at` shows the kept picture under a REPLAY badge; `[` steps on; `}` is back to now."""
    screen.press(":")
    screen.type("at 15:55")
    screen.press("Enter")
    screen.until(lambda text: "REPLAY 15:55" in text and "lost" not in text.splitlines()[2])
    screen.press("[")
    screen.shows("REPLAY 15:54:00")

    screen.press("}")

    screen.shows("LIVE")


def test_hang_up_closes_the_feed_and_ends(screen: Terminal, tmp_path: Path) -> None:
    """When the terminal goes away the feed is closed and the process ends by itself."""
    pid = process(screen)

    os.kill(pid, signal.SIGHUP)
    screen.until(lambda _: not Path(f"/proc/{pid}/fd/0").exists())

    assert "closed" == (tmp_path / "closed").read_text()


def test_polite_end_restores_the_terminal(screen: Terminal, tmp_path: Path) -> None:
    """SIGTERM is a `q` from outside."""
    os.kill(process(screen), signal.SIGTERM)
    screen.until(lambda text: text.rstrip().endswith("$"))

    assert is_restored(screen)
    assert "closed" == (tmp_path / "closed").read_text()


def test_without_a_terminal_there_is_one_line(tmp_path: Path) -> None:
    """In a pipe nothing is painted: one sentence on stderr and the code of a usage error."""
    found = subprocess.run(
        python("-m", "tests.terminal.frozen", str(tmp_path)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        stdin=subprocess.DEVNULL,
    )

    assert (64, "") == (found.returncode, found.stdout)
    assert "needs a terminal" in found.stderr
    assert 1 == len(found.stderr.splitlines())


def test_plain_locale_gets_plain_characters(shell: Terminal, tmp_path: Path) -> None:
    """Where the locale is not UTF-8, only ASCII reaches the terminal."""
    shell.run("env", "LC_ALL=C", "LANG=C", *python("-m", "tests.terminal.frozen", str(tmp_path)))

    shell.shows(*READY)

    assert shell.text.isascii()


def test_without_colour_the_cursor_is_still_seen(shell: Terminal, tmp_path: Path) -> None:
    """Under NO_COLOR no colour reaches the terminal; what is chosen and what is lost are told by reverse and bold."""
    shell.run("env", "NO_COLOR=1", *python("-m", "tests.terminal.frozen", str(tmp_path)))
    shell.shows(*READY)
    shell.press("Down")
    shell.press("Down")

    shell.until(lambda _: "\x1b[7m" in shell.styled)

    assert not re.search(r"\x1b\[[0-9;]*[34]8;", shell.styled)


def test_nothing_is_sent_while_nothing_changes(screen: Terminal, tmp_path: Path) -> None:
    """Once everything is painted, ticks that bring nothing new send not one byte; a key is answered at once."""
    sent = tmp_path / "sent"
    screen.tmux("pipe-pane", f"cat > {sent}")
    screen.until(lambda _: sent.exists() and is_silent(sent, for_s=2.5))
    silence = sent.stat().st_size

    screen.press("m")
    screen.shows("memory used")
    screen.until(lambda _: sent.stat().st_size > silence)  # what writes the file down is a little behind

    assert sent.stat().st_size - silence < 20_000


def is_silent(file: Path, for_s: float) -> bool:
    """Whether nothing is written to a file for so long: two ticks of the screen and a half."""
    before, until = file.stat().st_size, monotonic() + for_s
    while monotonic() < until:
        if file.stat().st_size != before:
            return False
        sleep(0.05)
    return True


def test_mistake_that_ends_the_screen_is_one_line_and_a_log(shell: Terminal, tmp_path: Path) -> None:
    """No traceback and no variable's value lands on the terminal, which is restored; the log says it all."""
    shell.run(*python("-m", "tests.terminal.frozen", str(tmp_path), "break"))
    shell.shows(*READY)

    shell.press("Tab")

    said = ended(shell)
    assert "code=70" in said
    assert "the grid is broken" in said
    assert "Traceback" not in said
    assert "hunter2" not in said
    assert is_restored(shell)
    assert "Traceback" in (tmp_path / "screen.log").read_text()
    assert "closed" == (tmp_path / "closed").read_text()
