"""Addresses as people write them become requests, and their credentials secrets."""

import base64

import pytest

from app.config.secret import Secret
from app.transport.destination import SshDestination
from app.transport.endpoint import Endpoint, Server, parse_endpoint


@pytest.mark.parametrize(
    ("written", "server", "path"),
    [
        ("http://node-1:9400/metrics", Server("http", "node-1", 9400), "/metrics"),
        ("http://node-1:9400", Server("http", "node-1", 9400), "/metrics"),
        ("http://node-1:9400/", Server("http", "node-1", 9400), "/"),
        ("node-1:9400", Server("http", "node-1", 9400), "/metrics"),
        ("10.0.0.5", Server("http", "10.0.0.5", 80), "/metrics"),
        ("https://h/federate?match[]=up#top", Server("https", "h", 443), "/federate?match%5B%5D=up"),
        ("http://[fd00::5]:9400/x y".replace(" ", "%20"), Server("http", "fd00::5", 9400), "/x%20y"),
        ("http://bücher.example/é", Server("http", "xn--bcher-kva.example", 80), "/%C3%A9"),
        ("unix:///run/x.sock", Server("unix", "/run/x.sock"), "/metrics"),
        ("unix:///run/x.sock:/api/a?b=c", Server("unix", "/run/x.sock"), "/api/a?b=c"),
    ],
)
def test_addresses_are_read_as_written(written: str, server: Server, path: str) -> None:
    """Scheme, host, port and path come out, with what people leave away filled in."""
    assert Endpoint(server, path) == parse_endpoint(written)


@pytest.mark.parametrize(
    "written",
    ["", " ", "http://", "ftp://h/", "http://h:port/", "http://h:99999/", "http://h/a b", "http://h/\r\nX: y"]
    + ["http://h\\x/", "http://[::1/", "unix://x.sock", "http://ex ample/", "http://a'b/"],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    """What cannot be asked, or would smuggle a header in, is a sentence for a person."""
    with pytest.raises(ValueError, match=r"address|known|host|socket"):
        parse_endpoint(written)


def test_an_error_about_an_address_repeats_no_password() -> None:
    """Even a malformed address is shown without its credentials."""
    with pytest.raises(ValueError, match="malformed") as caught:
        parse_endpoint("http://ana:hunter2@h:port/")
    assert "hunter2" not in str(caught.value)


def test_credentials_are_sent_and_never_shown() -> None:
    """User and password of an address go into the request and into nothing else."""
    endpoint = parse_endpoint("http://ana:p%40ss@node-1:9400/metrics?token=x")
    encoded = base64.b64encode(b"ana:p@ss")

    assert b"Authorization: Basic " + encoded + b"\r\n" in endpoint.request(4.0, gzip=False)
    assert "http://node-1:9400/metrics?token=***" == str(endpoint)
    assert "p@ss" not in repr(endpoint)
    assert encoded.decode() not in repr(endpoint)


def test_a_token_beats_the_credentials_of_the_address() -> None:
    """A bearer token from a file is what is sent."""
    endpoint = parse_endpoint("https://ana:x@h/", token=Secret("abc"))

    assert Secret("Bearer abc") == endpoint.authorization


@pytest.mark.parametrize(
    ("written", "host"),
    [("http://h:9400/", "h:9400"), ("http://h/", "h"), ("https://h:443/", "h"), ("https://h:80/", "h:80")]
    + [("http://[::1]:9400/", "[::1]:9400"), ("http://[::1]/", "[::1]"), ("unix:///x", "localhost")],
)
def test_the_request_names_its_host(written: str, host: str) -> None:
    """The Host header has the port only where it is not the usual one."""
    request = parse_endpoint(written).request(4.5, gzip=True)

    assert f"\r\nHost: {host}\r\n".encode() in request
    assert b"\r\nX-Prometheus-Scrape-Timeout-Seconds: 4.500\r\n" in request
    assert b"\r\nAccept-Encoding: gzip\r\n" in request
    assert request.endswith(b"\r\n\r\n")


def test_another_path_keeps_server_and_credentials() -> None:
    """`at` changes what is asked, not whom, and quotes what a request line cannot hold."""
    endpoint = parse_endpoint("http://h:1/metrics", token=Secret("abc"))

    assert Endpoint(endpoint.server, "/a%20b%0D%0A?c=d", endpoint.authorization) == endpoint.at("a b\r\n?c=d")


def test_what_is_behind_ssh_says_so() -> None:
    """A target through ssh is another server than the same address without, and is shown as what it is."""
    endpoint = parse_endpoint("http://localhost:9400/metrics", ssh="ana@head:2222")

    assert SshDestination("head", "ana", 2222) == endpoint.server.ssh
    assert "http://localhost:9400/metrics through ssh ana@head:2222" == str(endpoint)
    assert (False, True) == (endpoint.server.is_near, parse_endpoint("http://localhost:9400").server.is_near)
