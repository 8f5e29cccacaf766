"""Our own calls to the API: repeated only where that is safe, within its limits, and never with the key in an error."""

import asyncio
import subprocess
import sys

import httpx
import pytest

from app.config.secret import Secret
from app.domain.refusals import ProviderError
from app.sources.runpod import client as client_module
from app.sources.runpod.client import LONGEST_PAUSE_S, TRIES, RunPod
from app.sources.runpod.pace import BURST
from tests.sources.runpod.wire import KEY, Wire, client, listing, pod, problem
from tests.tools.fake_clock import FakeClock, HastyClock


async def error_of(wire: Wire, clock: HastyClock | None = None) -> ProviderError:
    """What asking for the pods ends with."""
    with pytest.raises(ProviderError) as caught:
        await client(wire, clock).pods()
    return caught.value


async def test_pods_are_one_request_with_the_key_in_its_header() -> None:
    """The list is asked for, never one pod, and the key travels in a header alone."""
    wire = Wire(listing(pod("a"), pod("b")))

    found = await client(wire).pods()

    assert ["a", "b"] == [one.id for one in found]
    assert ["GET /v2/pods"] == wire.paths
    assert f"Bearer {KEY}" == wire.asked[0].headers["authorization"]
    assert "https://api.example/v2/pods" == str(wire.asked[0].url)


async def test_address_may_have_the_version_or_a_slash() -> None:
    """Both forms that people write lead to the same place."""
    for url in ("https://api.example/v2/", "https://api.example/", " https://api.example"):
        wire = Wire(listing())
        await client(wire, url=url).pods()
        assert "https://api.example/v2/pods" == str(wire.asked[0].url)


@pytest.mark.parametrize("url", ["ftp://api.example", "api.example", "https://", "http://[::1", "https://api:99999"])
def test_address_that_is_none_is_refused(url: str) -> None:
    """A sentence names the variable it came from."""
    with pytest.raises(ProviderError, match="RUNPOD_API_BASE_URL"):
        client(Wire(listing()), url=url)


def test_key_does_not_travel_unencrypted() -> None:
    """Plain HTTP is for this machine only."""
    with pytest.raises(ProviderError, match="unencrypted"):
        client(Wire(listing()), url="http://api.example")
    client(Wire(listing()), url="http://127.0.0.1:8080")
    client(Wire(listing()), url="http://localhost:8080")


@pytest.mark.parametrize("key", ["", " \n", "two words", "line\nbreak", "ключ"])
def test_key_that_is_none_is_refused_without_showing_it(key: str) -> None:
    """An unusable key is told of before anything is sent."""
    with pytest.raises(ProviderError) as caught:
        RunPod(Secret(key), clock=FakeClock())
    assert "auth" == caught.value.kind
    assert not key.strip() or key.strip() not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, "request", "refused"),
        (401, "auth", "deploy.api_key_file"),
        (402, "payment", "add credit"),
        (403, "forbidden", "permissions"),
        (404, "missing", "no such thing"),
        (409, "conflict", "state"),
        (422, "invalid", "may have changed"),
        (301, "request", "points elsewhere"),
    ],
)
async def test_refusal_is_told_once_with_what_to_do(status: int, kind: str, says: str) -> None:
    """What another try cannot mend is not tried again; the provider's words are kept."""
    wire = Wire(problem(status, "because we say so"))

    error = await error_of(wire)

    assert (kind, 1) == (error.kind, len(wire.asked))
    assert says in str(error)
    assert status == 301 or error.detail == "because we say so"


async def test_no_capacity_is_known_by_its_words() -> None:
    """A 400 is a broken rule or no capacity; only the text tells them apart."""
    error = await error_of(Wire(problem(400, "There are no longer any instances available with the requested")))

    assert "capacity" == error.kind


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
async def test_trouble_that_passes_is_tried_again(status: int) -> None:
    """A server in trouble, and one that is busy, are asked again."""
    wire = Wire(problem(status), httpx.ConnectError("refused"), listing(pod("a")))

    assert ["a"] == [one.id for one in await client(wire).pods()]
    assert 3 == len(wire.asked)


