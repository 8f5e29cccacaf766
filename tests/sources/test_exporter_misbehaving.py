"""Beside exporters that misbehave in every way, a healthy one keeps its cadence, and each of them says why it is grey.

All of them are read at once, every 0.8 s for 4.5 s, from servers in a process of their own.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from app.config.settings import Target
from app.domain.reading import Reading, SourceSpec
from app.engine.schedule import after_look
from app.sources.exporter import make
from app.sources.registry import Making
from app.transport.clock import SystemClock, look_timeout
from app.transport.scrape import ScrapeClient
from tests.standins.certificates import self_signed
from tests.standins.exporters import BEHAVIOURS
from tests.tools.parts import is_present, named

INTERVAL_S = 0.8
TIMEOUT_S = look_timeout(INTERVAL_S)
ROUND_S = 4.5
GRACE_S = 0.3
"""What a shared machine may add to a time-out."""

REASONS = {
    "hangs": f"no answer from .* within {TIMEOUT_S:g} s",
    "dribbles": rf"answered \d+ bytes in {TIMEOUT_S:g} s, then cut",
    "gigabytes": "larger than 1 MiB",
    "never ends": "larger than 1 MiB",
    "garbage": "does not speak HTTP",
    "html": "this is HTML, not Prometheus text",
    "redirects": "redirects to http://login.example/",
    "redirects to itself": "redirects to /metrics",
    "500": "HTTP 500 Internal Server Error: .*driver gone",
    "closes in the middle": r"closed the connection after \d+ of \d+ bytes",
    "senseless length": "senseless page length",
    "header flood": "more than 32 KiB of headers",
    "gzip bomb": "larger than 1 MiB once inflated",
    "nobody there": "connection refused by .*: is the exporter running",
    "self-signed": "TLS certificate of .* not trusted",
}


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one target."""

    began: float
    took_s: float
    reading: Reading


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The addresses of every exporter there is, in a process of their own."""
    tls: tuple[str, ...] = ()
    if is_present(named("openssl")):
        made = self_signed(tmp_path_factory.mktemp("tls"))
        tls = (str(made.certificate), str(made.key))
    command = [sys.executable, "-m", "tests.standins.exporters", *tls]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield {**json.loads(process.stdout.readline()), "nobody there": "http://127.0.0.1:1/metrics"}
        process.kill()


@pytest.fixture(scope="module")
def looks(urls: Mapping[str, str]) -> Mapping[str, list[Look]]:
    """What came of reading all of them; the calmest of three rounds, since others may use this machine."""
    rounds: list[Mapping[str, list[Look]]] = []
    for _ in range(3):
        rounds.append(asyncio.run(read_all(urls)))
        if widest_gap(rounds[-1]["good"]) <= 1.2 * INTERVAL_S:
            break
    return min(rounds, key=lambda one: widest_gap(one["good"]))


async def read_all(urls: Mapping[str, str]) -> Mapping[str, list[Look]]:
    """Read every target at its slots for a while."""
    async with ScrapeClient() as client, asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(follow(name, url, client)) for name, url in urls.items()}
    return {name: task.result() for name, task in tasks.items()}


async def follow(name: str, url: str, client: ScrapeClient) -> list[Look]:
    """Read one target, as the monitor does, though never less often while it fails."""
    clock = SystemClock()
    spec = SourceSpec(name, "exporter", url, INTERVAL_S)
    source = make(Making(spec, Target(url=url, max_bytes=1 << 20), TIMEOUT_S, client, clock))
    found: list[Look] = []
    end = clock.monotonic() + ROUND_S
    while clock.monotonic() < end:
        began, started = clock.now(), clock.monotonic()
        reading = await source.read()
        found.append(Look(began, clock.monotonic() - started, reading))
        await clock.sleep(after_look(name, INTERVAL_S, began, clock.now()).at - clock.now())
    await source.close()
    return found


def widest_gap(looks: list[Look]) -> float:
    """The longest time between two readings of a source in its slots; the first look is at once, out of any slot."""
    at = [look.reading.at for look in looks[1:]]
    return max(later - earlier for earlier, later in pairwise(at))


@pytest.mark.parametrize("name", sorted(REASONS))
def test_each_misbehaviour_is_a_failed_reading_in_time(name: str, looks: Mapping[str, list[Look]]) -> None:
    """Every look at such a target ends within its time-out, with the reason, and brings nothing."""
    if name not in looks:
        pytest.skip("real part missing: openssl")
    late = [look.took_s for look in looks[name] if look.took_s > TIMEOUT_S + GRACE_S]
    wrong = [look.reading.error for look in looks[name] if not re.search(REASONS[name], look.reading.error or "")]

    assert ([], []) == (late, wrong)
    assert all(not look.reading.nodes for look in looks[name])
    assert len(looks[name]) >= 4


def test_every_misbehaviour_there_is_has_its_reason() -> None:
    """No stand-in is left unread."""
    assert {*BEHAVIOURS, "self-signed", "nobody there"} - {"good", "changes kind"} == set(REASONS)


def test_an_exporter_that_changes_its_kind_is_read_whenever_it_can_be(looks: Mapping[str, list[Look]]) -> None:
    """Pages that make sense are readings, those that do not are failures with the reason, one after the other."""
    errors = [look.reading.error for look in looks["changes kind"]]

    assert [None] * len(errors[::2]) == errors[::2]
    assert all("not Prometheus text" in (error or "") for error in errors[1::2])


def test_the_healthy_one_keeps_its_cadence(looks: Mapping[str, list[Look]]) -> None:
    """Beside all of them, the good exporter's numbers are never older than 1.2 intervals."""
    assert [None] * len(looks["good"]) == [look.reading.error for look in looks["good"]]
    assert len(looks["good"]) >= 5
    assert widest_gap(looks["good"]) <= 1.2 * INTERVAL_S
