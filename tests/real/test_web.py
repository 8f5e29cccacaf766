"""`web` in a real browser: the screen as a person sees it, keys, the token, and windows that end with everything."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from tests.tools.browser import Browser, browser

pytestmark = pytest.mark.real("chromium")

TEXT = "document.querySelector('.xterm-rows')?.innerText ?? ''"
OPEN = "document.body?.classList.contains('-first-byte')"
ENDED = "document.body?.classList.contains('-closed')"


@asynccontextmanager
async def program(*words: str, stdout: int = DEVNULL) -> AsyncIterator[Process]:
    """One command of ours; ended with the context."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "app", *words, stdout=stdout, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def served(tmp_path: Path, *more: str) -> AsyncIterator[tuple[Process, str]]:
    """The screen of a simulated cluster, served; the server and its address with the token."""
    config = tmp_path / "config.toml"
    with config.open("w") as out:
        async with program("demo", "--nodes", "2", "--headless", stdout=out.fileno()) as demo:
            assert demo.stderr is not None
            await demo.stderr.readline()
            async with program("web", "--http", "0", "--config", str(config), *more) as web:
                assert web.stderr is not None
                said = (await web.stderr.readline()).decode()
                yield web, re.search(r"https?://\S+", said)[0]  # type: ignore[index]  # it is always told


def windows(server: int) -> list[int]:
    """The windows of a server: its children."""
    try:
        return [int(one) for one in Path(f"/proc/{server}/task/{server}/children").read_text().split()]
    except OSError:
        return []


def running(pids: list[int]) -> list[int]:
    """Those that have not ended."""
    return [pid for pid in pids if Path(f"/proc/{pid}/fd/0").exists()]


async def until_gone(pids: list[int], within_s: float = 60.0) -> None:
    """Wait until processes have ended."""
    deadline = monotonic() + within_s
    while left := running(pids):
        assert monotonic() < deadline, left
        await asyncio.sleep(0.05)


async def is_lit(tab: Browser) -> bool:
    """Whether the terminal's picture has more than a ground: the letters are painted on a canvas, not text."""
    picture = await tab.picture()
    return len(picture) > 15_000


async def shown(tab: Browser) -> bytes:
    """Wait for the screen and take its picture."""
    await tab.until(OPEN)
    deadline = monotonic() + 60
    while not await is_lit(tab):
        assert monotonic() < deadline
        await asyncio.sleep(0.2)
    return await tab.picture()


async def test_screen_in_a_browser(tmp_path: Path) -> None:
    """The token opens it and leaves the address; nothing comes from elsewhere; keys work; `q` ends the window alone."""
    async with served(tmp_path) as (server, address), browser(tmp_path / "browser") as tab:
        await tab.go(address)
        home = await shown(tab)
        assert "/" == await tab.ask("location.pathname + location.search")
        assert {"127.0.0.1"} == {re.sub(r"^\w+://([^:/]+).*", r"\1", one) for one in tab.fetched if "data:" not in one}
        assert [] == [one for one in tab.said if "Security" in one or "Error" in one]
        (window,) = windows(server.pid)

        await tab.type("2")
        deadline = monotonic() + 20
        while abs(len(await tab.picture()) - len(home)) < 1000:
            assert monotonic() < deadline
            await asyncio.sleep(0.2)
        await tab.type("q")
        await tab.until(ENDED)

        await until_gone([window])
        assert server.returncode is None
        await tab.press("Enter", 13)
        await tab.until(f"!({ENDED}) && {OPEN}")
        assert 1 == len(windows(server.pid))


async def test_closed_tab_and_killed_server_leave_no_window_behind(tmp_path: Path) -> None:
    """A window ends with its tab, and with the server however that ends."""
    async with served(tmp_path) as (server, address), browser(tmp_path / "browser") as tab:
        await tab.go(address)
        await shown(tab)
        first = windows(server.pid)
        await tab.go("about:blank")
        await until_gone(first)

        await tab.go(address)
        await shown(tab)
        second = windows(server.pid)
        os.kill(server.pid, signal.SIGKILL)

        await until_gone(second)
        assert (1, 1) == (len(first), len(second))


async def test_without_the_token_there_is_a_form_and_nothing_else(tmp_path: Path) -> None:
    """No page, no script and no window without a key; the form takes the token, and says when it is none."""
    async with served(tmp_path) as (server, address), aiohttp.ClientSession() as http:
        plain, token = address.split("?token=")
        for path in ("ws", "static/js/textual.js", "page.js", "download/x", "static/../web.py"):
            async with http.get(plain + path) as answer:
                assert 401 == answer.status, path
        async with http.get(plain) as answer:
            assert (401, True) == (answer.status, "Token of this screen" in await answer.text())
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        async with http.post(plain + "enter", data={"token": token[:-1]}) as answer:
            assert (403, True) == (answer.status, "not the token" in await answer.text())
        async with http.post(plain + "enter", data={"token": token}, allow_redirects=False) as answer:
            assert 303 == answer.status
            assert "HttpOnly" in answer.headers["Set-Cookie"]
            assert token not in answer.headers["Set-Cookie"]
        assert [] == windows(server.pid)


async def test_windows_are_bounded_and_nonsense_ends_only_its_own(tmp_path: Path) -> None:
    """One more than allowed is refused; what no page of ours says closes that window, and the next opens."""
    async with served(tmp_path, "--windows", "1") as (server, address), aiohttp.ClientSession() as http:
        plain = address.split("?")[0]
        # A cookie jar keeps no cookies of bare addresses, so the key goes by hand.
        async with http.get(address, allow_redirects=False) as answer:
            key = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
        socket = await http.ws_connect(plain + "ws?width=99999999&height=0", headers=key)
        async with http.get(plain + "ws", headers=key) as answer:
            assert 503 == answer.status
        first = windows(server.pid)
        await socket.send_str('{"stdin": 1}')
        async with asyncio.timeout(20):
            while not socket.closed:
                await socket.receive()
        await until_gone(first)

        again = await http.ws_connect(plain + "ws?width=80&height=24", headers=key)
        async with asyncio.timeout(60):
            assert (await again.receive()).data
        await again.close()
