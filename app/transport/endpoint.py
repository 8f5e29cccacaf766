"""Endpoints: where a page is, how to get there, and the request that asks for it. Values only.

Known forms: `http://host:port/path`, `https://…`, `host:port` (http), and `unix:///run/x.sock`, with a path on that
server after a colon: `unix:///run/x.sock:/metrics`. Credentials in a URL become a secret at once.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from app.config.secret import Secret
from app.domain.frozen import frozen
from app.domain.masking import MASK, redact_url
from app.domain.naming import clean
from app.transport.destination import SshDestination, parse_destination

Scheme = Literal["http", "https", "unix"]
DEFAULT_PATH = "/metrics"
"""Where exporters have their page; taken when an address has no path at all."""
ACCEPT = "text/plain;version=0.0.4, application/json;q=0.9, */*;q=0.1"
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = re.compile(r"127(\.\d+){3}|::1|localhost")
_HOST = re.compile(r"[\w.:%-]+", re.ASCII)


@frozen
class Server:
    """What one connection is made to: all that tells connections apart, so the key of the pool."""

    scheme: Scheme
    host: str
    """Name or address, without brackets; the socket's path for `unix`."""
    port: int = 0
    ssh: SshDestination | None = None
    ca_file: str = ""
    insecure: bool = False

    def __str__(self) -> str:
        """For a sentence: where, and through which ssh host."""
        return f"{self.authority} through ssh {self.ssh}" if self.ssh else self.authority

    @property
    def authority(self) -> str:
        """`host:port`, IPv6 in brackets; the path of a unix socket."""
        if self.scheme == "unix":
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """A unix socket or loopback: of this machine, or of the ssh host."""
        return self.scheme == "unix" or _LOOPBACK.fullmatch(self.host) is not None

    @property
    def is_near(self) -> bool:
        """On this machine."""
        return self.ssh is None and self.is_local


@frozen
class Endpoint:
    """A page on a server, and what proves that we may see it."""

    server: Server
    path: str = DEFAULT_PATH
    """With its query; begins with a slash, holds only what a request line may."""
    authorization: Secret | None = None
    """The whole value of the Authorization header."""

    def __str__(self) -> str:
        """As people know it, without credentials; through which ssh host."""
        server = self.server
        joint = ":" if server.scheme == "unix" else ""
        shown = redact_url(f"{server.scheme}://{server.authority}{joint}{self.path}")
        return f"{shown} through ssh {server.ssh}" if server.ssh else shown

    def hide(self, text: str) -> str:
        """Text a server sent, without our credentials: some repeat what they were shown in their refusal."""
        if self.authorization is None:
            return text
        kind, _, value = self.authorization.reveal().partition(" ")
        plain = base64.b64decode(value).decode("utf-8", "replace") if kind == "Basic" else ""
        for secret in (value, plain, plain.partition(":")[2]):
            text = text.replace(secret, MASK) if secret else text
        return text

    def at(self, path: str) -> Endpoint:
        """Another path on the same server, with the same credentials."""
        return replace(self, path=_safe_path(path))

    def request(self, timeout_s: float, *, gzip: bool) -> bytes:
        """The bytes that ask for it; Prometheus's header tells an exporter how long we wait."""
        server = self.server
        host = "localhost" if server.scheme == "unix" else server.authority
        if server.port == _PORTS.get(server.scheme):
            host = host.removesuffix(f":{server.port}")
        credentials = f"Authorization: {self.authorization.reveal()}\r\n" if self.authorization else ""
        return (
            f"GET {self.path} HTTP/1.1\r\n"
            f"Host: {host}\r\n"
            "User-Agent: gpu-watchdog\r\n"
            f"Accept: {ACCEPT}\r\n"
            f"Accept-Encoding: {'gzip' if gzip else 'identity'}\r\n"
            f"X-Prometheus-Scrape-Timeout-Seconds: {timeout_s:.3f}\r\n"
            f"{credentials}\r\n"
        ).encode("latin-1")


def parse_endpoint(
    url: str, *, token: Secret | None = None, ssh: str = "", ca_file: str = "", insecure: bool = False
) -> Endpoint:
    """Read an address as people write it.

    A bearer `token` beats credentials in the URL. Raises ValueError with a sentence that repeats no credentials.
    """
    shown = clean(redact_url(url))
    if not url or not url.isprintable() or " " in url:
        raise ValueError(f"{shown!r} is no address: it is empty, or holds spaces or control characters")
    through = parse_destination(ssh) if ssh else None
    if url.startswith("unix:"):
        server, path = _unix_server(url, through)
        return Endpoint(server, path, bearer(token) if token else None)
    parts, port = _split(url, shown)
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise ValueError(f"{shown!r}: {scheme}:// is not known; use http://, https:// or unix://")
    kind: Scheme = "https" if scheme == "https" else "http"
    server = Server(kind, _safe_host(parts.hostname or "", shown), port or _PORTS[kind], through, ca_file, insecure)
    path = (parts.path or DEFAULT_PATH) + (f"?{parts.query}" if parts.query else "")
    return Endpoint(server, _safe_path(path), bearer(token) if token else _basic(parts.username, parts.password))


def bearer(token: Secret) -> Secret:
    """The Authorization header of a bearer token."""
    return Secret(f"Bearer {token.reveal()}")


def _basic(user: str | None, password: str | None) -> Secret | None:
    if user is None and password is None:
        return None
    pair = f"{unquote(user or '')}:{unquote(password or '')}".encode()
    return Secret("Basic " + base64.b64encode(pair).decode("ascii"))


def _split(url: str, shown: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{shown!r} is no address: its host or port is malformed") from error
    return parts, port


def _unix_server(url: str, through: SshDestination | None) -> tuple[Server, str]:
    socket, _, path = url.removeprefix("unix:").removeprefix("//").partition(":")
    if not socket.startswith("/"):
        raise ValueError(f"{clean(url)!r}: write the whole path of the socket, unix:///run/x.sock")
    return Server("unix", socket, ssh=through), _safe_path(path or DEFAULT_PATH)


def _safe_host(host: str, shown: str) -> str:
    try:
        plain = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"{shown!r} names no host that can exist") from error
    if not _HOST.fullmatch(plain):
        raise ValueError(f"{shown!r} names no host that can exist")
    return plain


def _safe_path(path: str) -> str:
    """The path with everything quoted that a request line cannot hold; what is quoted already stays."""
    quoted = quote(path.partition("#")[0], safe="/?:@!$&'()*+,;=~%-._")
    return quoted if quoted.startswith("/") else f"/{quoted}"
