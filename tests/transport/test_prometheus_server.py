"""Questions to a Prometheus-compatible server: answers as values, and every failure as a sentence for a person."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.config.settings import Prometheus
from app.transport import prometheus_session
from app.transport.prometheus import PrometheusServer
from app.transport.prometheus_answer import PrometheusError
from tests.standins import exporters
from tests.standins.exporters import whole

VECTOR = {"resultType": "vector", "result": [{"metric": {"__name__": "up", "job": "a"}, "value": [1700000000.5, "1"]}]}
MATRIX = {"resultType": "matrix", "result": [{"metric": {}, "values": [[1.0, "NaN"], [2.5, "+Inf"]]}]}


def told(data: object, **more: object) -> bytes:
    """A good answer."""
    return whole(json.dumps({"status": "success", "data": data, **more}).encode())


def refused(error: str, status: str = "422 Unprocessable Entity", kind: str = "execution") -> bytes:
    """An answer that says what is wrong."""
    return whole(json.dumps({"status": "error", "errorType": kind, "error": error}).encode(), status)


@asynccontextmanager
async def server(answer: bytes, **settings: Any) -> AsyncIterator[PrometheusServer]:  # noqa: ANN401 - of any setting
    """A server that says one thing to every question."""
    async with exporters.serving(exporters.says(answer)) as url:
        asked = PrometheusServer(Prometheus(url=url.removesuffix("/metrics"), **settings))
        try:
            yield asked
        finally:
            await asked.close()


async def failure(answer: bytes, **settings: Any) -> PrometheusError:  # noqa: ANN401 - of any setting
    """What a question to such a server fails with."""
    async with server(answer, **settings) as asked:
        with pytest.raises(PrometheusError) as caught:
            await asked.instant("up")
    return caught.value


async def test_an_answer_becomes_rows() -> None:
    """A vector's series have one sample each, at the server's own time; what it notes goes with them."""
    async with server(told(VECTOR, warnings=["store gpu-east is down"], isPartial=True)) as asked:
        answer = await asked.instant("up")

    (row,) = answer.rows
    assert ({"__name__": "up", "job": "a"}, [1700000000.5], [1.0]) == (row.labels, row.times, row.values)
    assert ("store gpu-east is down", "the answer is partial: some of its storage did not answer") == answer.notes


async def test_numbers_that_are_none_stay_what_they_are() -> None:
    """NaN and infinity are numbers to Prometheus; what they mean is the reader's business."""
    async with server(told(MATRIX)) as asked:
        (row,) = (await asked.range("x", 0.0, 10.0, 1.0)).rows

    assert [1.0, 2.5] == row.times
    assert ["nan", "inf"] == [str(value) for value in row.values]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (whole(b"no", "401 Unauthorized"), "denied", "set prometheus.token_file"),
        (refused("no org id", "401 Unauthorized"), "denied", "no org id"),
        (whole(b"forbidden", "403 Forbidden"), "denied", "prometheus.tenant"),
        (refused("parse error: unexpected end", "400 Bad Request", "bad_data"), "query", "parse error"),
        (refused("query processing would load too many samples into memory"), "too_many", "too many samples"),
        (refused("exceeded maximum resolution of 11,000 points", "400 Bad Request"), "too_many", "11,000"),
        (refused("query timed out", "503 Service Unavailable", "timeout"), "timeout", "gave up"),
        (whole(b"404 page not found", "404 Not Found"), "protocol", "/prometheus"),
        (whole(b"<html><body>Sign in</body></html>"), "protocol", "HTML"),
        (whole(b"", "502 Bad Gateway"), "unreachable", "502"),
        (told({"resultType": "vector", "result": [{"metric": {}, "value": ["x"]}]}), "protocol", "not as Prometheus"),
        (told([1, 2, 3]), "protocol", "not as Prometheus"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login.example/?token=s3cret\r\nContent-Length: 0\r\n\r\n",
         "protocol", "redirects to http://login.example/"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_told_to_a_person(answer: bytes, kind: str, words: str) -> None:
    """Each refusal has its kind, the server's own reason, and what to do."""
    error = await failure(answer)

    assert kind == error.kind
    assert words in str(error)
    assert "s3cret" not in str(error)


async def test_a_server_that_is_not_there_is_told(unused_port: int) -> None:
    """Nobody listens: said so, with the address, and no stack of exceptions."""
    asked = PrometheusServer(Prometheus(url=f"http://user:secret@127.0.0.1:{unused_port}"))
    with pytest.raises(PrometheusError, match=r"connection refused by http://127\.0\.0\.1") as caught:
        await asked.instant("up")
    await asked.close()

    assert "secret" not in str(caught.value)


@pytest.fixture
async def unused_port() -> int:
    """A port that nobody listens on."""
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    return port


async def test_an_answer_that_never_ends_is_left() -> None:
    """A server that drips a byte now and then would hold a thread for ever."""
    began = asyncio.get_running_loop().time()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"

    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await exporters.request(reader)
        writer.write(head)
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with exporters.serving(drips) as url:
        asked = PrometheusServer(Prometheus(url=url.removesuffix("/metrics"), timeout_s=0.5))
        with pytest.raises(PrometheusError, match=r"no answer within 0\.5 s"):
            await asked.instant("up")
        await asked.close()

    assert asyncio.get_running_loop().time() - began < 1.5


async def test_an_answer_that_is_too_large_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the bound is not kept, however it is packed."""
    monkeypatch.setattr(prometheus_session, "MOST_BYTES", 1000)

    error = await failure(told("x" * 5000))

    assert ("too_many", True) == (error.kind, "prometheus.only" in str(error))


def listening(heard: list[bytes], answers: Sequence[bytes]) -> Callable[..., Any]:
    """Writes down whole requests, bodies included, and gives one answer after the other."""
    left = list(answers)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            said = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in said.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            heard.append(said + await reader.readexactly(length))
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()

    return behave


async def test_the_token_goes_with_every_question_and_is_read_again_when_refused(tmp_path: Path) -> None:
    """A token that was replaced is taken up without a restart; ~/.netrc takes no part, and the tenant is told."""
    token = tmp_path / "token"
    token.write_text("old")
    token.chmod(0o600)
    heard: list[bytes] = []
    async with exporters.serving(listening(heard, [whole(b"no", "401 Unauthorized"), told(VECTOR)])) as url:
        settings = Prometheus(url=url.removesuffix("/metrics"), token_file=str(token), tenant="lab")
        asked = PrometheusServer(settings)
        with pytest.raises(PrometheusError):
            await asked.instant("up")
        token.write_text("new")
        await asked.instant("up")
        await asked.close()

    assert b"Authorization: Bearer old" in heard[0]
    assert b"Authorization: Bearer new" in heard[1]
    assert all(b"X-Scope-OrgID: lab" in one for one in heard)


async def test_a_long_question_goes_as_a_form() -> None:
    """Addresses have a largest length on the way; short questions stay readable ones that any proxy lets through."""
    heard: list[bytes] = []
    async with exporters.serving(listening(heard, [told(VECTOR)])) as url:
        asked = PrometheusServer(Prometheus(url=url.removesuffix("/metrics")))
        await asked.instant("up")
        await asked.instant("x" * 3000)
        await asked.close()

    assert heard[0].startswith(b"GET /api/v1/query?query=up")
    assert heard[1].startswith(b"POST /api/v1/query HTTP")
    assert b"x" * 3000 in heard[1]


async def test_alerts_are_read_and_what_is_none_left_out() -> None:
    """Names, times and texts of the server's alerts; rubbish among them costs itself."""
    good = {
        "labels": {"alertname": "Hot", "severity": "page", "gpu": "1"},
        "annotations": {"summary": "GPU 1 is\x1b[31m hot"},
        "state": "firing",
        "activeAt": "2026-11-28T13:37:38.123456789Z",
        "value": "9.1e+01",
    }
    async with server(told({"alerts": [good, {"labels": 3}, "x", {**good, "activeAt": "never"}]})) as asked:
        first, second = await asked.alerts()

    assert ("Hot", "firing", 91.0, 1795873058.0) == (first.name, first.state, first.value, first.active_at)
    assert "\x1b" not in first.text
    assert second.active_at is None


def test_nothing_of_the_client_is_loaded_before_a_question() -> None:
    """Who has no server pays neither for prometheus-api-client nor for requests."""
    code = (
        "import sys, app.transport.prometheus; sys.exit(bool({'requests', 'prometheus_api_client'} & set(sys.modules)))"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
