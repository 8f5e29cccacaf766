"""A real browser without a screen: Debian's Chromium, driven over its own protocol (CDP) by a websocket.

No library of its own is needed for what tests do: go somewhere, ask the page, type, press, take a picture, see what
was fetched.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from tests.tools.parts import find

START_S, ASK_S = 60.0, 30.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests run as root in a container, where Chromium's own sandbox cannot
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


@dataclass
class Browser:
    """One tab."""

    socket: aiohttp.ClientWebSocketResponse
    session: str
    fetched: list[str] = field(default_factory=list)
    """Every address that the page asked for."""
    said: list[str] = field(default_factory=list)
    """What the page complained about."""
    _numbers: count[int] = field(default_factory=lambda: count(10))

    async def call(self, method: str, **parameters: Any) -> Any:  # noqa: ANN401 - JSON
        """One command of the protocol; events that come meanwhile are taken down."""
        number = next(self._numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters, "sessionId": self.session})
        async with asyncio.timeout(ASK_S):
            while True:
                told = await self.socket.receive_json()
                if told.get("id") == number:
                    assert "error" not in told, told
                    return told["result"]
                self._take(told)

    def _take(self, told: dict[str, Any]) -> None:
        parameters = told.get("params", {})
        match told.get("method"):
            case "Network.requestWillBeSent":
                self.fetched.append(parameters["request"]["url"])
            case "Network.webSocketCreated":
                self.fetched.append(parameters["url"])
            case "Runtime.exceptionThrown":
                self.said.append(str(parameters["exceptionDetails"]))
            case "Log.entryAdded":
                self.said.append(str(parameters["entry"].get("text")))

    async def go(self, address: str) -> None:
        """Open an address."""
        await self.call("Page.navigate", url=address)

    async def ask(self, script: str) -> Any:  # noqa: ANN401 - whatever the script answers
        """What a script in the page answers."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def until(self, script: str, within_s: float = START_S) -> None:
        """Wait until a script answers with something true."""
        deadline = monotonic() + within_s
        while not await self.ask(script):
            assert monotonic() < deadline, (script, await self.ask("document.body.outerHTML.slice(0, 3000)"), self.said)
            await asyncio.sleep(0.1)

    async def type(self, text: str) -> None:
        """Type letters into what has the keys."""
        for letter in text:
            await self.call("Input.dispatchKeyEvent", type="keyDown", text=letter, key=letter)
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=letter)

    async def press(self, key: str, code: int) -> None:
        """Press a key that writes nothing (`Enter`, 13)."""
        text = "\r" if key == "Enter" else ""
        what = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **what)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    async def picture(self) -> bytes:
        """The page as a PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


@contextlib.asynccontextmanager
async def browser(folder: Path, size: tuple[int, int] = (1280, 800)) -> AsyncIterator[Browser]:
    """A browser with nothing in it; all of its processes end with the context."""
    command = [find("chromium") or "chromium", *FLAGS, f"--user-data-dir={folder}"]
    environ = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *command, "about:blank", stdout=DEVNULL, stderr=PIPE, env=environ, start_new_session=True
    )
    try:
        async with aiohttp.ClientSession() as http, http.ws_connect(await _door(process), max_msg_size=0) as socket:
            yield await _tab(socket, size)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _door(process: asyncio.subprocess.Process) -> str:
    """The address that it says it listens on."""
    assert process.stderr is not None
    async with asyncio.timeout(START_S):
        async for line in process.stderr:
            if line.startswith(b"DevTools listening on "):
                return line.decode().split()[-1]
    raise AssertionError("Chromium ended before it listened")


async def _tab(socket: aiohttp.ClientWebSocketResponse, size: tuple[int, int]) -> Browser:
    """Take the first tab."""

    async def root(number: int, method: str, **parameters: Any) -> Any:  # noqa: ANN401 - JSON
        await socket.send_json({"id": number, "method": method, "params": parameters})
        while (told := await socket.receive_json()).get("id") != number:
            pass
        return told["result"]

    tabs = (await root(1, "Target.getTargets"))["targetInfos"]
    tab = next(one["targetId"] for one in tabs if one["type"] == "page")
    found = Browser(socket, (await root(2, "Target.attachToTarget", targetId=tab, flatten=True))["sessionId"])
    for domain in ("Page", "Runtime", "Network", "Log"):
        await found.call(f"{domain}.enable")
    await found.call(
        "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
    )
    return found
