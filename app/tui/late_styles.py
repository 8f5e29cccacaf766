"""Style sheets of what is not there when the screen opens: read when it comes, as Textual reads those of screens.

The first frame waits for the reading of every style sheet that the app begins with, and needs a third of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.app import App


def add_styles(app: App[Any], name: str) -> None:
    """Read a style sheet of this folder, once; who calls mounts what it is for, which takes its styles then."""
    path = str(Path(__file__).resolve().parent / name)
    if not app.stylesheet.has_source(path):
        app.stylesheet.read(path)
        app.stylesheet.parse()  # of the others it remembers what they say
