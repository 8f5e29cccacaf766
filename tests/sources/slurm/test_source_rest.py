"""Slurm through slurmrestd as a source: versions, tokens, sockets, and what each refusal means."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config.settings import Slurm, Target
from app.domain.reading import Reading, SourceSpec
from app.domain.slurm import JobGpus
from app.sources.registry import Making
from app.sources.slurm.rest import SlurmRest
from app.sources.slurm.source import SlurmSource, make
from app.transport.clock import SystemClock
from app.transport.scrape import ScrapeClient
from tests.standins.slurmrestd import FakeRest

CONTROLLER_AWAY = '{"errors": [{"description": "Unable to contact slurm controller (connect failure)"}]}'


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: sockets want one."""
    with tempfile.TemporaryDirectory(prefix="gw-") as made:
        yield Path(made)


def source_of(url: str, token_file: Path | None = None, timeout_s: float = 10.0) -> SlurmSource:
    """A source on a slurmrestd."""
    slurm = Slurm(via="rest", rest_url=url, token_file=str(token_file or ""))
    spec = SourceSpec("slurm", "slurm", "slurm:rest", 60.0)
    target = Target(url="slurm:rest", timeout_s=timeout_s)
    return make(Making(spec, target, timeout_s, ScrapeClient(), SystemClock(), slurm=slurm))


async def look(url: str, token_file: Path | None = None, timeout_s: float = 10.0) -> Reading:
    """One look at a slurmrestd."""
    source = source_of(url, token_file, timeout_s)
    try:
        return await source.read()
    finally:
        await source.close()


