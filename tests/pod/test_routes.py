"""What the exporter answers: from memory, with honest health, and nothing outside its paths."""

import json
from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from pod import routes
from pod.driver import NvmlUnavailableError
from pod.gpu import GpuReading, Identity, MachineReading
from pod.logs import Logs
from pod.messages import Request, Response
from pod.nvml import Reader
from pod.routes import Routes, health
from pod.sampler import Sampler, State
from pod.xid import Ledger

NOW = 1_764_000_000.0


def machine(*gpus: GpuReading, at: float = NOW) -> MachineReading:
    """A reading of these GPUs."""
    return MachineReading(1, at, "580", "13.0", gpus, len(gpus))


def gpu(index: int, *, is_lost: bool = False, is_late: bool = False) -> GpuReading:
    """A GPU in this state."""
    values = {} if is_lost else {"DCGM_FI_DEV_GPU_UTIL": 50.0}
    return GpuReading(Identity(index, index, f"GPU-{index}"), NOW, values, is_lost=is_lost, is_late=is_late)


class Site:
    """Routes over a state that the test sets."""

    def __init__(self, logs: Logs) -> None:
        def no_reader() -> Reader:
            raise NvmlUnavailableError(9, "not opened here")

        self.sampler = Sampler(no_reader, 1.0)
        self.ledger = Ledger()
        self.now = NOW
        self.routes = Routes(
            self.sampler, self.ledger, logs, version="0.1", hostname="n", interval_s=1.0, epoch=lambda: self.now
        )

    def show(self, state: State) -> None:
        """Have the sampler hold this."""
        self.sampler._state = state

    async def get(self, path: str, query: dict[str, str] | None = None, accept: str = "") -> Response:
        """Ask."""
        return await self.routes(Request("GET", path, query or {}, {"accept": accept}))

    async def json(self, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Ask, and take the JSON apart."""
        found: dict[str, Any] = json.loads(await body(await self.get(path, query, "application/json")))
        return found


async def body(response: Response) -> bytes:
    """The whole body, streamed or not."""
    if isinstance(response.body, bytes):
        return response.body
    return b"".join([piece async for piece in response.body])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of two lines."""
    path = tmp_path / "kern.log"
    path.write_text("one\ntwo\n")
    return path


@pytest.fixture
def site(log: Path) -> Site:
    """An exporter's routes, with that log as `kernel`."""
    return Site(Logs({"kernel": log}))


async def test_page_is_made_once_a_reading_and_second(site: Site) -> None:
    """Scrapes within a second get the same bytes; a new round or the next second makes new ones."""
    site.show(State(machine(gpu(0)), None, 1))
    first, second = site.routes.metrics(NOW), site.routes.metrics(NOW + 0.5)
    assert first is second

    assert b'sample_age_seconds{gpu="0",UUID="GPU-0"} 3' in site.routes.metrics(NOW + 3)
    site.show(State(machine(gpu(0), gpu(1)), None, 2))
    assert b"GPU-1" in site.routes.metrics(NOW + 3)


async def test_numbers_go_when_the_rounds_stop(site: Site) -> None:
    """If no new round comes, the page drops numbers after ten seconds instead of repeating them for ever."""
    site.show(State(machine(gpu(0)), None, 1))

    assert b"DCGM_FI_DEV_GPU_UTIL" in site.routes.metrics(NOW + 9)
    assert b"DCGM_FI_DEV_GPU_UTIL" not in site.routes.metrics(NOW + 11)


@pytest.mark.parametrize(
    ("state", "age_s", "expected"),
    [
        (State(), None, "down"),
        (State(error=NvmlUnavailableError(9, "gone")), None, "down"),
        (State(machine(gpu(0), gpu(1)), None, 2), 0.5, "ok"),
        (State(machine(gpu(0), gpu(1)), None, 2), 11.0, "down"),
        (State(machine(gpu(0), gpu(1, is_lost=True)), None, 2), 0.5, "degraded"),
        (State(machine(gpu(0), gpu(1, is_late=True)), None, 2), 0.5, "degraded"),
        (State(machine(gpu(0), gpu(1)), None, 8), 0.5, "degraded"),
        (State(machine(gpu(0, is_late=True), gpu(1, is_late=True)), None, 2), 0.5, "down"),
        (State(machine(), None, 0), 0.5, "ok"),
        (State(machine(), None, 8), 0.5, "degraded"),
    ],
)
def test_health_is_told(state: State, age_s: float | None, expected: str) -> None:
    """Down is no NVML, no fresh round or no answering GPU; one missing, lost or late is degraded."""
    assert expected == health(state, age_s, max_age_s=10.0)


async def test_healthz_says_what_is_wrong(site: Site) -> None:
    """The answer has the counts and the reason, and 503 when it is down."""
    site.show(State(None, NvmlUnavailableError(9, "NVML did not start"), 8))
    answer = await site.get("/healthz")

    assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status
    found = json.loads(await body(answer))
    assert ("down", 0, 8) == (found["status"], found["gpus"], found["gpus_expected"])
    assert found["error"].startswith("NVML did not start")


async def test_events_are_listed_from_an_id(site: Site) -> None:
    """The list, the id to go on from, and which run of the exporter counts them."""
    site.ledger.record(3, "GPU-3", "xid", 79, NOW)
    found = await site.json("/events", {"since": "0"})

    event = {"id": 1, "at": NOW, "gpu": 3, "uuid": "GPU-3", "kind": "xid", "xid": 79}
    assert [event] == found["events"]
    assert (1, 1, 16) == (found["newest"], found["oldest"], len(found["instance"]))
    assert HTTPStatus.BAD_REQUEST == (await site.get("/events", {"since": "x"})).status


async def test_logs_are_named_and_read(site: Site, log: Path) -> None:
    """As text with the next offset in a header, or as JSON with everything."""
    assert {"logs": ["kernel"]} == await site.json("/logs")
    text = await site.get("/logs/kernel", {"offset": "0", "limit": "5"})
    assert (b"one\n", "4") == (text.body, text.headers["X-Next-Offset"])
    found = await site.json("/logs/kernel", {"offset": "4", "id": text.headers["X-Log-Id"]})
    assert ("two\n", 8, 8, False) == (found["text"], found["next_offset"], found["size"], found["is_rotated"])


@pytest.mark.parametrize("path", ["/logs/other", "/logs/../kernel", "/logs//etc/passwd", "/nothing", "/metrics/x"])
async def test_other_paths_are_not_there(site: Site, path: str) -> None:
    """Only known paths and allowed names exist."""
    assert HTTPStatus.NOT_FOUND == (await site.get(path)).status


@pytest.mark.parametrize("query", [{"offset": "x"}, {"limit": "x"}, {"offset": "9" * 40}, {"limit": "1.5"}])
async def test_numbers_of_a_log_must_be_numbers(site: Site, query: dict[str, str]) -> None:
    """A mistyped offset is told, not taken for the end."""
    assert HTTPStatus.BAD_REQUEST == (await site.get("/logs/kernel", query)).status


async def test_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A log that nobody writes yet is 503 with the reason."""
    site = Site(Logs({"vllm": tmp_path / "vllm.log"}))
    answer = await site.get("/logs/vllm")

    assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status
    assert b"No such file or directory" in await body(answer)


async def test_follow_goes_on_with_what_is_written(site: Site, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Following gives what is there, then each new piece with its place, until its time is over."""
    monkeypatch.setattr(routes, "FOLLOW_EVERY_S", 0.001)
    answer = await site.get("/logs/kernel", {"offset": "4", "follow": "1", "timeout": "60"}, "application/json")
    assert isinstance(answer.body, AsyncGenerator)
    first = json.loads(await anext(answer.body))
    with log.open("a") as file:
        file.write("three\n")
    second = json.loads(await anext(answer.body))
    await answer.body.aclose()

    assert ("two\n", 8) == (first["text"], first["next_offset"])
    assert ("three\n", 8, 14) == (second["text"], second["offset"], second["next_offset"])


async def test_follow_ends_when_its_time_is_over(site: Site) -> None:
    """With no time left, following is reading once."""
    answer = await site.get("/logs/kernel", {"offset": "0", "follow": "1", "timeout": "0"})

    assert b"one\ntwo\n" == await body(answer)
