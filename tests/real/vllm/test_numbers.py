"""The real vLLM's page through our collector, and its log through the log view's reader. `make test-vllm`."""

from __future__ import annotations

import json
import urllib.request

import pytest

from app.config.settings import Log, Target
from app.domain.reading import Reading
from app.services.log_tail import LogTail, open_model_logs
from app.sources.registry import make
from app.transport.clock import SystemClock
from app.transport.scrape import ScrapeClient
from tests.real.vllm.server import MODEL, Server

pytestmark = [pytest.mark.slow, pytest.mark.real("vllm")]


async def looked(server: Server, looks: int = 1) -> Reading:
    """The last of some looks at the server's page, between each two a short answer."""
    async with ScrapeClient() as client:
        source = make(Target(url=f"{server.url}/metrics"), 5.0, client, SystemClock())
        reading = await source.read()
        for _ in range(looks - 1):
            answer(server)
            reading = await source.read()
        await source.close()
    return reading


def answer(server: Server) -> None:
    """One short answer."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "@table"}], "temperature": 0, "max_tokens": 200}
    request = urllib.request.Request(
        f"{server.url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        assert 200 == reply.status


async def test_its_page_gives_rates_and_quantiles(server: Server) -> None:
    """Two looks with an answer between them give tokens a second and all six quantiles, in order."""
    (service,) = (await looked(server, looks=2)).services
    values = service.values

    assert MODEL == service.model
    assert 0 < values["service.tokens_per_s"]
    for what in ("ttft", "itl"):
        found = [values[f"service.{what}_{share}"] for share in ("p50", "p95", "p99")]
        assert sorted(found) == found
        assert 0 < found[0] <= found[2] < 60
    assert {"service.waiting_capacity", "service.waiting_deferred", "service.kv_cache_usage"} <= values.keys()


async def test_its_log_tells_its_start(server: Server) -> None:
    """Its phases to ready, its model, its release, and no line of it is taken for a failure."""
    start = (await tail(server)).start

    assert "ready" == start.standing
    assert ["start", "weights", "memory", "warmup", "ready"] == [phase.name for phase in start.phases]
    assert "0.32.0" in start.version
    assert start.model.endswith(MODEL)
    assert all(phase.since is not None for phase in start.phases)


async def tail(server: Server) -> LogTail:
    """The server's log, read once."""
    log = Log(kind="vllm", path=str(server.log), name="vllm")
    async with open_model_logs((log,), server.log.parent, SystemClock(), {}) as logs:
        found = logs.tail("vllm")
        await found.poll()
    return found
