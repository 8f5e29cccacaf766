"""One member of a joined view: a daemon reached over its socket, through ssh, or over TCP with a token.

It is followed as a screen follows its own daemon. Beside that it is asked now and then whether it is there, so that a
part that ages says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.config.secret import SecretError, read_secret_file
from app.config.settings import Member
from app.domain.clusters import Naming
from app.domain.reading import SourceSpec
from app.domain.snapshot import SourceState
from app.services.client import AttachedFeed, DaemonError
from app.services.joined.merging import Part
from app.services.joined.renamer import Renamer
from app.services.joined.verdicts import Told
from app.transport.clock import Clock
from app.transport.endpoint import Endpoint, parse_endpoint
from app.transport.scrape import ScrapeClient

if TYPE_CHECKING:
    from app.services.alert_desk import AlertDesk

LINK_S = 5.0
"""Between two looks whether a daemon is there."""
SILENT_S = 3 * LINK_S
"""A daemon that has not answered for so long is not heard."""
DEFAULT_SOCKET = "/run/gpu-watchdog/api.sock"


class Door:
    """How one daemon is reached."""

    def __init__(self, member: Member, base: Path) -> None:
        """`base`: the folder that files of the configuration are relative to. Raises ValueError, and SecretError."""
        self.member = member
        self._base = base
        socket = member.socket or ("" if member.url else DEFAULT_SOCKET)
        address = f"unix://{socket}" if socket else member.url.rstrip("/")
        self.begin = parse_endpoint(
            f"{address}:/" if socket else f"{address}/",
            token=read_secret_file(base / Path(member.token_file).expanduser()) if member.token_file else None,
            ssh=member.ssh,
            ca_file=str(base / Path(member.ca_file).expanduser()) if member.ca_file else "",
            insecure=member.insecure,
        )

    def __str__(self) -> str:
        """Where, for people."""
        return str(self.begin.server) if self.begin.server.scheme == "unix" else str(self.begin).rstrip("/")

    def at(self, path: str, asked: Mapping[str, object] | None = None) -> Endpoint:
        """A route of the daemon."""
        prefix = self.begin.path.rstrip("/")
        return self.begin.at(f"{prefix}{path}" + (f"?{urlencode(asked)}" if asked else ""))


class MemberFeed(AttachedFeed):
    """The feed of a daemon behind any door."""

    def __init__(self, door: Door, client: ScrapeClient, clock: Clock) -> None:
        super().__init__(Path(door.begin.server.authority), client, clock)
        self.door = door

    def _endpoint(self, path: str, asked: dict[str, object] | None = None) -> Endpoint:
        return self.door.at(path, asked)

    def desk(self) -> AlertDesk:  # type: ignore[override]  # a desk behind any door, not only behind a socket
        """The daemon's desk."""
        from app.services.joined.member_desk import MemberDesk  # noqa: PLC0415 - late: for wishes only

        return MemberDesk(self.door, self._client)


class Link:
    """One member: its feed, its names here, and how its daemon is doing."""

    def __init__(self, feed: MemberFeed, cluster: str, naming: Naming, share: int, clock: Clock) -> None:
        """`share` is its number among the shares of the cluster, from 1; 0: there are no others."""
        self.feed = feed
        self.cluster = cluster
        self.share = share
        self.renamer = Renamer(naming, share)
        self._clock = clock
        spec = SourceSpec(self.name, "daemon", str(feed.door), LINK_S)
        self.state = SourceState(spec)

    @property
    def name(self) -> str:
        """What it is called as a source of the view."""
        return f"daemon of {self.cluster}" + (f" ({self.share})" if self.share else "")

    @property
    def silence(self) -> str:
        """Why nothing is known of it now; empty: it is heard."""
        state, now = self.state, self._clock.now()
        if state.ok_at is not None and now - state.ok_at <= SILENT_S:
            return ""
        since = "has not answered yet" if state.ok_at is None else f"has been silent for {now - state.ok_at:.0f} s"
        if state.tried_at is None:
            return "its daemon has not answered yet"
        return f"its daemon {since}: {state.error}" if state.error else f"its daemon {since}"

    async def look(self) -> bool:
        """Ask whether the daemon is there; says whether it is."""
        began = self._clock.monotonic()
        try:
            await self.feed.health()
        except (DaemonError, LookupError, ValueError) as error:
            self._tried(began, str(error) or repr(error))
            return False
        self._tried(began, None)
        return True

    async def follow(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await self._clock.sleep(LINK_S)
            await self.look()

    def _tried(self, began: float, error: str | None) -> None:
        now, was = self._clock.now(), self.state
        self.state = replace(
            was,
            tried_at=now,
            ok_at=was.ok_at if error else now,
            error=error,
            duration_s=self._clock.monotonic() - began,
            failures=was.failures + 1 if error else 0,
        )

    def tell(self, error: str) -> None:
        """Its daemon could not be asked."""
        self._tried(self._clock.monotonic(), error)

    def part(self) -> Part:
        """Its picture, under the names it has here."""
        return Part(self.cluster, self.renamer.snapshot(self.feed.latest()), self.state)

    def told(self) -> Told:
        """What it has found out."""
        feed = self.feed
        return Told(self.renamer.names, feed.diagnosis(), feed.alerts(), feed.watched(), self.silence)


def links_of(members: tuple[Member, ...], base: Path, client: ScrapeClient, clock: Clock) -> tuple[Link, ...]:
    """The members of a view, cluster by cluster.

    Names are written with their cluster where there are several clusters. Raises ValueError with a sentence for an
    address or a token file that cannot be used.
    """
    clusters = tuple(dict.fromkeys(one.cluster for one in members))
    found: list[Link] = []
    for cluster in clusters:
        here = [one for one in members if one.cluster == cluster]
        naming = Naming(cluster if len(clusters) > 1 else "")
        for number, member in enumerate(here, 1):
            try:
                door = Door(member, base)
            except (ValueError, SecretError) as error:
                raise ValueError(f"[[member]] {cluster}: {error}") from error
            share = number if len(here) > 1 else 0
            found.append(Link(MemberFeed(door, client, clock), cluster, naming, share, clock))
    return tuple(found)
