"""What tests of deployments on namespace pods share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.deploy.pods import NamespacePods


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A short path: sockets want one, and a test's own folder is too deep."""
    with tempfile.TemporaryDirectory(prefix="gw-") as made:
        yield Path(made)


@pytest.fixture
def cloud() -> Iterator[NamespacePods]:
    """A private network on which pods can boot."""
    with NamespacePods() as made:
        yield made
