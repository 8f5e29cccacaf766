"""The whole program in a real terminal, from its command line on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.tmux import python, terminal

pytestmark = [pytest.mark.real("tmux"), pytest.mark.terminal]


def test_demo_opens_marked_as_simulated_and_leaves(tmp_path: Path) -> None:
    """`demo` shows its made-up nodes under a badge that says so, and `q` gives the terminal back."""
    with terminal(tmp_path / "home", {"TERM": "xterm-256color", "XDG_RUNTIME_DIR": str(tmp_path)}) as shell:
        shell.run(*python("-m", "app", "demo", "--nodes", "2"))
        shell.shows("SIMULATED", "gpu-01", "gpu-02")

        shell.press("q")

        shell.until(lambda text: text.rstrip().endswith("$"))
        assert "0" == shell.flag("alternate_on")


def test_target_that_does_not_answer_is_explained(tmp_path: Path) -> None:
    """With nobody at the address the screen stands, says which source is down and why, and stays usable."""
    with terminal(tmp_path / "home", {"TERM": "xterm-256color", "XDG_RUNTIME_DIR": str(tmp_path)}) as shell:
        shell.run(*python("-m", "app", "tui", "--target", "http://127.0.0.1:9/metrics", "--interval", "1"))
        shell.shows("No source has answered yet", "0/1 sources")

        shell.press("8")

        shell.shows("127.0.0.1:9", "down", "refused")
        shell.press("q")
        shell.until(lambda text: text.rstrip().endswith("$"))


def test_deploying_without_a_key_ends_in_a_sentence(tmp_path: Path) -> None:
    """The page says what is missing; a form sent all the same comes back with what to do, and nothing was rented."""
    variables = {"TERM": "xterm-256color", "XDG_RUNTIME_DIR": str(tmp_path)}
    with terminal(tmp_path / "home", variables) as shell:
        shell.run(*python("-m", "app", "tui", "--target", "http://127.0.0.1:9/metrics", "--interval", "1"))
        shell.shows("0/1 sources")
        shell.press("6")
        shell.shows("A deployment is a small cluster", "none: set RUNPOD_API_KEY")

        shell.press("N")
        shell.shows("New deployment", "A plan with its price comes first")
        shell.press("Enter")

        shell.shows("There is no API key")
        shell.press("q")
        shell.until(lambda text: text.rstrip().endswith("$"))
