"""What the ssh forwards refuse before any ssh is started."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.transport.destination import SshError, parse_destination
from app.transport.ssh import SshForwards
from tests.tools.fake_clock import FakeClock

HEAD = parse_destination("ana@head:22")


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: sockets want one, and a test's own folder may be too deep."""
    with tempfile.TemporaryDirectory(prefix="gw-") as made:
        yield Path(made)


def test_the_folder_is_private_and_names_are_short_and_apart(short: Path) -> None:
    """Each target of each host has a socket of its own, in a folder only its owner can enter."""
    folder = short / "s"
    forwards = SshForwards(folder, FakeClock())
    paths = [forwards.path(HEAD, "a:1"), forwards.path(HEAD, "a:2"), forwards.path(parse_destination("other"), "a:1")]

    assert 0o700 == folder.stat().st_mode & 0o777
    assert (3, {14}) == (len({*paths}), {len(Path(path).name) for path in paths})
    assert paths[0] == SshForwards(folder, FakeClock()).path(HEAD, "a:1")
    assert paths[0] != SshForwards(folder, FakeClock(), ["-F", "x"]).path(HEAD, "a:1")


def test_a_folder_others_can_enter_is_not_used(short: Path) -> None:
    """Where somebody else could put a socket, none is trusted."""
    folder = short / "s"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(SshError, match="not a folder of your own that only you can enter"):
        SshForwards(folder, FakeClock()).path(HEAD, "a:1")

    link = short / "link"
    link.symlink_to(short)
    with pytest.raises(SshError, match="not a folder of your own"):
        SshForwards(link, FakeClock()).path(HEAD, "a:1")


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    """A socket's path has 107 bytes; a folder too deep is an error that says what to do."""
    with pytest.raises(SshError, match=r"too long a path .* choose a shorter state folder"):
        SshForwards(tmp_path / ("x" * 100), FakeClock()).path(HEAD, "a:1")


def test_a_folder_that_cannot_be_made_is_told(short: Path) -> None:
    """A file where the folder should be is a sentence."""
    (short / "f").write_text("")
    with pytest.raises(SshError, match=r"cannot be made|not a folder"):
        SshForwards(short / "f", FakeClock()).path(HEAD, "a:1")


def test_a_configuration_that_comes_later_counts_from_then_on(short: Path) -> None:
    """The file is asked for at each use, so a program that runs already goes by it."""
    config = short / "config"
    forwards = SshForwards(short / "s", FakeClock(), config=config)
    before = forwards.path(HEAD, "a:1")
    config.write_text("")
    with_it = forwards.path(HEAD, "a:1")
    config.unlink()

    assert (before, SshForwards(short / "s", FakeClock()).path(HEAD, "a:1")) == (forwards.path(HEAD, "a:1"), before)
    assert with_it == SshForwards(short / "s", FakeClock(), ["-F", str(config)]).path(HEAD, "a:1")
