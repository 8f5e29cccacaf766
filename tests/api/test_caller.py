"""Who asks: users of this machine by the socket, holders of tokens over TCP."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from app.api import caller as caller_module
from app.api.caller import REREAD_S, Caller, Peers, Tokens
from app.config.api_tokens import add_token
from tests.tools.fake_clock import FakeClock

USERS = {1001: ("ana", {"ana", "@oncall", "@users"}), 1002: ("bob", {"bob", "@users"}), 65534: ("nobody", {"nobody"})}


@pytest.fixture(autouse=True)
def _users(monkeypatch: pytest.MonkeyPatch) -> None:
    real = caller_module._names_of

    def names_of(uid: int) -> tuple[str, frozenset[str]]:
        if uid not in USERS:
            return real(uid)
        name, words = USERS[uid]
        return name, frozenset(words)

    monkeypatch.setattr(caller_module, "_names_of", names_of)


async def test_users_may_what_they_are_named_for() -> None:
    """By name or by group, the more of both; all others look."""
    named = Peers(act=("@users",), admin=("@oncall", "nobody"))

    assert [Caller("ana", "admin", 1001), Caller("bob", "act", 1002)] == [
        await named.caller(uid) for uid in (1001, 1002)
    ]
    assert Caller("bob", "view", 1002) == await Peers((), ()).caller(1002)
    assert "view" == (await named.caller(65534)).role, "anybody of another namespace looks like nobody"


async def test_root_and_who_runs_the_daemon_may_all() -> None:
    """Whatever is configured."""
    own = pwd.getpwuid(os.geteuid()).pw_name

    assert Caller("root", "admin", 0) == await Peers((), ()).caller(0)
    assert Caller(own, "admin", os.geteuid()) == await Peers((), ()).caller(os.geteuid())


def test_a_line_that_is_taken_out_lets_nobody_in_any_more(tmp_path: Path) -> None:
    """Soon, and without a restart; a file that cannot be used leaves the old lines in force."""
    path, clock = tmp_path / "tokens", FakeClock()
    ana, bob = add_token(path, "ana", "view"), add_token(path, "bob", "act")
    tokens = Tokens(path, clock.monotonic)
    assert Caller("bob", "act", None, "10.0.0.9") == tokens.caller(bob, "10.0.0.9")

    path.write_text(path.read_text().splitlines()[0])
    clock._now += REREAD_S
    assert ["ana", None] == [one.name if (one := tokens.caller(each, "")) else None for each in (ana, bob)]
    path.write_text("nonsense")
    clock._now += REREAD_S
    assert tokens.caller(ana, "") is not None
    path.unlink()
    clock._now += REREAD_S
    assert tokens.caller(ana, "") is not None


def test_a_caller_has_a_folder_of_their_own() -> None:
    """A token called like a user is somebody else."""
    assert ["token-ana", "uid-1001"] == [Caller("ana", "view").key, Caller("ana", "view", 1001).key]