async def test_trouble_that_stays_is_told() -> None:
    """After the last try the last answer counts."""
    wire = Wire(problem(503, "maintenance"))

    error = await error_of(wire)

    assert ("server", TRIES) == (error.kind, len(wire.asked))
    assert "maintenance" in str(error)


async def test_retry_after_is_waited_out() -> None:
    """The pause is the one that was asked for, not ours."""
    clock = HastyClock()
    wire = Wire(problem(429, headers={"Retry-After": "17"}), listing())

    await client(wire, clock).pods()

    assert 17.0 in clock.slept


async def test_long_pause_is_told_instead() -> None:
    """Nobody waits for an hour without being told."""
    clock = HastyClock()
    wire = Wire(problem(429, "slow down", headers={"Retry-After": str(int(LONGEST_PAUSE_S) + 1)}))

    error = await error_of(wire, clock)

    assert ("busy", 1) == (error.kind, len(wire.asked))
    assert LONGEST_PAUSE_S >= sum(clock.slept)


async def test_used_up_limit_is_waited_out_before_asking() -> None:
    """Where the last answer left nothing of the minute, the next request waits for the next minute."""
    clock = HastyClock()
    wire = Wire(listing(headers={"RateLimit": '"minute";r=0;t=33, "hour";r=900;t=1800'}))
    runpod = client(wire, clock)

    await runpod.pods()
    began = clock.now()
    await runpod.terminate("abc")

    assert 33.0 == clock.now() - began


async def test_used_up_day_is_told() -> None:
    """A limit that is full again in hours is an error with its name, not a pause."""
    wire = Wire(listing(headers={"RateLimit": '"day";r=0;t=7200'}))
    runpod = client(wire)
    await runpod.pods()

    with pytest.raises(ProviderError, match=r"requests of this day are used up; more in 7200 s"):
        await runpod.terminate("abc")
    assert 1 == len(wire.asked)


async def test_list_is_asked_for_every_five_seconds_in_the_long_run() -> None:
    """A few looks come at once; who goes on and on is slowed down to twelve a minute."""
    clock = HastyClock()
    wire = Wire(listing())
    runpod = client(wire, clock)
    began = clock.now()

    for _ in range(BURST):
        await runpod.pods()
    assert 0.0 == clock.now() - began
    for _ in range(24):
        await runpod.pods()
    assert 120.0 == pytest.approx(clock.now() - began)


async def test_looks_slow_down_as_the_limit_shrinks() -> None:
    """With 3 of 60 requests left for 40 s, looks are 10 s apart: others need some, too."""
    clock = HastyClock()
    headers = {"RateLimit": '"minute";r=3;t=40', "RateLimit-Policy": '"minute";q=60;w=60'}
    runpod = client(Wire(listing(headers=headers)), clock)

    await runpod.pods()
    began = clock.now()
    await runpod.pods()

    assert 10.0 == clock.now() - began


async def test_those_who_ask_together_share_a_list() -> None:
    """Who asked before a request was sent may have its answer; who asked while it was under way may not."""
    gate = asyncio.Event()
    asked = 0

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += 1
            await gate.wait()
            return listing(pod(f"p{asked}"))

    clock = FakeClock()
    runpod = RunPod(Secret(KEY), "https://api.example", clock=clock, transport=Slow())
    first = asyncio.create_task(runpod.pods())
    await clock.advance(1)
    others = [asyncio.create_task(runpod.pods()) for _ in range(3)]
    await clock.advance(1)
    gate.set()
    await first

    assert ["p2"] * 3 == [(await one)[0].id for one in others]
    assert 2 == asked


