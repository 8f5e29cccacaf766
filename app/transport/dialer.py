"""Connections opened: name to address, address after address, TLS, unix sockets, and servers behind ssh."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from app.transport.connection import Connection
from app.transport.destination import SshError
from app.transport.endpoint import Server
from app.transport.failure import ScrapeError
from app.transport.peer import check_peer
from app.transport.resolve import Resolver

if TYPE_CHECKING:  # ssh is paid for by those who use it
    from app.transport.ssh import SshForwards

MOST_FILES = 65536
"""Open files this process ever allows itself."""
_NO_LISTENER = (FileNotFoundError, ConnectionRefusedError)


class Dialer:
    """Opens connections; remembers addresses and TLS contexts. The caller sets the deadline."""

    def __init__(
        self, ssh: SshForwards | None = None, *, owner: str | None = None, resolver: Resolver | None = None
    ) -> None:
        """`owner`: unix sockets must be root's, one's own or that user's (empty: nobody's else); None: anybody's."""
        self.ssh = ssh
        """Forwards through ssh hosts; None: none may be made."""
        self._owner = owner
        self._resolver = resolver or Resolver()
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    async def dial(self, server: Server, timeout_s: float) -> Connection:
        """Open a connection within `timeout_s`, which the caller enforces; several addresses share it evenly.

        Raises OSError (TLS's errors too), UnknownNameError, UntrustedPeerError or SshError; ScrapeError for a useless
        `ca_file`.
        """
        try:
            return await self._dial(server, timeout_s)
        except OSError as error:
            if error.errno != errno.EMFILE or not raise_file_limit():
                raise
        return await self._dial(server, timeout_s)

    async def _dial(self, server: Server, timeout_s: float) -> Connection:
        context = await self._context(server) if server.scheme == "https" else None
        name = server.host if context else None
        if server.ssh is not None:
            return await self._dial_through(server, context, name)
        if server.scheme == "unix":
            return await self._dial_socket(server)
        addresses = await self._resolver.addresses(server.host)
        for left, address in zip(range(len(addresses), 1, -1), addresses, strict=False):
            with suppress(OSError):  # any but the last may be dead: an IPv6 address that leads nowhere
                async with asyncio.timeout(timeout_s / left):
                    return await self._dial_address(server, address, context, name)
        return await self._dial_address(server, addresses[-1], context, name)

    async def _dial_address(
        self, server: Server, address: str, context: ssl.SSLContext | None, name: str | None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            Connection, address, server.port, ssl=context, server_hostname=name
        )
        self._resolver.prefer(server.host, address)
        return connection

    async def _dial_socket(self, server: Server) -> Connection:
        transport, connection = await asyncio.get_running_loop().create_unix_connection(Connection, server.host)
        if self._owner is not None:
            opened: socket.socket = transport.get_extra_info("socket")
            try:
                check_peer(opened, server.host, self._owner)
            except BaseException:
                connection.cut()
                raise
        return connection

    async def _dial_through(self, server: Server, context: ssl.SSLContext | None, name: str | None) -> Connection:
        """Through ssh: a local socket stands for the server; where it does not yet, or no more, it is made to."""
        if self.ssh is None or server.ssh is None:
            raise SshError(f"{server.authority} is to be reached through ssh, which is not available here")
        target = server.host if server.scheme == "unix" else server.authority
        path = self.ssh.path(server.ssh, target)
        loop = asyncio.get_running_loop()
        with suppress(*_NO_LISTENER):
            return (await loop.create_unix_connection(Connection, path, ssl=context, server_hostname=name))[1]
        await self.ssh.forward(server.ssh, target)
        return (await loop.create_unix_connection(Connection, path, ssl=context, server_hostname=name))[1]

    async def _context(self, server: Server) -> ssl.SSLContext:
        """The TLS context for a server. Reading the system's certificates takes milliseconds: in a thread, and once."""
        key = (server.ca_file, server.insecure)
        if key not in self._contexts:
            self._contexts[key] = await asyncio.to_thread(_make_context, *key)
        return self._contexts[key]


def raise_file_limit() -> bool:
    """Allow this process more open files, up to what it may allow itself; whether that changed anything.

    A thousand targets are a thousand connections, and the usual soft limit is 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return True


def _make_context(ca_file: str, insecure: bool) -> ssl.SSLContext:  # noqa: FBT001 - the two settings, as they are
    if insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        try:
            context = ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise ScrapeError("local", f"ca_file {ca_file} cannot be used: {error.strerror or error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
