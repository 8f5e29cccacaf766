"""`web`: who is let in, what one window is started with, and what is refused before anything listens."""

from __future__ import annotations

import argparse
from http import HTTPStatus
from pathlib import Path

import pytest

from app.cli import web
from app.cli.command import Parser
from app.cli.web_gate import MOST_KEYS, Gate
from app.cli.web_server import within
from tests.cli.conftest import Run

TOKEN = "canary-web-91c0e6a2"
HOST = "127.0.0.1:9445"


@pytest.fixture
def gate() -> Gate:
    """A gate on loopback."""
    return Gate("127.0.0.1", 9445, lambda shown: shown == TOKEN, ("bastion.example",))


def cookie(gate: Gate) -> str:
    """The cookie of a browser that has shown the token."""
    return f"other=1; {gate.cookie}={gate.enter(TOKEN)}"


def parsed(*words: str) -> argparse.Namespace:
    """A command line of `web`."""
    parser = Parser("gpu-watchdog web")
    web.declare(parser)
    return parser.parse_all(words)


def status(gate: Gate, path: str, **headers: str) -> HTTPStatus | None:
    """What a request is refused with; None: it is let in."""
    refusal = gate.refusal(path, {"Host": HOST, **{name.title(): value for name, value in headers.items()}})
    return None if refusal is None else refusal.status


def test_who_has_shown_the_token_comes_in(gate: Gate) -> None:
    """A key in the cookie opens every page; another's, an old one or none opens none."""
    known = cookie(gate)
    stranger = cookie(Gate("127.0.0.1", 9445, lambda _: True))

    assert None is status(gate, "/ws", cookie=known)
    for wrong in ("", stranger, f"{gate.cookie}=", f"{gate.cookie}=\u00e9", "a=b; ===", known.upper()):
        assert HTTPStatus.UNAUTHORIZED is status(gate, "/ws", cookie=wrong)


def test_another_token_gets_no_key(gate: Gate) -> None:
    """Nothing but the token is one."""
    assert [None, None] == [gate.enter(""), gate.enter(TOKEN[:-1])]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9446", "https://evil:9445"])
def test_page_of_another_origin_gets_nothing(gate: Gate, origin: str) -> None:
    """Not even with the cookie, which a browser would send along."""
    assert HTTPStatus.FORBIDDEN is status(gate, "/ws", cookie=cookie(gate), origin=origin)


def test_page_of_our_own_is_served_through_a_tunnel_too(gate: Gate) -> None:
    """Behind `ssh -L 8000:…` browsers come to another port than the one that is listened on."""
    assert None is status(gate, "/ws", cookie=cookie(gate), host="localhost:8000", origin="http://localhost:8000")


def test_name_that_is_not_ours_is_refused(gate: Gate) -> None:
    """A name that somebody else points here (DNS rebinding) is not answered; one that was given is."""
    assert HTTPStatus.MISDIRECTED_REQUEST is status(gate, "/", host="evil.example:9445")
    assert HTTPStatus.UNAUTHORIZED is status(gate, "/", host="bastion.example:9445")


def test_browsers_are_forgotten_at_last(gate: Gate) -> None:
    """However many come, the keys kept are bounded; the oldest browser shows its token again."""
    first = cookie(gate)
    for _ in range(MOST_KEYS):
        gate.enter(TOKEN)

    assert HTTPStatus.UNAUTHORIZED is status(gate, "/", cookie=first)


def test_window_looks_as_the_server_was_told_and_does_nothing() -> None:
    """Sources and settings are handed on; a window is read only whatever was said."""
    words = web.window_words(parsed("--target", "nvml:", "--interval", "2", "--screen-theme", "light"))

    assert ("tui", "--read-only") == words[4:6]
    assert {"--target=nvml:", "--cluster-interval-s=2", "--screen-theme=light"} == set(words[6:])
    assert "--screen-read-only=false" not in web.window_words(parsed("--screen-read-only", "false"))


def test_files_are_found_from_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A configuration named by a relative path is the same file for every window."""
    monkeypatch.chdir(tmp_path)

    assert f"--config={tmp_path}/lab.toml" in web.window_words(parsed("--config", "lab.toml"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--http", "0.0.0.0:9445"), "must be HTTPS"),
        (("--http", "[::]:9445"), "must be HTTPS"),
        (("--http", "http://x"), "write a PORT"),
        (("--http", "70000"), "write a PORT"),
        (("--tls-cert", "a.pem"), "go together"),
        (("--tls-cert", "/nowhere/a.pem", "--tls-key", "/nowhere/a.key"), "can be read"),
        (("--token-file", "/nowhere/tokens"), "--token-file"),
        (("--windows", "0"), "--windows"),
        (("--config", "/nowhere/lab.toml"), "/nowhere/lab.toml"),
    ],
)
def test_what_cannot_be_served_is_said_at_once(run: Run, words: tuple[str, ...], says: str) -> None:
    """One sentence, code 64, and nothing listens."""
    answer = run("web", *words)

    assert (64, "") == (answer.code, answer.out)
    assert says in answer.err


def test_token_of_a_file_is_not_told() -> None:
    """A token made for the run stands in the address, one of a file nowhere."""
    assert "?token=abc" in web.told("http://127.0.0.1:9445/", "abc")[0]
    assert "token=" not in "".join(web.told("http://127.0.0.1:9445/", ""))


@pytest.mark.parametrize(
    ("said", "taken"), [("80", 80), ("-1", 20), ("99999999", 500), ("x", 80), (None, 80), ({}, 80)]
)
def test_sizes_from_outside_are_sizes(said: object, taken: int) -> None:
    """Whatever a page says, a window has no more cells than a screen can show."""
    assert taken == within(said, 20, 500, usual=80)
