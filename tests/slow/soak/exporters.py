"""The exporters of a soak: a page a node, on a loopback address each, in whatever mood the plan says."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from tests.slow.soak.fast_clock import FastClock
from tests.slow.soak.plan import Hot, Mood

GPUS = 8
HOT_C, COOL_C = 97, 55
METRICS = 25
SERIAL = "gpu.memory_used"
"""Under this metric each page carries its own number, so that it is known again in the store whatever clocks said."""
_HEAD = "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {size}\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Page:
    """A good page that went out whole."""

    serial: int
    """Its number among those of its node."""
    passed: float
    """Seconds after the beginning."""


@dataclass(slots=True)
class Exporter:
    """One node's exporter."""

    node: int
    port: int
    clock: FastClock
    hot: tuple[Hot, ...]
    """Those of its own GPUs."""
    mood: Mood | None = None
    served: list[Page] = field(default_factory=list)
    _serial: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _dice: random.Random = field(default_factory=random.Random)

    @property
    def host(self) -> str:
        """Its own loopback address."""
        return f"127.2.0.{self.node + 1}"

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)

    async def be(self, mood: Mood | None) -> None:
        """Fail in some way from now on; None: work again."""
        if self.mood == "dead" and mood != "dead":
            await self.open()
        self.mood = mood
        if mood == "dead":
            await self.close()

    async def close(self) -> None:
        """Listen no more, and drop who is there."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if self.mood == "hung":
                    await reader.read()  # until who asked has had enough
                    return
                status, body = self._answer()
                writer.write(_HEAD.format(status=status, size=len(body)).encode() + body.encode())
                if self.mood == "halved":
                    return
                await writer.drain()
                if self.mood is None:
                    self.served.append(Page(self._serial, self.clock.passed()))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self) -> tuple[str, str]:
        if self.mood == "wrong":
            return "500 Internal Server Error", "no\n"
        if self.mood == "html":
            return "200 OK", "<html><body>Sign in</body></html>"
        page = self._page()
        return "200 OK", page[: len(page) // 2] if self.mood == "halved" else page

    def _page(self) -> str:
        """A page of now."""
        self._serial += 1
        passed, dice = self.clock.passed(), self._dice
        is_hot = [any(one.gpu == gpu and one.since <= passed < one.until for one in self.hot) for gpu in range(GPUS)]
        rows = {
            "GPU_TEMP": [HOT_C if one else COOL_C for one in is_hot],
            "FB_USED": [self._serial] * GPUS,
            **{name: [dice.randrange(low, high) for _ in range(GPUS)] for name, low, high in _MOVING},
            **{name: [0] * GPUS for name in _STILL},
        }
        return "".join(
            f'DCGM_FI_DEV_{name}{{gpu="{gpu}",UUID="GPU-{self.node:08x}-{gpu}",Hostname="node-{self.node}"}} {value}\n'
            for name, values in rows.items()
            for gpu, value in enumerate(values)
        )


_MOVING = (
    *(("GPU_UTIL", 0, 100), ("MEM_COPY_UTIL", 0, 100), ("MEMORY_TEMP", 50, 70), ("POWER_USAGE", 90, 700)),
    *(("SM_CLOCK", 1200, 1980), ("FB_FREE", 1000, 9000), ("ENC_UTIL", 0, 100)),
    *(("DEC_UTIL", 0, 100), ("NVLINK_BANDWIDTH_TOTAL", 0, 9000)),
)
_STILL = (
    *("MEM_CLOCK", "PCIE_REPLAY_COUNTER", "UNCORRECTABLE_REMAPPED_ROWS", "CORRECTABLE_REMAPPED_ROWS"),
    *("ROW_REMAP_FAILURE", "ECC_DBE_VOL_TOTAL", "ECC_SBE_VOL_TOTAL", "ECC_DBE_AGG_TOTAL", "ECC_SBE_AGG_TOTAL"),
    *("RETIRED_DBE", "RETIRED_SBE", "RETIRED_PENDING", "CLOCK_THROTTLE_REASONS", "FAN_SPEED"),
)
