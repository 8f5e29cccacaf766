"""What a stack is made of: addresses, ports, targets and rules, decided before any file is written. Frozen values."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from urllib.parse import urlsplit

from app.config.settings import Discover
from app.domain.alert import Inhibition
from app.domain.frozen import frozen
from app.services.stack.scraping import Access, LeftOut, Scraped

LOOPBACK = "127.0.0.1"
DOOR_PATHS = ("/metrics", "/api/sd")
"""All that the door lets through to the daemon's socket."""


@frozen
class Ports:
    """Where the parts listen, all on loopback."""

    prometheus: int = 9090
    alertmanager: int = 9093
    grafana: int = 3000
    door: int = 9478
    """What hands the daemon's page from its socket to Prometheus."""


@frozen
class Plan:
    """One stack."""

    cluster: str
    socket: Path
    """The daemon's, whole path."""
    rules: str
    """The rule file."""
    inhibitions: tuple[Inhibition, ...] = ()
    """Which alerts say nothing new while another fires."""
    scrape_s: float = 15.0
    ports: Ports = field(default_factory=Ports)
    daemon: str = ""
    """Address of a daemon that listens on TCP; empty: the door to its socket."""
    daemon_access: Access = field(default_factory=Access)
    asks_daemon: bool = True
    """Targets come from the daemon's http_sd; else from a file, out of the configuration."""
    pages: tuple[Scraped, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    discover: Discover = field(default_factory=Discover)
    """Discoveries that Prometheus asks by itself where it does not ask the daemon, their paths whole."""

    @property
    def has_door(self) -> bool:
        """Whether the daemon is reached through its socket."""
        return not self.daemon

    @property
    def base(self) -> str:
        """Where Prometheus finds the daemon."""
        return self.daemon.rstrip("/") or f"http://{LOOPBACK}:{self.ports.door}"

    @property
    def daemon_address(self) -> str:
        """`host:port` of it."""
        parts = urlsplit(self.base)
        return parts.netloc if parts.port else f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Files that Prometheus must be able to read beside its own."""
        accesses = (self.daemon_access, *(page.access for page in self.pages))
        return tuple(sorted({path for one in accesses for path in (one.token_file, one.ca_file) if path}))


@frozen
class File:
    """One file of the folder."""

    path: str
    """Within the folder."""
    text: str
    mode: int = 0o644
    """Others must be able to read most: the servers run as users of their own."""
    is_made_once: bool = False
    """Holds something drawn by lot: one that is there stays, whatever is in it."""
