"""The image, built once for all its tests; `make test-image` runs them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.image.pod_image import PLACE, Builder, copy_of_pod
from tests.real.image.store import Build, Store


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """What builds it, out of a copy of `pod`."""
    return Builder(Store(PLACE / "store"), copy_of_pod(tmp_path_factory.mktemp("image") / "pod"))


@pytest.fixture(scope="session")
def built(builder: Builder) -> Build:
    """The build of the whole Dockerfile; its times and the image's size are told to who runs the tests by hand."""
    build = builder.build()
    assert 0 == build.code, build.log[-3000:]
    for step, took_s in build.times.items():
        sys.stderr.write(f"\n{took_s:7.1f} s  {step[:100]}")
    base_mb = builder.store.size_mb(builder.bases["runpod"])
    sys.stderr.write(f"\nimage: {builder.store.size_mb(builder.image)} MB, of which its base {base_mb} MB\n")
    return build


@pytest.fixture(scope="session")
def root(builder: Builder, built: Build) -> Iterator[Path]:
    """The root folder of the image, as a container begins with it; nothing may be changed in it."""
    with builder.store.mounted(builder.image) as mounted:
        yield mounted


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A short path: sockets want one, and a test's own folder is too deep."""
    with tempfile.TemporaryDirectory(prefix="gw-") as made:
        yield Path(made)
