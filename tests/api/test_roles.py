"""Who may ask what: every route, with a token of every role and with none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from app.api.table import ROWS
from app.config.api_tokens import ROLES, Role
from app.services.listening import open_unix
from tests.api.house import House, house

TABLE: dict[str, Role] = {
    "GET /healthz": "view",
    "GET /metrics": "view",
    "GET /openapi.json": "view",
    "GET /api/whoami": "view",
    "GET /api/cluster/status": "view",
    "GET /api/metrics/current": "view",
    "GET /api/metrics/history": "view",
    "GET /api/events": "view",
    "GET /api/events/stream": "view",
    "GET /api/jobs": "view",
    "GET /api/jobs/history": "view",
    "GET /api/jobs/{id}": "view",
    "GET /api/free": "view",
    "GET /api/moments": "view",
    "GET /api/store": "view",
    "GET /api/watched": "view",
    "GET /api/snapshot": "view",
    "GET /api/stream": "view",
    "GET /api/diagnosis": "view",
    "GET /api/incidents": "view",
    "GET /api/incidents/{id}": "view",
    "GET /api/alerts": "view",
    "POST /api/alerts": "admin",
    "GET /api/alerts/rules": "view",
    "GET /api/alerts/{id}": "view",
    "PATCH /api/alerts/{id}": "admin",
    "PUT /api/alerts/{id}": "admin",
    "DELETE /api/alerts/{id}": "admin",
    "POST /api/alerts/{id}/ack": "act",
    "GET /api/silences": "view",
    "POST /api/silences": "act",
    "DELETE /api/silences/{id}": "act",
    "GET /api/chat": "view",
    "POST /api/chat": "act",
    "POST /api/chat/stream": "act",
    "GET /api/chats": "view",
    "GET /api/chats/{id}": "view",
    "DELETE /api/chats/{id}": "view",
    "POST /api/jobs/{id}/actions": "act",
    "POST /api/nodes/{name}/actions": "act",
    "GET /api/deployments": "view",
    "GET /api/deployments/{name}": "view",
    "GET /api/sd": "view",
    "GET /api/sd/left-out": "view",
}
"""The least role of each route."""


def test_every_route_is_in_the_table() -> None:
    """A route that comes, goes or opens to another role is seen here."""
    assert {f"{row.method} {row.path}": row.role for row in ROWS} == TABLE


async def asked(client: httpx.AsyncClient, route: str) -> int:
    """The status that a route answers with; streams are not followed."""
    method, path = route.split(" ")
    path = path.replace("{id}", "nothing").replace("{name}", "nothing")
    async with client.stream(method, path) as answer:
        return answer.status_code


async def test_every_route_asks_for_its_role(tmp_path: Path) -> None:
    """Without a token or with a wrong one nothing is told, not even what there is; a role opens what it covers."""
    async with house(tmp_path / "run") as here:
        by_role = [await statuses(here, role) for role in (None, *ROLES)]
        found = {route: [statuses[route] for statuses in by_role] for route in TABLE}

    expected = {
        route: ["401", *("open" if ROLES.index(role) >= ROLES.index(wanted) else "403" for role in ROLES)]
        for route, wanted in TABLE.items()
    }
    assert expected == found


async def statuses(here: House, role: Role | None) -> dict[str, str]:
    """Of every route `401`, `403`, or `open` for whatever comes after these."""
    async with here.client(role) as client:
        found = {route: await asked(client, route) for route in TABLE}
    return {route: str(status) if status in {401, 403} else "open" for route, status in found.items()}


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", "Basic YW5hOmFuYQ==", "Bearer gw_" + "a" * 43])
async def test_a_token_that_is_none_lets_nobody_in(tmp_path: Path, shown: str) -> None:
    """Whatever is shown, and for paths that do not exist too."""
    async with house(tmp_path / "run") as here, here.client() as client:
        for path in ("/healthz", "/nowhere", "/"):
            answer = await client.get(path, headers={"Authorization": shown} if shown else {})
            assert (401, 'Bearer realm="gpu-watchdog"') == (answer.status_code, answer.headers["www-authenticate"])
            assert "serve.token_file" in answer.json()["error"]


async def test_whoever_runs_the_daemon_needs_no_token_on_its_socket(tmp_path: Path) -> None:
    """The kernel says who it is; a token shown beside changes nothing."""
    async with house(tmp_path / "run") as here, here.peer() as client:
        found = (await client.get("/api/whoami", headers={"Authorization": "Bearer wrong"})).json()

    assert "admin" == found["role"]
    assert isinstance(found["uid"], int)


ASK = """
import json, socket, sys
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
one.send(f"{sys.argv[2]} {sys.argv[3]} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode())
text = b"".join(iter(lambda: one.recv(65536), b"")).decode()
print(text.split()[1], text.rpartition("\\r\\n\\r\\n")[2])
"""


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/python3").exists(), reason="only root can be another user")
async def test_another_user_of_this_machine_only_looks(tmp_path: Path) -> None:
    """The kernel says who it is, whatever the permissions of the socket let in."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run" / "api.sock"
        async with house(tmp_path / "run", more=(open_unix(path),)):
            for place, mode in ((Path(folder), 0o755), (path.parent, 0o755), (path, 0o666)):
                place.chmod(mode)
            looks = await asked_by_nobody(path, "GET", "/api/whoami")
            acts = await asked_by_nobody(path, "DELETE", "/api/silences/s-1")

    assert (True, True) == (looks.startswith("200 "), '"role":"view","uid":65534' in looks)
    assert (True, True) == (acts.startswith("403 "), "needs the role act" in acts)


async def asked_by_nobody(path: Path, method: str, route: str) -> str:
    """Status and body of what the user nobody is answered."""
    words = ("/usr/bin/python3", "-c", ASK, str(path), method, route)
    done = await asyncio.to_thread(
        subprocess.run, words, user=65534, group=65534, extra_groups=(), capture_output=True, text=True, check=True
    )
    return str(done.stdout)
