"""Responses are read whole from bytes in any cut, and what is none is refused within bounds."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transport.head import HttpError, NoAnswerError, TooLargeError
from app.transport.http1 import MAX_CHUNKS, MAX_HEAD, ResponseParser

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;note=x\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
)
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello world"


def read(*cuts: bytes, max_body: int | None = 1000, close: bool = False) -> ResponseParser:
    parser = ResponseParser(max_body)
    for cut in cuts:
        parser.feed(cut)
    if close:
        parser.close()
    return parser


@pytest.mark.parametrize("whole", [PLAIN, CHUNKED, UNTIL_CLOSE], ids=["length", "chunks", "close"])
@given(st.data())
def test_any_cut_gives_the_same_page(whole: bytes, data: st.DataObject) -> None:
    """However the network cuts a response, its status and body come out the same."""
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    cuts = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]

    parser = read(*cuts, close=True)

    assert (True, 200, b"hello world") == (parser.is_complete, parser.head and parser.head.status, parser.take())


@pytest.mark.parametrize("whole", [PLAIN, PLAIN[:-3], CHUNKED, CHUNKED[:-9], UNTIL_CLOSE], ids=range(5))
def test_a_response_is_gone_with_its_last_holder(whole: bytes) -> None:
    """Read or cut short, it does not wait for the collector of cycles: a daemon that reads a fleet has thousands."""
    gc.disable()
    try:
        parser = read(whole)
        known = weakref.ref(parser)
        del parser

        assert known() is None
    finally:
        gc.enable()


@given(st.lists(st.binary(max_size=300), max_size=8), st.sampled_from([b"", PLAIN[:50], CHUNKED[:60]]))
def test_no_bytes_raise_anything_but_http_errors(cuts: list[bytes], before: bytes) -> None:
    """Random bytes end in a response or an HttpError, and never hold more than the bound."""
    parser = ResponseParser(200)
    try:
        for cut in (before, *cuts):
            parser.feed(cut)
        parser.close()
    except HttpError:
        pass
    assert parser.buffered <= 200


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "without an answer"),
        (PLAIN[:20], "middle of the headers"),
        (PLAIN[:-4], "after 7 of 11 bytes"),
        (CHUNKED[:-30], "middle of the page"),
    ],
)
def test_a_connection_closed_early_is_told(raw: bytes, says: str) -> None:
    """A server that closes before the end of its page gives an error that says how far it came."""
    with pytest.raises(HttpError, match=says):
        read(*([raw] if raw else []), close=True)


def test_no_answer_at_all_is_an_error_of_its_own() -> None:
    """A connection closed before the first byte can be told from a page cut short."""
    with pytest.raises(NoAnswerError):
        read(close=True)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"\x15\x03\x03\x00\x02\x02\x46", "https://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh server"),
        (b"\x00\xff garbage", "does not speak HTTP"),
        (b"HTTP/2 200\r\n\r\n", "version of HTTP"),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", "broken header"),
        (b"HTTP/1.1 200 OK\r\nname : x\r\n\r\n", "broken header"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "senseless page length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "senseless page length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "transfer encoding"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "change the protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "broken chunk size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "broken chunk size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "longer than announced"),
    ],
)
def test_what_is_no_response_is_named(raw: bytes, says: str) -> None:
    """Bytes that are no response are refused with what they most likely are."""
    with pytest.raises(HttpError, match=says):
        read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * MAX_HEAD,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a" * 2000,
    ],
    ids=["announced", "until close", "chunk", "head", "headers", "trailers", "trailer"],
)
def test_limits_hold_before_the_bytes_are_there(raw: bytes) -> None:
    """Whatever is larger than its bound is refused as soon as that is known."""
    with pytest.raises(TooLargeError):
        read(raw)


def test_a_page_in_too_many_pieces_is_refused() -> None:
    """A bounded page cut into single bytes is given up; a stream is not."""
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = b"1\r\nx\r\n" * (MAX_CHUNKS + 1)

    with pytest.raises(TooLargeError, match="pieces"):
        read(start, pieces, max_body=1 << 30)
    assert MAX_CHUNKS + 1 == len(read(start, pieces, max_body=None).take())


def test_a_repeated_length_that_agrees_is_accepted() -> None:
    """Two equal Content-Length headers are one."""
    assert b"hello" == read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello").take()


def test_an_interim_answer_is_passed_over() -> None:
    """100 Continue and 103 Early Hints come before the answer and are not it."""
    assert b"hello world" == read(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN).take()


def test_more_than_the_response_spoils_the_connection() -> None:
    """Bytes after the end of a page are not taken for the next one."""
    parser = read(PLAIN + b"HTTP/1.1 200")

    assert (True, True, b"hello world") == (parser.is_complete, parser.has_leftover, parser.take())


@pytest.mark.parametrize(
    ("raw", "stays"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.0 204 No Content\r\n\r\n", False),
        (b"HTTP/1.0 204 No Content\r\nConnection: Keep-Alive\r\n\r\n", True),
    ],
)
def test_the_version_decides_who_stays_open(raw: bytes, stays: bool) -> None:
    """HTTP/1.1 keeps a connection unless told otherwise, HTTP/1.0 the other way round."""
    parser = read(raw)

    assert parser.is_complete
    assert parser.head is not None
    assert stays == parser.head.stays_open
