"""Commands here and behind ssh: quoting, environment, deadlines; ssh itself is a script that runs its command here."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.transport.destination import SshError, parse_destination
from app.transport.process import TimedOutError
from app.transport.runner import LocalRunner, SshRunner
from app.transport.ssh import SshForwards
from tests.tools.fake_clock import FakeClock

HEAD = parse_destination("ana@head:2222")
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), sys.stdin.read()]))"

# Stands in for ssh: `-O check` and the login are well once the master's socket is there; a session runs its command
# with a shell, as sshd does.
SSH = """#!/bin/sh
echo "$*" >> "$FAKE_SSH/log"
case "$*" in
  *"-O check"*) test -e "$FAKE_SSH/up" ;;
  *" -f -N "*) sleep 0; touch "$FAKE_SSH/up"; touch "$(echo "$*" | sed 's/.* -S \\([^ ]*\\) .*/\\1/')" ;;
  *" -G "*|"-G "*) echo "user bea"; echo "hostname head" ;;
  *) test -e "$FAKE_SSH/lost" && { echo "mux_client_request_session: session request failed" >&2; exit 255; }
     while [ "$1" != "--" ]; do shift; done; shift 2; FAR=yes exec sh -c "$1" ;;
esac
"""
HOSTILE = ["a b", "$(touch x)", "`id`", "'", '"', "; rm -rf /", "-o", "a\nb", "\x1f", "", "*", "ü", "\\", "!"]


@pytest.fixture
def ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A fake ssh on the PATH, and its folder."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    (folder / "ssh").write_text(SSH)
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SSH", str(folder))
    return folder


@pytest.fixture
def forwards() -> Iterator[SshForwards]:
    """Forwards in a short folder."""
    with tempfile.TemporaryDirectory(prefix="gw-") as folder:
        yield SshForwards(Path(folder) / "s", FakeClock())


async def test_a_local_command_has_just_the_environment_given() -> None:
    """Nothing of ours leaks in."""
    result = await LocalRunner({"ONLY": "this"}).run([sys.executable, "-c", SHOW, *HOSTILE], 20.0, stdin=b"in")

    words, environ, stdin = eval(result.stdout)
    assert (HOSTILE, "this", "in") == (words, environ["ONLY"], stdin)
    assert "PATH" not in environ


@pytest.mark.usefixtures("ssh")
async def test_words_reach_a_host_as_they_are(forwards: SshForwards) -> None:
    """The host's shell sees quoted words: no word is split, expanded or run; its input arrives too."""
    result = await SshRunner(HEAD, forwards, {}).run([sys.executable, "-c", SHOW, *HOSTILE], 20.0, stdin=b"script\n")

    words, _, stdin = eval(result.stdout)
    assert (HOSTILE, "script\n") == (words, stdin)
    assert Path(sys.executable).name == result.command


@pytest.mark.usefixtures("ssh")
async def test_variables_are_set_and_taken_away_on_the_host(
    forwards: SshForwards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set there and changes the output is gone; what we want is set."""
    monkeypatch.setenv("SQUEUE_FORMAT", "%i")
    runner = SshRunner(HEAD, forwards, {"LC_ALL": "C"}, ("SQUEUE_FORMAT",))

    _, environ, _ = eval((await runner.run([sys.executable, "-c", SHOW], 20.0)).stdout)

    assert ("C", "yes") == (environ["LC_ALL"], environ["FAR"])
    assert "SQUEUE_FORMAT" not in environ


async def test_one_login_serves_many_commands(forwards: SshForwards, ssh: Path) -> None:
    """Commands share the master connection, never ask, take no terminal, and cannot log in beside it."""
    runner = SshRunner(HEAD, forwards, {})
    await asyncio.gather(*(runner.run(["true"], 20.0) for _ in range(3)))
    await runner.run(["true"], 20.0)

    log = (ssh / "log").read_text().splitlines()
    sessions = [line for line in log if "RequestTTY=no" in line and " -f -N " not in line]
    assert (1, 4) == (sum(" -f -N " in line for line in log), len(sessions))
    for line in sessions:
        assert "BatchMode=yes" in line
        assert "ProxyCommand=false" in line
        assert "-tt" not in line
        assert "-l ana -p 2222 -- head " in line


@pytest.mark.usefixtures("ssh")
async def test_a_command_that_hangs_is_ended_there(forwards: SshForwards) -> None:
    """The host's own timeout(1) ends it, so that nothing piles up; what is said names command and host."""
    with pytest.raises(TimedOutError, match=r"sleep on ana@head:2222 did not end within 1 s"):
        await SshRunner(HEAD, forwards, {}).run(["sleep", "30"], 1.0)


@pytest.mark.usefixtures("ssh")
async def test_a_commands_own_status_is_given(forwards: SshForwards) -> None:
    """A command that fails is a result, not an error of ssh."""
    assert 3 == (await SshRunner(HEAD, forwards, {}).run(["sh", "-c", "exit 3"], 20.0)).returncode


async def test_a_lost_connection_is_told(forwards: SshForwards, ssh: Path) -> None:
    """Ssh's own failure is not the command's: nobody knows whether it ran."""
    runner = SshRunner(HEAD, forwards, {})
    await runner.run(["true"], 20.0)
    (ssh / "lost").touch()

    with pytest.raises(SshError, match=r"ssh ana@head:2222 lost the connection: mux_client_request_session"):
        await runner.run(["true"], 20.0)


@pytest.mark.usefixtures("ssh")
async def test_the_user_is_the_one_ssh_would_log_in_as(forwards: SshForwards) -> None:
    """Named in the destination, else by ssh's configuration."""
    assert "ana" == await SshRunner(HEAD, forwards, {}).user()
    assert "bea" == await SshRunner(parse_destination("head"), forwards, {}).user()
