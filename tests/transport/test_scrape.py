"""The client gets pages within its bounds, keeps connections, and says what went wrong."""

import asyncio
import contextlib
import gc
import gzip
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.config.secret import Secret
from app.transport.connection import Connection
from app.transport.endpoint import Endpoint, Server, parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.scrape import PER_SERVER, Limits, ScrapeClient
from tests.standins import exporters as bad
from tests.standins.certificates import self_signed

SMALL = Limits(max_body=1 << 20)


@pytest.fixture
async def client() -> AsyncIterator[ScrapeClient]:
    async with ScrapeClient() as made:
        yield made


async def failure(client: ScrapeClient, url: str, timeout_s: float = 2.0, limits: Limits = SMALL) -> ScrapeError:
    return await failure_of(client, parse_endpoint(url), timeout_s, limits)


async def failure_of(
    client: ScrapeClient, endpoint: Endpoint, timeout_s: float = 2.0, limits: Limits = SMALL
) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        await client.get(endpoint, timeout_s, limits)
    return caught.value


async def test_a_page_comes_whole_and_the_connection_is_kept(client: ScrapeClient) -> None:
    """Three pages in a row come over one connection."""
    connections: list[str] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(str(writer.get_extra_info("peername")))
        await bad.says(bad.whole(bad.PAGE, content_type="text/plain"))(reader, writer)

    async with bad.serving(behave) as url:
        answers = [await client.get(parse_endpoint(url), 2.0) for _ in range(3)]

    assert [bad.PAGE] * 3 == [answer.body for answer in answers]
    assert "text/plain" == answers[0].headers["content-type"]
    assert 1 == len(connections)


async def test_pages_asked_for_at_once_do_not_share_a_connection(client: ScrapeClient) -> None:
    """Two looks at one server at the same moment each have their own answer."""
    async with bad.serving(bad.says(bad.whole(bad.PAGE))) as url:
        answers = await asyncio.gather(*(client.get(parse_endpoint(url), 2.0) for _ in range(5)))

    assert [bad.PAGE] * 5 == [answer.body for answer in answers]


async def test_a_thousand_pages_of_one_server_share_few_connections(client: ScrapeClient) -> None:
    """Pages behind one address wait for each other rather than open a connection each."""
    connections: set[object] = set()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer.get_extra_info("peername"))
        await bad.says(bad.whole(b"a 1\n"))(reader, writer)

    async with bad.serving(behave) as url:
        endpoint = parse_endpoint(url)
        answers = await asyncio.gather(*(client.get(endpoint.at(f"/{page}"), 10.0) for page in range(1000)))

    assert {b"a 1\n"} == {answer.body for answer in answers}
    assert PER_SERVER == len(connections)


async def test_a_kept_connection_that_died_is_replaced_unseen(client: ScrapeClient) -> None:
    """A server that drops idle connections costs a new connection, not a failed look."""
    served = 0

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await bad.request(reader)
        writer.write(bad.whole(bad.PAGE))
        served += 1
        await bad.request(reader)  # the second request is taken, and the connection cut without a word

    async with bad.serving(one_answer) as url:
        bodies = [(await client.get(parse_endpoint(url), 2.0)).body for _ in range(3)]

    assert ([bad.PAGE] * 3, 3) == (bodies, served)


async def test_a_new_connection_that_dies_is_not_tried_again(client: ScrapeClient) -> None:
    """Only a kept connection is given a second chance: a server that hangs up is reported."""
    asked = 0

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal asked
        await bad.request(reader)
        asked += 1

    async with bad.serving(hang_up) as url:
        error = await failure(client, url)

    assert ("closed", 1) == (error.kind, asked)


async def test_gzip_is_asked_for_only_over_a_network_and_always_understood(client: ScrapeClient) -> None:
    """On loopback plain text is cheaper for both; a server that compresses all the same is understood."""
    heads: list[bytes] = []

    async def compress(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await bad.request(reader))
        writer.write(bad.whole(gzip.compress(bad.PAGE), content_encoding="gzip"))
        await writer.drain()

    async with bad.serving(compress) as url:
        answer = await client.get(parse_endpoint(url), 2.0)

    assert bad.PAGE == answer.body
    assert b"Accept-Encoding: identity" in heads[0]
    assert answer.wire_bytes < len(bad.PAGE)


