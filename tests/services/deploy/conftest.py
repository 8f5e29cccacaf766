"""A user's machine before a provider in memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.services.deploy.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage of one's own; its disk is not waited for, since no power cut can be tested here."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    return Stage(tmp_path)
