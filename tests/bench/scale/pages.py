"""Serves the pages of a fleet: `python -m tests.bench.scale.pages NODES INTERVAL_S`; each node has a loopback address.

A process of its own, so that its cost is nobody's: the same pages are asked for by whoever is measured. Each line of
stdin is a wish: `set NODE TEXT` appends a line to a node's page from now on. What it prints first is its port.
"""

from __future__ import annotations

import asyncio
import sys
import time

from tests.bench.fleet_values import GPUS_OF_NODE, KEYS, Realistic

FIELDS = (
    *("DEV_GPU_UTIL", "DEV_MEM_COPY_UTIL", "DEV_GPU_TEMP", "DEV_MEMORY_TEMP", "DEV_POWER_USAGE", "DEV_SM_CLOCK"),
    *("DEV_MEM_CLOCK", "DEV_FB_USED", "DEV_FB_FREE", "PROF_PCIE_TX_BYTES", "PROF_PCIE_RX_BYTES"),
    *("PROF_NVLINK_TX_BYTES", "PROF_NVLINK_RX_BYTES", "PROF_SM_ACTIVE", "PROF_PIPE_TENSOR_ACTIVE", "PROF_DRAM_ACTIVE"),
    *("DEV_TOTAL_ENERGY_CONSUMPTION", "DEV_PCIE_REPLAY_COUNTER", "DEV_ECC_DBE_VOL_TOTAL", "DEV_XID_ERRORS"),
)
"""What dcgm-exporter calls the values of `KEYS`."""
STILL = (
    *("DEV_ENC_UTIL", "DEV_DEC_UTIL", "DEV_UNCORRECTABLE_REMAPPED_ROWS", "DEV_CORRECTABLE_REMAPPED_ROWS"),
    "DEV_ROW_REMAP_FAILURE",
)
"""Fields that stay at 0 on a healthy board."""
METRICS = len(FIELDS) + len(STILL)
_SCALES = {"PROF_SM_ACTIVE": 0.01, "PROF_PIPE_TENSOR_ACTIVE": 0.01, "PROF_DRAM_ACTIVE": 0.01}
_SCALES["DEV_TOTAL_ENERGY_CONSUMPTION"] = 1000.0
_FRACTIONS = {*_SCALES, "DEV_POWER_USAGE"} - {"DEV_TOTAL_ENERGY_CONSUMPTION"}
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %d\r\n\r\n"


def address(node: int) -> str:
    """The loopback address of a node."""
    return f"127.1.{node // 250}.{1 + node % 250}"


def name(node: int) -> str:
    """What a node is called."""
    return f"gpu-{node:04d}"


class Fleet:
    """The values of now, and the page of each node as a form to fill in."""

    def __init__(self, nodes: int, interval_s: float) -> None:
        self._interval_s = interval_s
        self._values = Realistic(nodes * GPUS_OF_NODE, interval_s)
        self._forms = [_form(node) for node in range(nodes)]
        self._tick = -1
        self._rows: list[tuple[float, ...]] = []
        self.said: dict[int, str] = {}
        """Lines that were added to a node's page."""

    def renew(self, now: float) -> None:
        """Take the values of a moment, if they are others."""
        tick = int(now // self._interval_s)
        if tick != self._tick:
            self._tick = tick
            self._rows = list(self._values.tick(tick % 17280))

    def page(self, node: int) -> bytes:
        """A node's page, with its HTTP head."""
        rows = self._rows[node * GPUS_OF_NODE : (node + 1) * GPUS_OF_NODE]
        columns = zip(*rows, strict=True)
        numbers = [value * scale for column, scale in zip(columns, _BY_FIELD, strict=True) for value in column]
        body = self._forms[node] % tuple(numbers) + self.said.get(node, "")
        return (_HEAD % len(body) + body).encode()


_BY_FIELD = tuple(_SCALES.get(field, 1.0) for field in FIELDS)
assert len(FIELDS) == len(KEYS)


def _form(node: int) -> str:
    """A page of dcgm-exporter with a place for each value that moves."""
    lines: list[str] = []
    for field in (*FIELDS, *STILL):
        lines += [f"# HELP DCGM_FI_{field} A field of DCGM, in words.", f"# TYPE DCGM_FI_{field} gauge"]
        place = "0" if field in STILL else "%.6f" if field in _FRACTIONS else "%d"
        lines += [f"DCGM_FI_{field}{{{_labels(node, gpu)}}} {place}" for gpu in range(GPUS_OF_NODE)]
    return "\n".join([*lines, ""])


def _labels(node: int, gpu: int) -> str:
    return (
        f'gpu="{gpu}",UUID="GPU-{node:08x}-{gpu:04x}-4abc-9def-{node * 8 + gpu:012x}",'
        f'pci_bus_id="00000000:{24 + gpu:02X}:00.0",device="nvidia{gpu}",modelName="NVIDIA H100 80GB HBM3",'
        f'Hostname="{name(node)}",DCGM_FI_DRIVER_VERSION="580.95.05"'
    )


class Exporter(asyncio.Protocol):
    """One connection to one node's exporter."""

    def __init__(self, fleet: Fleet, node: int) -> None:
        self._fleet = fleet
        self._node = node
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            _, _, self._asked = self._asked.partition(b"\r\n\r\n")
            self._transport.write(self._fleet.page(self._node))


async def main(nodes: int, interval_s: float) -> None:
    """Serve until stdin ends."""
    fleet = Fleet(nodes, interval_s)
    fleet.renew(time.time())
    loop = asyncio.get_running_loop()
    first = await loop.create_server(lambda: Exporter(fleet, 0), address(0), 0)
    port = first.sockets[0].getsockname()[1]
    for node in range(1, nodes):
        await loop.create_server(lambda node=node: Exporter(fleet, node), address(node), port)  # type: ignore[misc]  # mypy infers no type for a lambda's default
    print(port, flush=True)
    asking = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asking), sys.stdin)
    hearing = asyncio.ensure_future(_hear(fleet, asking))
    while not hearing.done():
        await asyncio.wait({hearing}, timeout=interval_s - time.time() % interval_s)
        fleet.renew(time.time())


async def _hear(fleet: Fleet, asking: asyncio.StreamReader) -> None:
    while line := await asking.readline():
        _, node, text = line.decode().rstrip("\n").split(" ", 2)
        fleet.said[int(node)] = f"{text}\n"


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
