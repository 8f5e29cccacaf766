"""The kernel says who is at the other end of a unix socket, and strangers are not trusted."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.transport import peer
from app.transport.dialer import Dialer
from app.transport.endpoint import parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.peer import Peer, UntrustedPeerError, check_peer, owner_is_trusted, peer_of
from app.transport.scrape import ScrapeClient


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Path]:
    """The path of a socket that this process listens on."""
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(8)
        yield path


def connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.connect(str(path))
    return made


def test_the_listener_is_known_by_the_kernels_word(listener: Path) -> None:
    """Process, user and group of who listens come from the kernel."""
    with connected(listener) as connection:
        assert Peer(os.getpid(), os.geteuid(), os.getegid()) == peer_of(connection)
        assert os.getpid() == check_peer(connection, str(listener)).pid


def test_a_strangers_socket_is_not_trusted(listener: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket of somebody who is neither root, nor us, nor the configured user is refused by name."""
    monkeypatch.setattr(peer, "peer_of", lambda _: Peer(1, 54321, 54321))
    with connected(listener) as connection:
        with pytest.raises(UntrustedPeerError, match="belongs to user 54321, not to root or you"):
            check_peer(connection, str(listener))
        with pytest.raises(UntrustedPeerError, match="no user 'nobody-at-all' on this machine"):
            check_peer(connection, str(listener), "nobody-at-all")


def test_the_configured_user_is_trusted(listener: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service user of the settings is trusted beside root and oneself."""
    import pwd

    other = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, os.geteuid()))
    monkeypatch.setattr(peer, "peer_of", lambda _: Peer(1, other.pw_uid, other.pw_gid))
    with connected(listener) as connection:
        assert other.pw_name == check_peer(connection, str(listener), other.pw_name).user


def test_nobody_there_is_not_trusted(tmp_path: Path, listener: Path) -> None:
    """A socket that nobody listens on belongs to nobody."""
    assert owner_is_trusted(listener)
    assert not owner_is_trusted(tmp_path / "none.sock")


async def test_a_client_that_minds_refuses_a_strangers_socket(listener: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an owner to insist on, every connection to a unix socket is checked before a byte is sent."""
    monkeypatch.setattr(peer, "peer_of", lambda _: Peer(1, 54321, 54321))
    async with ScrapeClient(Dialer(owner="")) as client:
        with pytest.raises(ScrapeError, match="belongs to user 54321") as caught:
            await client.get(parse_endpoint(f"unix://{listener}:/"), 1.0)

    assert "local" == caught.value.kind