def jwt(user: str, until: int = 2_000_000_000) -> str:
    """A token as Slurm makes them, not signed."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": until, "sun": user}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.c2ln"


def write_token(folder: Path, token: str) -> Path:
    """A private file with a token, as `scontrol token` prints it."""
    path = folder / "token"
    path.write_text(f"SLURM_JWT={token}\n")
    path.chmod(0o600)
    return path


async def test_the_first_look_brings_everything(folder: Path) -> None:
    """Over a unix socket, by the newest version that is served: jobs with their GPUs, nodes, partitions."""
    fake = FakeRest()
    async with fake.serving(folder / "rest.sock") as url:
        reading = await look(url)

    assert reading.error is None
    said = reading.slurm
    assert said is not None
    assert ("slurmrestd v0.0.42", "24.11.5", "c1", ()) == (said.way, said.version, said.cluster, said.notes)
    assert [("812", (JobGpus("node-1", 2, "h100", (0, 3)),))] == [(job.id, job.gpus_on) for job in said.jobs or ()]
    assert ["node-1"] == [node.name for node in said.nodes or ()]
    assert ["gpu"] == [partition.name for partition in said.partitions or ()]
    assert [f"/slurm/v0.0.{n}/ping" for n in (45, 44, 43, 42)] == fake.asked[:4]
    assert [f"/slurm/v0.0.42/{name}" for name in ("jobs", "nodes", "partitions")] == fake.asked[4:]


@pytest.mark.parametrize("versions", [("v0.0.37",), ("v0.0.37", "v0.0.38"), ("v0.0.44", "v0.0.45", "v0.0.46")])
async def test_the_newest_version_that_is_read_is_taken(versions: tuple[str, ...]) -> None:
    """From 21.08 on, and of a Slurm newer than us the newest we know."""
    fake = FakeRest(versions=versions)
    async with fake.serving() as url:
        rest = SlurmRest(Slurm(via="rest", rest_url=url))
        await rest.get("jobs", 10.0)
        await rest.close()

    assert max(one for one in versions if one < "v0.0.46") == rest.version


async def test_a_server_of_no_version_we_read_is_told() -> None:
    """Something that is no slurmrestd is a sentence that names the versions."""
    async with FakeRest(versions=()).serving() as url:
        error = (await look(url)).error

    assert error == (
        f"slurmrestd at {url} serves none of v0.0.37 to v0.0.45: is it slurmrestd, and started with"
        " -s openapi/slurmctld?"
    )


async def test_the_token_and_its_own_user_are_sent(folder: Path) -> None:
    """The prefix of `scontrol token` is no part of it; the user is the one it is for."""
    fake = FakeRest(token=jwt("bea"))
    async with fake.serving() as url:
        reading = await look(url, write_token(folder, jwt("bea")))

    assert (None, {"bea"}) == (reading.error, fake.users)


async def test_a_token_renewed_in_its_file_is_taken_up(folder: Path) -> None:
    """No restart: the next look sends the new one."""
    fake = FakeRest(token="new.new.new")
    async with fake.serving() as url:
        source = source_of(url, write_token(folder, "old.old.old"))
        before = (await source.read()).error
        write_token(folder, "new.new.new")
        after = (await source.read()).error
        await source.close()

    assert before is not None
    assert "does not take the token (HTTP 511: Protocol authentication error)" in before
    assert None is after


async def test_no_token_is_told_with_the_setting() -> None:
    """A server that wants a token says so in words: which key, which command."""
    async with FakeRest(token="x").serving() as url:
        error = (await look(url)).error

    assert error == (
        f"slurmrestd at {url} wants a token: set slurm.token_file; `scontrol token lifespan=SECONDS` prints a new one"
    )


async def test_a_refusal_that_repeats_the_token_does_not_tell_it(folder: Path) -> None:
    """What was sent is masked in what is shown."""
    async with FakeRest(token="right", bad_token=(500, "bad TOKEN")).serving() as url:
        error = (await look(url, write_token(folder, "canary-123"))).error

    assert error is not None
    assert "canary" not in error
    assert "bad ***" in error
    assert "a token that has run out looks like this too" in error


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((502, CONTROLLER_AWAY), "slurmctld does not answer (slurmrestd at {url}, HTTP 502): Unable to contact slurm"),
        ((500, CONTROLLER_AWAY), "slurmctld does not answer (slurmrestd at {url}): Unable to contact slurm controller"),
        ((500, "<html>\x1b[31m"), "slurmrestd at {url} failed (HTTP 500: <html>[31m)"),
        (b'{"jobs": [}', "slurmrestd jobs: not the JSON that was asked for"),
        (b"[" * 100_000, "slurmrestd jobs: not the JSON that was asked for"),
        ({"meta": {}}, "jobs as JSON line 1: JSON without a list of jobs"),
        (
            {"jobs": [], "errors": [{"description": "Unable to contact slurm controller"}]},
            "slurmctld does not answer (slurmrestd jobs): Unable to contact slurm controller",
        ),
    ],
)
async def test_refusals_are_said_in_plain_words(answer: object, expected: str) -> None:
    """Whatever comes, a failed look is a sentence."""
    async with FakeRest(answers={"jobs": answer}).serving() as url:
        error = (await look(url)).error

    assert error is not None
    assert error.startswith(expected.format(url=url))


async def test_a_server_that_hangs_is_given_up_on() -> None:
    """Time over is a failed look, and the pace slows."""
    async with FakeRest(delay_s=5.0).serving() as url:
        source = source_of(url, timeout_s=0.3)
        error = (await source.read()).error
        await source.close()

    assert f"no whole answer from slurmrestd at {url} within 0.2 s; see settings: slurm.timeout_s" == error


async def test_a_socket_that_is_not_there_is_told(folder: Path) -> None:
    """No socket, and nobody behind it, are two sentences."""
    assert (
        f"there is no socket {folder}/no.sock: is slurmrestd running?" == (await look(f"unix://{folder}/no.sock")).error
    )
    assert (
        "connection refused by http://127.0.0.1:1: is slurmrestd running?" == (await look("http://127.0.0.1:1")).error
    )


async def test_the_jobs_are_shown_though_the_nodes_fail() -> None:
    """A part that does not come is a note."""
    async with FakeRest(answers={"nodes": (500, "no")}).serving() as url:
        reading = await look(url)

    assert reading.slurm is not None
    assert (None, 1) == (reading.slurm.nodes, len(reading.slurm.jobs or ()))
    assert reading.slurm.notes[0].startswith("nodes: slurmrestd at")
