"""Quantities as people call them, and the catalogue's rows behind the words. Pure."""
# ruff: noqa: E501 - a pattern reads best on one line

from __future__ import annotations

import re

from app.domain.frozen import frozen
from app.domain.metrics import find


@frozen
class Quantity:
    """What was asked for by name."""

    keys: tuple[str, ...]
    """Catalogue keys, the likeliest scope first: `gpu.temperature`, …"""
    words: str

    @property
    def key(self) -> str:
        """The likeliest."""
        return self.keys[0]

    def of(self, scope: str) -> str | None:
        """The row for a node, a GPU or a server."""
        return next((key for key in self.keys if key.startswith(f"{scope}.")), None)


_ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"memory temperature|hbm temperature|vram temperature", ("gpu.memory_temperature",)),
    (r"inlet(?: temperature)?", ("node.inlet_temperature",)),
    (r"temperatures?|heat|degrees|celsius|hot(?=\s+(?:is|are|was|did|does))", ("gpu.temperature", "node.inlet_temperature")),
    (r"power limits?|power caps?", ("gpu.power_limit",)),
    (r"power(?! off| cycle| brake| suppl| down)(?: draw| usage| consumption| use)?|watts?|wattage", ("gpu.power", "node.power")),
    (r"energy", ("gpu.energy",)),
    (r"kv[ -]?cache(?: usage| use| utilization)?|cache usage", ("service.kv_cache_usage",)),
    (r"preemptions?", ("service.preemptions",)),
    (r"tokens?(?: a| per|/)\s?s(?:ec(?:ond)?)?|throughput|token rate|tok/s", ("service.tokens_per_s",)),
    (r"time to first token|ttft", ("service.ttft",)),
    (r"inter[- ]token(?: latency)?|itl|tpot", ("service.itl",)),
    (r"request latency|latency|e2e", ("service.e2e_latency",)),
    (r"queue time", ("service.queue_time",)),
    (r"waiting requests|requests waiting|queued requests", ("service.requests_waiting",)),
    (r"running requests|requests running|batch size", ("service.requests_running",)),
    (r"(?:gpu )?memory bandwidth(?: utilization)?|dram active", ("gpu.dram_active",)),
    (r"memory clocks?", ("gpu.memory_clock",)),
    (r"(?:sm |core |gpu )?clocks?(?: speed| rate)?|frequency|mhz", ("gpu.sm_clock",)),
    (r"ram(?: usage| used| use)?|host memory|system memory|node memory", ("node.memory_percent",)),
    (r"(?:gpu |device |video )?memory(?: used| usage| use| utilization)?|vram|fb used|hbm(?: usage)?",
     ("gpu.memory_used", "node.memory_percent")),
    (r"cpu(?: usage| load| utilization| use)?", ("node.cpu_utilization", "node.load_1m")),
    (r"load average|load avg|load", ("node.load_1m",)),
    (r"disk(?: space| usage| free| left)?|storage space", ("node.disk_free_percent",)),
    (r"inodes?", ("node.inodes_free_percent",)),
    (r"nvlink (?:traffic|bandwidth|throughput)", ("gpu.nvlink_rx", "gpu.nvlink_tx")),
    (r"pcie? (?:traffic|bandwidth|throughput)", ("gpu.pcie_rx", "gpu.pcie_tx")),
    (r"pcie? replays?", ("gpu.pcie_replay",)),
    (r"network(?: traffic| throughput| rx| usage)?", ("node.network_rx", "node.network_tx")),
    (r"sm active|sm activity", ("gpu.sm_active",)),
    (r"tensor(?: core)?s?(?: active| activity| utilization)?", ("gpu.tensor_active",)),
    (r"fan(?: speed)?s?", ("gpu.fan",)),
    (r"uptime", ("node.uptime",)),
    (r"utili[sz]ation|utilised|utilized|usage|occupancy|busy(?=\s+(?:is|are|was))|loaded(?=\s+(?:is|are|was))",
     ("gpu.utilization", "node.cpu_utilization")),
)  # fmt: skip
_NAMED: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"(?<![\w<-])(?:{pattern})(?![\w>])"), keys) for pattern, keys in _ROWS
)
_KEY = re.compile(r"\b(?:gpu|node|service|fleet)\.[a-z0-9_]+\b")


def find_quantity(text: str) -> tuple[Quantity | None, str]:
    """The first quantity that a text names, and the text with `<M-GPU>` (its scope) behind it."""
    exact = _KEY.search(text)
    if exact is not None and find(exact.group()) is not None:
        return _taken(exact, (exact.group(),), text)
    best: tuple[int, int, re.Match[str], tuple[str, ...]] | None = None
    for number, (pattern, keys) in enumerate(_NAMED):
        found = pattern.search(text)
        known = tuple(key for key in keys if find(key) is not None)
        if found is not None and known and (best is None or (found.start(), number) < best[:2]):
            best = (found.start(), number, found, known)
    return (None, text) if best is None else _taken(best[2], best[3], text)


def _taken(found: re.Match[str], keys: tuple[str, ...], text: str) -> tuple[Quantity, str]:
    mark = f" <M-{keys[0].partition('.')[0].upper()}>"
    return Quantity(keys, found.group()), f"{text[: found.end()]}{mark}{text[found.end() :]}"
