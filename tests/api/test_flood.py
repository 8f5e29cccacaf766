"""Ten thousand connections that ask nothing, from another process: whoever comes meanwhile is served."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

import pytest

from tests.api.house import house

MANY = 10_000
CROWD = """
import resource, socket, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
held = []
for _ in range(int(sys.argv[2])):
    one = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    one.send(b"GET / HTTP/1.1\\r\\nX: ")
    held.append(one)
print("all", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < MANY + 100, reason="this system allows no crowd")
async def test_others_are_served_while_ten_thousand_connect(tmp_path: Path) -> None:
    """While they come and while they stay, by TCP and by the unix socket."""
    async with house(tmp_path / "run") as here, here.client("view") as client, here.peer() as own:
        words = (sys.executable, "-c", CROWD, str(here.port), str(MANY))
        pipe = asyncio.subprocess.PIPE
        crowd = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
        assert crowd.stdout is not None
        there = asyncio.ensure_future(crowd.stdout.readline())
        answered = 0
        while not there.done():
            async with here.client("view") as newcomer:
                assert 200 == (await newcomer.get("/healthz")).status_code
            answered += 1
            await asyncio.sleep(0)
        assert b"all\n" == await there
        for each in (client, own):
            assert 200 == (await each.get("/api/cluster/status")).status_code
        page = (await own.get("/metrics")).text
        await crowd.communicate(b"")

    lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    assert int(lines["gpu_watchdog_api_connections"]) <= 4096
    assert answered > 0
