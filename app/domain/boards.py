"""Which GPU of the snapshot a log line is about, and whose job held it. Pure.

A line names a PCI address, sometimes a UUID, seldom an index; an index of the kernel's is the driver's own count, which
is NVML's order unless somebody changed it, so it counts last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.domain.allocation import Held, allocations
from app.domain.naming import same_node, uuid_key
from app.domain.snapshot import Gpu, Node, Snapshot

_PCI = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})(?:\.[0-9a-f])?", re.IGNORECASE)


class Boards:
    """The GPUs of one snapshot, by the names that log lines have for them."""

    def __init__(self, snapshot: Snapshot, now: float) -> None:
        self._snapshot = snapshot
        self._now = now
        self._nodes: dict[str, str | None] = {}

    def node(self, name: str) -> str:
        """The name a log's node goes by in the snapshot: its own, or a longer one; as it is where none fits."""
        if name in self._snapshot.nodes:
            return name
        if name not in self._nodes:
            alike = [one for one in self._snapshot.nodes if name and same_node(one, name)]
            self._nodes[name] = alike[0] if len(alike) == 1 else None
        return self._nodes[name] or name

    def gpu(self, node: str, pci: str | None, uuid: str | None, index: int | None) -> Gpu | None:
        """The GPU that a line on a node names; None where nothing fits or several do."""
        found = self._snapshot.nodes.get(self.node(node))
        if found is None:
            return None
        if uuid_key(uuid):
            return _only(gpu for gpu in found.gpus if uuid_key(gpu.uuid) == uuid_key(uuid))
        if pci:
            return _by_address(found, pci)
        return _only(gpu for gpu in found.gpus if index is not None and gpu.index == index)

    def held(self, gpu: Gpu) -> Held:
        """Who holds it now."""
        return allocations(self._snapshot, self._now).held(gpu)


def short_address(text: str | None) -> str | None:
    """A PCI address as log lines have it: `0000:9b:00`, whatever its domain's width and its function."""
    match = _PCI.search(text or "")
    if match is None:
        return None
    domain, bus, device = (part.lower() for part in match.groups())
    return f"{domain[-4:] if not domain[:-4].strip('0') else domain}:{bus}:{device}"


def _by_address(node: Node, pci: str) -> Gpu | None:
    return _only(gpu for gpu in node.gpus if short_address(gpu.facts.get("pci_bus_id")) == pci)


def _only(found: Iterable[Gpu]) -> Gpu | None:
    some = list(found)
    return some[0] if len(some) == 1 else None
