"""`notify`: who is told, what is on its way, a test message; and no secret in any of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from tests.cli.conftest import Run, schema
from tests.engine.notifying.build import NOW
from tests.services.telling import FELL_OFF, Scene, notifier, notify_file
from tests.tools.fake_clock import FakeClock

CANARY = "c4n4ry-s3cr3t"


@pytest.fixture
def hook() -> Iterator[tuple[str, list[bytes]]]:
    """A webhook on loopback and what it was sent."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    thread.join()
    server.server_close()


def config(tmp_path: Path, text: str) -> str:
    """A configuration with this file of addresses, and a store."""
    (tmp_path / "notify").write_text(text)
    (tmp_path / "notify").chmod(0o600)
    file = tmp_path / "lab.toml"
    file.write_text(
        f'[store]\npath = "{tmp_path / "h.db"}"\n[alerts]\nnotify_file = "notify"\n[discover]\nlocal = false\n'
    )
    return str(file)


def test_a_test_reaches_each_channel_and_names_those_that_fail(
    run: Run, tmp_path: Path, hook: tuple[str, list[bytes]]
) -> None:
    """0 where all take it; 1 where one does not, with its reason and without its address."""
    url, got = hook
    file = config(tmp_path, f"{url}/{CANARY}\nhttp://127.0.0.1:9/{CANARY}\n")

    assert errors.OK == run("notify", "test", "webhook", "--config", file).code
    assert b"this is a test" in got[0]
    answer = run("notify", "test", "--json", "--config", file)

    assert errors.FOUND == answer.code
    jsonschema.validate(answer.json, schema("notify"))
    assert [("webhook", True), ("webhook-2", False)] == [(one["channel"], one["ok"]) for one in answer.json["tests"]]
    assert "127.0.0.1:9 cannot be reached" in answer.json["tests"][1]["error"]
    assert CANARY not in answer.out + answer.err


def test_a_test_reaches_a_service_of_apprise(run: Run, tmp_path: Path, hook: tuple[str, list[bytes]]) -> None:
    """Such a service refuses a message without a text, so a test has one."""
    url, got = hook
    file = config(tmp_path, f"{url.replace('http', 'json')}/\n")

    answer = run("notify", "test", "--config", file)

    assert errors.OK == answer.code, answer.out + answer.err
    assert "whether this channel works" in json.loads(got[0])["message"]


def test_channels_and_routes_are_listed(run: Run, tmp_path: Path) -> None:
    """With their health, and what is wrong in the file on stderr."""
    text = (
        f"[channel.pager]\nurl = 'pagerduty://{CANARY}@{CANARY}'\n[channel.chat]\nurl = 'slack://{CANARY}'\n"
        "[[route]]\nto = 'pager'\nseverity = 'critical'\nhours = '18:00-08:00'\n[[route]]\nto = 'nobody'\n"
    )
    file = config(tmp_path, text)

    answer = run("notify", "--config", file)
    told = run("notify", "list", "--json", "--config", file)

    assert errors.FOUND == answer.code
    assert "critical, 18:00-08:00: pager" in answer.out
    assert "[[route]] 2: there is no channel 'nobody'" in answer.err
    jsonschema.validate(told.json, schema("notify"))
    assert [("pager", True), ("chat", False)] == [(one["name"], one["once"]) for one in told.json["channels"]]
    assert CANARY not in answer.out + answer.err + told.out + told.err


def test_what_is_on_its_way_is_listed_from_the_store(run: Run, tmp_path: Path) -> None:
    """A message that a daemon decided and could not deliver yet, with its attempts."""
    file = config(tmp_path, "http://127.0.0.1:9/x\n")

    async def tell() -> None:
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, notify_file(tmp_path, "http://127.0.0.1:9/x\n")) as made:
            await made.step(scene.clock.now())
            await made.send_next("webhook")

    asyncio.run(tell())

    answer = run("notify", "queue", "--json", "--config", file)

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("notify"))
    assert [("webhook", "waiting", 1, "incident:i-1")] == [
        (one["channel"], one["state"], one["attempts"], one["topic"]) for one in answer.json["queue"]
    ]
    assert "gpu.fell_off_bus of gpu-1/3 [127.0.0.1:9 cannot be reached" in run("notify", "queue", "--config", file).out


def test_without_a_file_it_says_how_to_name_one(run: Run, tmp_path: Path) -> None:
    """An unknown channel or verb names the nearest."""
    file = tmp_path / "lab.toml"
    file.write_text("[discover]\nlocal = false\n")

    assert "nobody is told: name a file" in run("notify", "--config", str(file)).err
    assert errors.USAGE == run("notify", "test", "--config", str(file)).code
    assert "did you mean queue?" in run("notify", "queu", "--config", str(file)).err