async def test_terminate_is_repeated_and_what_is_gone_is_fine() -> None:
    """Ending a pod twice ends it once; so an answer that was lost is no harm."""
    wire = Wire(httpx.ReadTimeout("slow"), problem(404, "pod not found"))

    await client(wire).terminate("abc")

    assert ["DELETE /v2/pods/abc"] * 2 == wire.paths


@pytest.mark.parametrize("hostile", ["", "..", "a/../../v2/account", "a?b", "a\n", "x" * 65, "ä"])
async def test_only_ids_become_addresses(hostile: str) -> None:
    """Nothing but an id is ever put behind DELETE."""
    wire = Wire(httpx.Response(204))
    for call in (client(wire).terminate, client(wire).delete_volume):
        with pytest.raises(ProviderError, match="that is no id"):
            await call(hostile)
    assert [] == wire.asked


async def test_volumes_are_listed_and_deleted() -> None:
    """One that is gone already is fine."""
    wire = Wire(
        httpx.Response(200, json={"networkVolumes": [{"id": "v1", "name": "gw-lab-0a1b2c3d-models", "size": 100}]}),
        httpx.Response(204),
        problem(404),
    )
    runpod = client(wire)

    assert (("v1", "gw-lab-0a1b2c3d-models"),) == await runpod.volumes()
    await runpod.delete_volume("v1")
    await runpod.delete_volume("v1")
    assert ["GET /v2/network-volumes", "DELETE /v2/network-volumes/v1", "DELETE /v2/network-volumes/v1"] == wire.paths


async def test_nothing_is_ever_posted() -> None:
    """Pods are Terraform's to make: a create that is sent twice is a second bill."""
    wire = Wire(httpx.Response(200, json={"pods": [], "gpus": [], "dataCenters": [], "networkVolumes": []}))
    runpod = client(wire)
    await runpod.pods()
    await runpod.offers(1, "SECURE")
    await runpod.volumes()
    await runpod.terminate("a")
    await runpod.delete_volume("a")

    assert {"GET", "DELETE"} == {one.method for one in wire.asked}


async def test_key_that_is_repeated_is_hidden() -> None:
    """Some servers repeat what they were shown; an error never does."""
    refused = await error_of(Wire(problem(401, f"key {KEY} is not known")))
    broken = await error_of(Wire(httpx.ConnectError(f"bad header Bearer {KEY}")))

    for error in (refused, broken):
        assert KEY not in f"{error}{error.detail}{error!r}{error.__cause__!r}"
        assert "***" in str(error)
        assert error.__cause__ is None


async def test_hostile_words_are_harmless() -> None:
    """Control characters and a megabyte of text do not reach a terminal."""
    error = await error_of(Wire(problem(422, "\x1b[2J" + "A" * 1_000_000 + "\x00")))

    assert str(error).isprintable()
    assert 1000 > len(str(error))


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b"null", b'{"pods": null}', b"[" * 100_000])
async def test_answer_that_is_no_list_is_never_an_empty_one(body: bytes) -> None:
    """A proof that nothing is left must not rest on a page of a proxy."""
    error = await error_of(Wire(httpx.Response(200, content=body)))

    assert "server" == error.kind
    assert "nothing is concluded from it" in str(error)


async def test_huge_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer without end ends."""
    monkeypatch.setattr(client_module, "MOST_BYTES", 1 << 20)
    error = await error_of(Wire(httpx.Response(200, content=b" " * (2 << 20))))

    assert "larger than 1 MiB" in str(error)


async def test_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tries together have a deadline of their own."""

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(client_module, "TOTAL_S", 0.05)
    runpod = RunPod(Secret(KEY), "https://api.example", clock=FakeClock(), transport=Silent())

    with pytest.raises(ProviderError, match=r"no whole answer from api\.example"):
        await runpod.pods()


def test_client_loads_http_when_it_asks() -> None:
    """Whoever only names the class pays for neither httpx nor tenacity."""
    code = (
        "import sys, app.sources.runpod.client, app.engine.placing, app.engine.lifetime;"
        "print([name for name in ('httpx', 'tenacity') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == ended.stdout.strip()
