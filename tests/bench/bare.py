"""The least that Textual can show: one line. How soon it stands there is the floor under every screen made with it."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static

LINE = "nothing but this line"


class Bare(App[None]):
    """One line and nothing else."""

    def compose(self) -> ComposeResult:
        yield Static(LINE)


if __name__ == "__main__":
    Bare().run()
