"""Every key and pause of these tests waits for what follows from it."""

from __future__ import annotations

import pytest

from tests.tools import idle


@pytest.fixture(autouse=True)
def waits_for_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the event loop has to do, and not by how busy the process was."""
    idle.lend(monkeypatch)
