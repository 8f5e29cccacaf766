"""Who may look at the screen in a browser: those who once showed the token, from a page of our own. Pure.

A browser shows its token once, in the address or in a form, and then a key of its own in a cookie that no script reads.
`Host` and `Origin` are looked at first: a page of another origin gets neither a picture nor a keystroke through.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie

from app.config.tokens import is_loopback
from app.domain.frozen import frozen

MOST_KEYS = 256
"""Browsers remembered; the oldest is forgotten first and shows its token again."""
OPEN = frozenset({"/enter"})
"""Where a token is shown; everything else wants a key."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@frozen
class Refusal:
    """Why a request is not answered."""

    status: HTTPStatus
    says: str


@dataclass(slots=True)
class Gate:
    """Lets browsers in; holds their keys as long as the server runs."""

    host: str
    """The address that is listened on."""
    port: int
    """The port that is really listened on."""
    is_token: Callable[[str], bool]
    """Whether a text is a token that is let in."""
    names: tuple[str, ...] = ()
    """What browsers may call this machine beside its address."""
    _: KW_ONLY
    is_secure: bool = False
    """Whether it is TLS."""
    _keys: dict[str, None] = field(default_factory=dict)

    @property
    def cookie(self) -> str:
        """Name of the cookie; browsers keep those of all ports of a machine together."""
        return f"gpu-watchdog-{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """What browsers may call this server."""
        names = {name.lower() for name in (self.address_host, *self.names)}
        return frozenset(names | set(_LOOPBACK) if is_loopback(self.host) else names)

    @property
    def address(self) -> str:
        """Where browsers find it."""
        return f"{'https' if self.is_secure else 'http'}://{self.address_host}:{self.port}/"

    @property
    def address_host(self) -> str:
        """Its address as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def refusal(self, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """Why this request is not answered; None: come in."""
        host = headers.get("Host", "").lower()
        if _without_port(host) not in self.hosts:
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "this server is not called that; see --allow-host")
        # A tunnel may end on another port here, so the origin is held against what the browser says it came to.
        origin = headers.get("Origin", "").lower()
        if origin and origin.partition("://")[2] != host:
            return Refusal(HTTPStatus.FORBIDDEN, "pages of other origins are not served")
        if path in OPEN or self._knows(headers.get("Cookie", "")):
            return None
        return Refusal(HTTPStatus.UNAUTHORIZED, "show the token first")

    def enter(self, token: str) -> str | None:
        """The value of the cookie for who shows the token; None for anybody else."""
        if not self.is_token(token):
            return None
        key = secrets.token_urlsafe(32)
        self._keys[key] = None
        while len(self._keys) > MOST_KEYS:
            del self._keys[next(iter(self._keys))]
        return key

    def _knows(self, cookies: str) -> bool:
        try:
            shown = SimpleCookie(cookies).get(self.cookie)
        except CookieError:
            return False
        value = shown.value.encode("utf-8", "replace") if shown is not None else b""
        # All of them, however soon one fits: the time it takes tells nothing.
        return sum(hmac.compare_digest(value, key.encode()) for key in self._keys) > 0


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