@pytest.mark.parametrize(
    ("behaviour", "kind", "says"),
    [
        (
            bad.GIGABYTES,
            "too_large",
            "larger than 1 MiB .2,147,483,648 bytes announced.; see settings: target.max_bytes",
        ),
        (bad.never_ends, "too_large", "has a page larger than 1 MiB"),
        (bad.BOMB, "too_large", "larger than 1 MiB once inflated"),
        (bad.floods_headers, "too_large", "sent more than 32 KiB of headers"),
        (bad.GARBAGE, "protocol", "does not speak HTTP"),
        (
            bad.REDIRECT,
            "redirect",
            r"redirects to http://login.example/\?token=\*\*\*: use that address if it is right",
        ),
        (bad.LOOP, "redirect", "redirects to /metrics"),
        (
            bad.ERROR,
            "status",
            r"answered HTTP 500 Internal Server Error: \[31mcollector crashed\[0m: nvml: driver gone$",
        ),
        (bad.CUT_SHORT, "protocol", "closed the connection after 194 of 388 bytes"),
        (bad.SENSELESS_LENGTH, "protocol", "senseless page length"),
        (bad.says(bad.head("401 Unauthorized", content_length=0)), "status", "HTTP 401 Unauthorized; set token_file"),
        (bad.says(bad.whole(b"x", content_encoding="br")), "protocol", "nobody asked for"),
    ],
)
async def test_misbehaviour_is_a_sentence(client: ScrapeClient, behaviour: bad.Behaviour, kind: str, says: str) -> None:
    """Each way to misbehave is one error that says what, and holds no control character."""
    async with bad.serving(behaviour) as url:
        error = await failure(client, url)

    assert kind == error.kind
    assert error.args[0].isprintable()
    assert re.search(says, str(error))


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (bad.hangs, r"no answer from http://127.0.0.1:\d+/metrics within 0.1 s"),
        (bad.dribbles(bad.whole(bad.PAGE), 0.01), r"answered \d+ bytes in 0.1 s, then cut"),
    ],
    ids=["hangs", "dribbles"],
)
async def test_the_deadline_cuts_whatever_is_slow(client: ScrapeClient, behaviour: bad.Behaviour, says: str) -> None:
    """Silence and a byte now and then end at the deadline, which says how far it came."""
    async with bad.serving(behaviour) as url:
        before = asyncio.get_running_loop().time()
        error = await failure(client, url, timeout_s=0.1)
        took_s = asyncio.get_running_loop().time() - before

    assert "timeout" == error.kind
    assert took_s < 5
    assert re.search(says, str(error))


async def test_a_longer_page_than_said_is_cut_where_it_said(client: ScrapeClient) -> None:
    """What comes after the announced length is not part of the page, nor of the next one."""
    async with bad.serving(bad.LONGER_THAN_SAID) as url:
        bodies = [(await client.get(parse_endpoint(url), 2.0)).body for _ in range(2)]

    assert [bad.PAGE[:-40]] * 2 == bodies


async def test_redirects_are_followed_only_where_wanted_and_within_the_server(client: ScrapeClient) -> None:
    """With `redirects`, another path of the server is fetched, credentials included; another server never is."""
    requests: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (bad.whole(b"", "302 Found", location="/real?x=1"), bad.whole(bad.PAGE)):
            requests.append(await bad.request(reader))
            writer.write(answer)
        await bad.hangs(reader, writer)

    following = Limits(redirects=3)
    async with bad.serving(behave) as url, bad.serving(bad.LOOP) as loop, bad.serving(bad.REDIRECT) as elsewhere:
        answer = await client.get(parse_endpoint(url, token=Secret("abc")), 2.0, following)
        around = await failure(client, loop, limits=following)
        away = await failure(client, elsewhere, limits=following)

    assert bad.PAGE == answer.body
    assert requests[1].startswith(b"GET /real?x=1 HTTP/1.1\r\n")
    assert b"Authorization: Bearer abc\r\n" in requests[1]
    assert ("redirect", "redirect") == (around.kind, away.kind)
    assert "again and again" in str(around)


async def test_nobody_there_is_told(client: ScrapeClient, tmp_path: Path) -> None:
    """A closed port, a name without address and a socket that is not there each have their sentence."""
    async with bad.serving(bad.hangs) as url:
        closed = url
    refused = await failure(client, closed)
    unknown = await failure(client, "http://no-such-host.invalid:9400/")
    missing = await failure(client, f"unix://{tmp_path}/x.sock:/")

    assert ("refused", True) == (refused.kind, str(refused).endswith(": is the exporter running?"))
    assert ("name", True) == (unknown.kind, "the name no-such-host.invalid has no address" in str(unknown))
    assert ("refused", f"there is no socket {tmp_path}/x.sock: is the server running?") == (missing.kind, str(missing))


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
async def test_ipv6_and_unix_sockets_are_reached(client: ScrapeClient, tmp_path: Path) -> None:
    """A page is had from [::1] and from a unix socket as from anywhere."""
    hosts: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.append((await bad.request(reader)).split(b"\r\n")[1])
        writer.write(bad.whole(bad.PAGE))
        await writer.drain()

    async with (
        await asyncio.start_server(behave, "::1", 0) as six,
        await asyncio.start_unix_server(behave, tmp_path / "x.sock"),
    ):
        port = six.sockets[0].getsockname()[1]
        bodies = [
            (await client.get(parse_endpoint(f"http://[::1]:{port}/"), 2.0)).body,
            (await client.get(parse_endpoint(f"unix://{tmp_path}/x.sock:/"), 2.0)).body,
        ]

    assert [bad.PAGE] * 2 == bodies
    assert [f"Host: [::1]:{port}".encode(), b"Host: localhost"] == hosts


