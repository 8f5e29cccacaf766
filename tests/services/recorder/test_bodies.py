"""Bodies of a recording: what was written is read again, secrets excepted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.redact import is_harmless, redact
from app.services.recorder.bodies import BodyReader, BodyWriter
from app.services.recorder.container import RecordingError

PAGE = b'# HELP power W\npower{gpu="0"} 612.5\npower{gpu="1"} 70\ntemp{gpu="0"} 63\n'
LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=12).map(b"\n".join)


def same(text: str) -> str:
    """A text that holds no secret."""
    return text


def through(*bodies: bytes, keeps_lines: bool = True) -> list[bytes]:
    """Bodies, written and read again one after the other."""
    writer, reader = BodyWriter(redact, is_harmless, keeps_lines=keeps_lines), BodyReader()
    return [reader.read(*writer.write(body, 1.0, 1)) for body in bodies]


def test_of_a_page_whose_numbers_changed_only_numbers_are_written() -> None:
    """The series are said once a segment; then each look costs its numbers."""
    writer = BodyWriter(same)
    later = PAGE.replace(b"612.5", b"99.25")

    assert ("full", PAGE) == writer.write(PAGE, 1.0, 1)
    assert ("values", b"\n99.25\n\n\n") == writer.write(later, 2.0, 1)
    assert ("full", later) == writer.write(later, 3.0, 2)


def test_of_text_only_new_lines_are_written() -> None:
    """Lines that stood in the answer before are named by their places."""
    writer = BodyWriter(same)
    writer.write(b"a b\nc d\ne f\n", 1.0, 1)

    assert ("lines", b"=1,2\n+new\n=3,1") == writer.write(b"c d\ne f\nnew\n", 2.0, 1)


@given(st.lists(LINES, max_size=5))
def test_every_body_is_read_as_it_was_written(bodies: list[bytes]) -> None:
    """Whatever follows whatever: a reader gets the same bytes."""
    writer, reader = BodyWriter(same), BodyReader()
    for body in bodies:
        if body[:1] not in (b"{", b"["):
            assert body == reader.read(*writer.write(body, 1.0, 1))


def test_a_secret_never_reaches_a_recording() -> None:
    """In a page, in a command's text, in JSON, in the value of a line that changed: it goes, and the rest stays."""
    secret = b"hf_abcdefghijklmnop1234"
    page = b'info{cmd="serve --api-key %s"} 1\npower 5\n' % secret
    text = b"JobId=1 Command=run --token=%s x\nJobId=2 ok\n" % secret
    said = json.dumps({"jobs": [{"command": f"run HF_TOKEN={secret.decode()}"}]}).encode()
    answers = through(
        PAGE, page, page.replace(b"power 5", b"power 6"), text, said, b"power 1\n", b"power %s\n" % secret
    )

    assert not [body for body in answers if secret in body]
    assert b"JobId=2 ok" in answers[3]
    assert b"power 6" in answers[2]
    assert {"jobs": [{"command": "run HF_TOKEN=***"}]} == json.loads(answers[4])


@pytest.mark.parametrize("told", [r"http:\/\/ana:c4n4ry@node\/", r"http:\u002f/ana:c4n4ry@node/", "HF_TOKEN=c4n4ry"])
def test_a_secret_in_json_goes_however_it_is_written(told: str) -> None:
    """Slurm writes a slash with a backslash, and any letter may be an escape; the harmless is left byte for byte."""
    clean = rb'{"jobs": [ {"name": "preprocess-tokens"} ]}'

    written = through(b'{"name": "%s"}' % told.encode(), clean)

    assert b"c4n4ry" not in written[0]
    assert clean == written[1]


def test_a_private_key_goes_with_all_its_lines() -> None:
    """The lines between its beginning and its end hold the key, whatever they look like."""
    key = b"one\n-----BEGIN RSA PRIVATE KEY-----\nMIIabc\ndef\n-----END RSA PRIVATE KEY-----\ntwo"

    assert [b"one\n***\n***\n***\n***\ntwo"] == through(key)


@pytest.mark.parametrize("keeps_lines", [True, False])
def test_secrets_go_from_answers_of_thousands_of_lines(keeps_lines: bool) -> None:
    """Lines are looked at many at a time: one that holds a secret goes, and a key that goes on into the next lot."""
    lines = [b"job %d runs" % number for number in range(2000)]
    lines[1500] += b" on" * 20000
    lines[700] = b"run --token=hf_abcdefghijklmnop1234"
    lines[1020:1030] = [b"-----BEGIN RSA PRIVATE KEY-----", *[b"MIIabc"] * 8, b"-----END RSA PRIVATE KEY-----"]

    _, read = through(b"\n".join(lines), b"\n".join(lines), keeps_lines=keeps_lines)

    assert b"hf_abc" not in read
    assert b"MIIabc" not in read
    assert 2000 == len(read.split(b"\n"))
    assert [b"job 699 runs", b"run --token=***", b"job 701 runs"] == read.split(b"\n")[699:702]
    assert [b"***", b"job 1030 runs"] == read.split(b"\n")[1029:1031]


@pytest.mark.parametrize(
    ("mode", "body"),
    [
        ("values", b"1\n2\n3"),
        ("lines", b"=0,9"),
        ("lines", b"=x,1"),
        ("lines", b"?"),
        ("lines", b"=0," + b"9" * 40),
        ("odd", b""),
    ],
)
def test_a_body_that_no_writer_wrote_is_refused(mode: str, body: bytes) -> None:
    """A hostile file names lines and ways that are not there, and is told so."""
    reader = BodyReader()
    reader.read("full", b"a 1\nb 2")

    with pytest.raises(RecordingError):
        reader.read(mode, body)


def test_a_body_cannot_be_blown_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that ask for the same lines again and again end at the bound."""
    monkeypatch.setattr("app.services.recorder.bodies.MOST_BODY", 1000)
    reader = BodyReader()
    reader.read("full", b"x" * 100)

    with pytest.raises(RecordingError, match="larger than it can be"):
        reader.read("lines", b"\n".join([b"=0,1"] * 50))
