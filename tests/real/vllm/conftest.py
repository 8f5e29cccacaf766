"""The real vLLM of these tests: one server for all of them. They run only where `make test-vllm` asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.real.vllm.server import REAL, Server, prepared, prepared_small

WANTED = "GPU_WATCHDOG_TEST_VLLM"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is healthy; what happens to it a test puts right itself."""
    if not os.environ.get(WANTED):
        pytest.skip("vLLM takes 4 GB of disk and ten minutes: make test-vllm")
    one = Server(prepared(), tmp_path_factory.mktemp("vllm"))
    try:
        one.start()
        yield one
    finally:
        one.kill()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the small real model."""
    if not os.environ.get(WANTED):
        pytest.skip("vLLM takes 4 GB of disk and ten minutes: make test-vllm")
    one = Server(prepared_small(), tmp_path_factory.mktemp("small"), REAL)
    try:
        one.start()
        yield one
    finally:
        one.kill()
