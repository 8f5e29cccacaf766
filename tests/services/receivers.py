"""Real receivers on loopback: a webhook server and a mail server that keep what they were sent."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope


@dataclass
class Hook:
    """A webhook server; `answers` are statuses it gives before it is well."""

    port: int = 0
    got: list[tuple[Mapping[str, str], Any]] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with each of `answers`."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[Any]:
        """What came, read."""
        return [body for _, body in self.got]

    async def wait_for(self, count: int) -> None:
        """Until so much has come."""
        async with asyncio.timeout(20):
            while len(self.got) < count:
                self.arrived.clear()
                await self.arrived.wait()

    async def take(self, request: web.Request) -> web.Response:
        """Keep a request."""
        if self.answers:
            return web.Response(status=self.answers.popleft(), headers=self.headers)
        text = await request.text()
        self.got.append((dict(request.headers) | {"path": request.path_qs}, json.loads(text) if text else None))
        self.arrived.set()
        return web.Response()


@asynccontextmanager
async def webhook() -> AsyncIterator[Hook]:
    """A webhook server until the context is left."""
    hook = Hook()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.port = runner.addresses[0][1]
    try:
        yield hook
    finally:
        await runner.cleanup()


@dataclass
class Mailbox:
    """A mail server; `answers` are what it says to a mail before it takes one."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers: deque[str] = field(default_factory=deque)

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        if self.answers:
            return self.answers.popleft()
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server until the context is left; the event loop is its own."""
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="mail.test"), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
