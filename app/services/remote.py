"""A daemon of another machine, reached through the system's ssh: `--attach user@host[:port][/path/of/the.sock]`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.settings import Member
from app.services.client import AttachedFeed, DaemonError
from app.services.joined.member import Door, MemberFeed
from app.transport.destination import SshDestination, SshError
from app.transport.process import ProcessError
from app.transport.remote_place import Remote
from app.transport.scrape import ScrapeClient

if TYPE_CHECKING:
    from app.transport.clock import Clock

USUAL = "/run/gpu-watchdog/api.sock"
_ASK_FOLDER = 'printf %s "$XDG_RUNTIME_DIR"'
_ASK_S = 10.0


class RemoteFeed(MemberFeed):
    """The feed of a daemon whose machine has a clock of its own: ages are reckoned against that one."""

    _ahead_s = 0.0

    @property
    def origin(self) -> str:
        """Where it is attached, and through which host."""
        return f"attached to {self.door}"

    def now(self) -> float:
        """The clock of the daemon's machine, as far as ours goes with it."""
        return super().now() + self._ahead_s

    async def load(self) -> None:
        """As `AttachedFeed.load`; learns the time there. Raises DaemonError."""
        asked_at = super().now()
        told = await self.ask_json("/api/metrics/current", {"node": "-", "metric": "-"})
        there = told.get("at") if isinstance(told, dict) else None
        if isinstance(there, int | float):
            self._ahead_s = float(there) - (asked_at + super().now()) / 2
        await super().load()


async def open_remote(remote: Remote, configured: str, client: ScrapeClient, clock: Clock) -> AttachedFeed:
    """The feed of a daemon, its first picture loaded. Raises DaemonError with what was tried and why it failed."""
    tried: list[str] = []
    async for path in _places(remote, configured, client):
        member = Member(cluster="there", ssh=str(remote.host), socket=path)
        feed = RemoteFeed(Door(member, Path()), client, clock)
        try:
            await feed.load()
        except DaemonError as error:
            tried.append(str(error))
            continue
        return feed
    raise DaemonError(f"no daemon is reached through ssh {remote.host}: {'; '.join(dict.fromkeys(tried))}")


async def _places(remote: Remote, configured: str, client: ScrapeClient) -> AsyncIterator[str]:
    """Where its socket may be, the likeliest first; the last is asked for over ssh."""
    if remote.socket:
        yield remote.socket
        return
    for path in dict.fromkeys(one for one in (configured, USUAL) if one):
        yield path
    folder = await _runtime_folder(remote.host, client)
    if folder:
        yield f"{folder}/gpu-watchdog/api.sock"


async def _runtime_folder(host: SshDestination, client: ScrapeClient) -> str:
    """The runtime folder of the user there; empty where that cannot be asked."""
    if client.forwards is None:
        return ""
    with suppress(SshError, ProcessError):
        await client.forwards.connect(host)
        said = await client.forwards.run(host, _ASK_FOLDER, _ASK_S, stdin=b"", max_output=4096)
        folder = said.stdout.decode("utf-8", "replace").strip()
        return folder if said.ok and _is_plain(folder.split("/")) else ""
    return ""


def _is_plain(parts: Sequence[str]) -> bool:
    """Whether the parts of a path are a whole one, with nothing in it that an address could take for its own."""
    return len(parts) > 1 and not parts[0] and all(one and one.isprintable() and ":" not in one for one in parts[1:])
