"""Serves the screen to browsers: textual-serve behind a gate, one process a window, all of them ended with the server.

The one module that touches textual-serve. Of its server the packets between window and browser are used, and its page's
terminal; what it starts by a shell, prints to stdout, fetches from other sites or waits for without end is done here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any

import textual_serve
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from app.cli.web_gate import Gate

HERE = Path(__file__).parent
STATIC = Path(textual_serve.__file__).parent / "static"
DRIVER = "app.tui.browser:BrowserDriver"
WIDTHS, HEIGHTS, FONTS = (20, 500), (5, 200), (6, 48)
"""Least and most columns, lines and size of letters: more cells than any screen has would only cost memory."""
LONGEST_MESSAGE = 1 << 20
"""Bytes of one message of a browser: what is pasted at once."""
LONGEST_TOKEN = 4096
END_S = 4.0
"""A window has so long to give its feed back."""
HEARTBEAT_S = 15.0
"""Between two looks whether the browser is still there."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_LEFT_OUT = ("NO_COLOR", "SSH_CONNECTION", "SSH_TTY", "MOSH_IP", "LINES")
"""What the server's own terminal means nothing to a browser."""

log = logging.getLogger("gpu_watchdog.web")


class Window(AppService):
    """One window: a screen in a process of its own, spoken to over its standard input and output."""

    def __init__(self, words: Sequence[str], socket: web.WebSocketResponse) -> None:
        super().__init__(
            "",
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=lambda: _shut(socket),
            download_manager=DownloadManager(),
        )
        self._words = words

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environ = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
        return {
            **environ,
            "TEXTUAL_DRIVER": DRIVER,
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TERM": "xterm-256color",
            "COLUMNS": str(width),
            "ROWS": str(height),
            "GPU_WATCHDOG_NO_SHELL": "1",  # nobody behind a browser gets a shell
            "PYTHONUTF8": "1",
        }

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        environ = self._build_environment(width, height)
        self._process = await asyncio.create_subprocess_exec(
            *self._words, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ
        )
        self._stdin = self._process.stdin
        return self._process

    async def set_terminal_size(self, width: object, height: object) -> None:  # from outside
        """Another size, as far as it is one."""
        await super().set_terminal_size(within(width, *WIDTHS), within(height, *HEIGHTS))

    async def stop(self) -> None:
        """Ask the process to end, wait a little, end it."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        self._task = None
        await self.send_meta({"type": "quit"})
        with contextlib.suppress(OSError):
            self.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        task.cancel()
        await asyncio.wait({task})


@dataclass
class Screens:
    """The pages, and the windows that are open."""

    gate: Gate
    words: Sequence[str]
    """Opens one window."""
    most: int
    """Windows open at once: each is a screen of its own."""
    _sockets: set[web.WebSocketResponse] = field(default_factory=set)

    def app(self) -> web.Application:
        """The routes, all of them behind the gate."""
        app = web.Application(middlewares=[self._guard], client_max_size=LONGEST_TOKEN)
        app.add_routes(
            [
                web.get("/", self._index),
                web.post("/enter", self._enter),
                web.get("/ws", self._window),
                web.get("/page.css", _file("web_page.css")),
                web.get("/page.js", _file("web_page.js")),
                web.static("/static", STATIC),
            ]
        )
        app.on_shutdown.append(self._end)
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        refusal = self.gate.refusal(request.path, request.headers)
        if refusal is None:
            answer = await handler(request)
        elif refusal.status is HTTPStatus.UNAUTHORIZED and request.path == "/":
            token = request.query.get("token")
            answer = _form("") if token is None else self._let_in(token)
        else:
            answer = web.Response(status=refusal.status, text=f"{refusal.says}\n")
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    def _let_in(self, token: str) -> web.Response:
        """The way in, with a key; the token does not stay in the address."""
        key = self.gate.enter(token)
        if key is None:
            return _form("That is not the token.", HTTPStatus.FORBIDDEN)
        answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        answer.set_cookie(self.gate.cookie, key, httponly=True, samesite="Lax", secure=self.gate.is_secure, path="/")
        return answer

    async def _enter(self, request: web.Request) -> web.Response:
        shown = (await request.post()).get("token")
        return self._let_in(shown if isinstance(shown, str) else "")

    async def _index(self, request: web.Request) -> web.Response:
        if "token" in request.query:  # of one who is in already: out of the address all the same
            return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        scheme = "wss" if self.gate.is_secure else "ws"
        size = within(request.query.get("fontsize"), *FONTS, usual=16)
        return _page("web_page.html", socket=f"{scheme}://{request.host}/ws", font_size=str(size))

    async def _window(self, request: web.Request) -> web.StreamResponse:
        if len(self._sockets) >= self.most:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=f"{self.most} windows are open already\n")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=LONGEST_MESSAGE)
        self._sockets.add(socket)
        window = Window(self.words, socket)
        try:
            await socket.prepare(request)
            size = request.query
            await window.start(
                within(size.get("width"), *WIDTHS, usual=80), within(size.get("height"), *HEIGHTS, usual=24)
            )
            await _pass_on(socket, window)
        except (ConnectionError, ValueError, TypeError, KeyError, IndexError) as error:
            log.warning("a window ended: %r", error)
        finally:
            self._sockets.discard(socket)
            await window.stop()
        return socket

    async def _end(self, _: web.Application) -> None:
        """Close every window; their processes end with them."""
        await asyncio.gather(*(socket.close() for socket in tuple(self._sockets)))


async def _pass_on(socket: web.WebSocketResponse, window: Window) -> None:
    """Hand on what the browser says until it goes. Raises ValueError and the like for what no page of ours says."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        said: list[Any] = message.json()
        match said[0]:
            case "stdin":
                await window.send_bytes(str(said[1]).encode("utf-8", "replace"))
            case "resize":
                await window.set_terminal_size(said[1]["width"], said[1]["height"])
            case "ping":
                await socket.send_json(["pong", said[1]])
            case "focus":
                await window.focus()
            case "blur":
                await window.blur()


async def _shut(socket: web.WebSocketResponse) -> None:
    await socket.close()


def within(said: object, least: int, most: int, usual: int = 0) -> int:
    """A number from outside, as far as it is one, no less and no more than it may be."""
    try:
        return min(most, max(least, int(str(said))))
    except ValueError:
        return max(least, usual)


def _page(name: str, status: HTTPStatus = HTTPStatus.OK, **words: str) -> web.Response:
    """A page of ours with its words put in, harmless."""
    text = (HERE / name).read_text("utf-8")
    for key, value in words.items():
        text = text.replace(f"{{{{ {key} }}}}", escape(value))
    return web.Response(text=text, content_type="text/html", status=status)


def _form(said: str, status: HTTPStatus = HTTPStatus.UNAUTHORIZED) -> web.Response:
    return _page("web_enter.html", status, said=said)


def _file(name: str) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    async def answer(_: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / name)

    return answer


@contextlib.asynccontextmanager
async def serving(
    screens: Screens, listening: socket.socket, secure: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Answer on a socket until the context is left; every window has ended then."""
    runner = web.AppRunner(screens.app(), access_log=None, shutdown_timeout=END_S)
    # textual-serve prints what a window complained about; stdout is data.
    with contextlib.redirect_stdout(sys.stderr):
        await runner.setup()
        try:
            await web.SockSite(runner, listening, ssl_context=secure).start()
            yield
        finally:
            await runner.cleanup()
