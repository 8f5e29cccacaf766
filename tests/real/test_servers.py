"""Real servers can be started on ports of their own, as the other tests here do."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.real.conftest import StartServer


@pytest.mark.real("prometheus")
def test_prometheus_starts_and_answers_a_query(
    start_server: StartServer, free_port: Callable[[], int], tmp_path: Path
) -> None:
    """A Prometheus with an empty configuration answers `vector(1)` on the port it was given."""
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {}\n")
    port = free_port()

    start_server(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        port,
    )
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": "vector(1)"})

    assert "1" == answer.json()["data"]["result"][0]["value"][1]
