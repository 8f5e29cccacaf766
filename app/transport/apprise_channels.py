"""The one module that touches Apprise: the address of a channel read, and a message sent by it. Blocking: for a thread.

Apprise says by its log why something failed, and may quote the address there: its log is kept from every handler, and
of its words only those are passed on in which nothing of the address stands.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from app.config.secret import Secret
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.notice import DONE, Outcome
from app.domain.series import Severity
from app.transport.mailing import MailRoute

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

_STATUS = re.compile(r"error=(\d{3})")
_PIECES = re.compile(r"[\w.~%+-]{4,}")
_TLS: dict[str, Literal["none", "starttls", "tls"]] = {"insecure": "none", "starttls": "starttls", "ssl": "tls"}


class ChannelError(Exception):
    """An address that Apprise cannot use; the message holds nothing of it."""


@frozen
class Said:
    """A message for Apprise."""

    title: str
    text: str
    severity: Severity
    is_over: bool
    thread: str
    """What the service may know all messages about one thing by."""


def parse(address: Secret) -> NotifyBase:
    """What Apprise makes of an address. Raises ChannelError."""
    with _listening() as heard:
        import apprise  # noqa: PLC0415 - late: 0.5 s and 20 MiB for who has such a channel

        asset = apprise.AppriseAsset(app_id="GPU Watchdog", app_desc="GPU Watchdog", app_url="", async_mode=False)
        found = apprise.Apprise.instantiate(address.reveal(), asset=asset)
    if found is None:
        raise ChannelError(f"Apprise cannot use the address: {_told(heard, address) or 'no service knows it'}")
    made: NotifyBase = found
    if made.overflow_mode == apprise.OverflowMode.UPSTREAM:  # a service refuses what is too long for it, for good
        vars(made).update(overflow_mode=apprise.OverflowMode.TRUNCATE)
    return made


def room(plugin: NotifyBase) -> int:
    """Characters that a message of this service may have, its title among them."""
    return max(80, int(plugin.body_maxlen) - 8)


def mail_route(plugin: NotifyBase) -> MailRoute | None:
    """How mail goes out, where the address is one of plain e-mail; None for anything else (PGP is Apprise's)."""
    from apprise.plugins.email.base import NotifyEmail  # noqa: PLC0415 - late: likewise

    if not isinstance(plugin, NotifyEmail) or plugin.pgp_mode not in ("no", "none"):
        return None
    name, sender = plugin.from_addr
    return MailRoute(
        plugin.smtp_host,
        int(plugin.port or 25),
        _TLS.get(plugin.secure_mode or "", "starttls"),
        plugin.user or "",
        Secret(plugin.password or ""),
        f"{name if name and name != 'Apprise' else 'GPU Watchdog'} <{sender}>",
        tuple(address for _, address in plugin.targets),
        tuple(sorted(plugin.cc)),
        tuple(sorted(plugin.bcc)),
        bool(plugin.verify_certificate),
    )


def send(plugin: NotifyBase, address: Secret, said: Said) -> Outcome:
    """Send a message; services that sort by a key of ours are given it."""
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 - late: likewise

    kinds = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "critical": NotifyType.FAILURE}
    _key(plugin, said)
    with _listening() as heard:
        try:
            ok = plugin.notify(
                body=said.text,
                title=said.title,
                notify_type=NotifyType.SUCCESS if said.is_over else kinds[said.severity],
                body_format=NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 - 190 plugins of others: whatever one raises costs this attempt
            return Outcome(ok=False, error=f"Apprise failed: {type(error).__name__}")
    if ok:
        return DONE
    status = next((int(found[1]) for line in reversed(heard) if (found := _STATUS.search(line))), None)
    may_pass = status is None or status >= 500 or status in (408, 425, 429)
    return Outcome(ok=False, error=_told(heard, address) or "Apprise could not send it", may_pass=may_pass)


def _key(plugin: NotifyBase, said: Said) -> None:
    """PagerDuty and Opsgenie: one incident from its first message to its last, which ends it there too."""
    service = type(plugin).__name__
    if service == "NotifyPagerDuty":
        vars(plugin).update(dedup=said.thread, action="map")
    elif service == "NotifyOpsgenie":
        vars(plugin).update(alias=said.thread)


class _Ear(logging.Handler):
    """Keeps what Apprise says in a thread for whoever listens there."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises, as a handler must not."""
        if record.thread in self.heard:
            self.heard[record.thread].append(record.getMessage())


_EAR = _Ear()


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What Apprise says by its log in this thread meanwhile; no other handler hears it."""
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # at DEBUG it says the paths of addresses
    log = logging.getLogger("apprise")
    log.propagate, log.handlers = False, [_EAR]
    here, heard = threading.get_ident(), list[str]()
    _EAR.heard[here] = heard
    try:
        yield heard
    finally:
        del _EAR.heard[here]


def _told(heard: list[str], address: Secret) -> str:
    """The last of its words that holds no piece of the address, but for its service."""
    _, _, behind = address.reveal().partition("://")
    pieces = {piece for text in (behind, unquote(behind)) for piece in _PIECES.findall(text)}
    for line in reversed(heard):
        if not any(piece in line for piece in pieces):
            return clean(line, 200)
    return ""