@pytest.mark.real("openssl")
async def test_certificates_are_checked_unless_told_otherwise(client: ScrapeClient, tmp_path: Path) -> None:
    """A certificate signed by nobody is refused with the remedy; its own file, or `insecure`, accepts it."""
    made = self_signed(tmp_path)
    async with bad.serving(bad.says(bad.whole(bad.PAGE)), made.server()) as url:
        error = await failure(client, url)
        trusted = await client.get(parse_endpoint(url, ca_file=str(made.certificate)), 2.0)
        unchecked = await client.get(parse_endpoint(url, insecure=True), 2.0)
        useless = await failure_of(client, parse_endpoint(url, ca_file=str(tmp_path / "none.pem")))

    assert "tls" == error.kind
    assert "not trusted: self-signed certificate; set ca_file or insecure" in str(error)
    assert (bad.PAGE, bad.PAGE) == (trusted.body, unchecked.body)
    assert ("local", True) == (useless.kind, "none.pem cannot be used: No such file" in str(useless))


@pytest.mark.real("openssl")
async def test_another_hosts_certificate_is_refused(client: ScrapeClient, tmp_path: Path) -> None:
    """A trusted certificate for another name is not this server's."""
    made = self_signed(tmp_path, "DNS:elsewhere.example")
    async with bad.serving(bad.says(bad.whole(bad.PAGE)), made.server()) as url:
        error = await failure_of(client, parse_endpoint(url, ca_file=str(made.certificate)))

    assert ("tls", True) == (error.kind, "not trusted" in str(error))


@pytest.mark.real("openssl")
async def test_tls_where_there_is_none_and_none_where_there_is(client: ScrapeClient, tmp_path: Path) -> None:
    """Asking a plain server by https, or a TLS one by http, says which to write."""
    tls: ssl.SSLContext = self_signed(tmp_path).server()

    async def wants_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not (await reader.read(100)).startswith(b"GET "):
            writer.write(bad.whole(b"what?", "400 Bad Request"))
            await writer.drain()

    async with bad.serving(wants_http) as plain, bad.serving(bad.HTML, tls) as secure:
        over_tls = await failure(client, plain.replace("http://", "https://"))
        over_plain = await failure(client, secure.replace("https://", "http://"))

    assert ("tls", True) == (over_tls.kind, "write http:// instead" in str(over_tls))
    assert over_plain.kind in {"protocol", "closed"}


async def test_an_exporters_silence_costs_only_its_own_time(client: ScrapeClient) -> None:
    """While one target hangs, another answers at once."""
    async with bad.serving(bad.hangs) as silent, bad.serving(bad.says(bad.whole(bad.PAGE))) as good:
        slow = asyncio.create_task(failure(client, silent, timeout_s=0.5))
        await asyncio.sleep(0)
        for _ in range(3):
            await client.get(parse_endpoint(good), 0.25)
        assert not slow.done()
        assert "timeout" == (await slow).kind


async def test_an_exporter_that_hangs_leaves_nothing_for_the_collector_of_cycles(client: ScrapeClient) -> None:
    """Its connections are gone with their looks: garbage is searched for seldom, and some targets hang for days."""
    gc.collect()
    gc.disable()
    try:
        async with bad.serving(bad.hangs) as silent:
            for _ in range(3):
                with contextlib.suppress(ScrapeError):
                    await client.get(parse_endpoint(silent), 0.05)
            await asyncio.sleep(0)  # the loop tells of the last one's end
        left = [one for one in gc.get_objects() if isinstance(one, Connection)]
    finally:
        gc.enable()

    assert [] == left


async def test_a_cancelled_look_leaves_no_connection(client: ScrapeClient) -> None:
    """Cancelling a look cuts its connection: nothing of it can reach the next."""
    gone = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await bad.request(reader)
        started.set()
        await reader.read()
        gone.set()

    started = asyncio.Event()
    async with bad.serving(behave) as url:
        look = asyncio.create_task(client.get(parse_endpoint(url), 2.0))
        await started.wait()
        look.cancel()
        await asyncio.wait_for(gone.wait(), 30)

    assert look.cancelled()


async def test_forgetting_a_server_closes_its_connection(client: ScrapeClient) -> None:
    """A target that is gone leaves no connection behind."""
    gone = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await bad.request(reader)
        writer.write(bad.whole(bad.PAGE))
        await reader.read()
        gone.set()

    async with bad.serving(behave) as url:
        endpoint = parse_endpoint(url)
        await client.get(endpoint, 2.0)
        client.forget(Server("http", "elsewhere", 1))
        assert not gone.is_set()
        client.forget(endpoint.server)
        await asyncio.wait_for(gone.wait(), 30)
