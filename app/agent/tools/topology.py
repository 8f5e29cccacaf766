"""topology: how GPUs hang together and where they are, as far as it is known."""

from __future__ import annotations

from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.places import look, node_of
from app.agent.tools.told import counted, lean, moment, number, plural
from app.agent.tools.tool import Found
from app.domain.boards import short_address
from app.domain.snapshot import Gpu, Node, Snapshot
from app.transport.turns import in_thread

_ROWS = 80
_VALUES = (
    ("pcie_gen", "gpu.pcie_gen"),
    ("pcie_gen_max", "gpu.pcie_gen_max"),
    ("pcie_width", "gpu.pcie_width"),
    ("pcie_width_max", "gpu.pcie_width_max"),
    ("nvlinks_up", "gpu.nvlinks_active"),
    ("nvlink_tx_bytes_per_s", "gpu.nvlink_tx"),
    ("nvlink_rx_bytes_per_s", "gpu.nvlink_rx"),
)
_FACTS = ("fabric_cluster", "fabric_clique", "numa_node", "cpu_affinity")


async def topology(
    ground: Ground,
    node: Annotated[str | None, "one node in detail; null: the nodes and partitions in short"] = None,
) -> Found:
    """How things hang together: GPUs' PCIe and NVLink, NVLink domains, InfiniBand, nodes by model and by partition.

    What exporters do not tell (often NUMA) is named in `not_known`.
    """
    snapshot, now = await look(ground)
    if node is not None:
        return _node(node_of(snapshot, node), now)
    nodes = [_row(one, now) for one in list(snapshot.nodes.values())[:_ROWS]]
    data = {
        **moment(now),
        "shapes": counted(_shape(one) for one in snapshot.nodes.values()),
        "partitions": _partitions(snapshot),
        "nvlink_domains": counted(
            f"{gpu.facts['fabric_cluster']}/{gpu.facts.get('fabric_clique', '')}"
            for gpu in snapshot.gpus()
            if gpu.facts.get("fabric_cluster", "").strip("0-")
        ),
        "nodes": nodes,
        "not_known": await in_thread(_unknown, list(snapshot.gpus()), now),
    }
    many = len(snapshot.nodes)
    return Found(
        lean(data), plural(many, "node"), now, trim=("nodes", "partitions"), totals={"nodes": many}, narrow="node="
    )


def _node(one: Node, now: float) -> Found:
    data = {
        **moment(now),
        **_row(one, now),
        "gpus": [_gpu(gpu, now) for gpu in one.gpus],
        "not_known": _unknown(one.gpus, now),
    }
    return Found(lean(data), f"{one.name}: {plural(len(one.gpus), 'GPU')}", now, trim=("gpus",))


def _row(one: Node, now: float) -> dict[str, Any]:
    ports = one.value("node.infiniband_up", now)
    return lean(
        {
            "node": one.name,
            "gpus": _shape(one),
            "infiniband_ports_up": number(ports),
            "cpus": number(one.value("node.cpu_count", now)),
            "memory_mib": number(one.value("node.memory_total", now)),
            **{key: one.facts[key] for key in ("driver_version", "cuda_version", "kernel") if key in one.facts},
        }
    )


def _shape(one: Node) -> str:
    models = counted(gpu.model or "unknown" for gpu in one.gpus)
    return ", ".join(f"{count} x {model}" for model, count in models.items()) or "no GPU"


def _gpu(gpu: Gpu, now: float) -> dict[str, Any]:
    return lean(
        {
            "gpu": gpu.id,
            "model": gpu.model,
            "pci": short_address(gpu.facts.get("pci_bus_id")),
            **{name: number(gpu.value(key, now)) for name, key in _VALUES},
            **{key: gpu.facts[key] for key in _FACTS if key in gpu.facts},
            "mig_slices": len(gpu.mig) or None,
            "lost": gpu.is_lost or None,
        }
    )


def _partitions(snapshot: Snapshot) -> list[dict[str, Any]]:
    if snapshot.slurm is None:
        return []
    return [
        {"partition": one.name, "nodes": list(one.nodes[:64]), "node_count": len(one.nodes)}
        for one in snapshot.slurm.partitions.values()
    ]


def _unknown(gpus: list[Gpu] | tuple[Gpu, ...], now: float) -> list[str]:
    """What no GPU here tells."""
    found = []
    for what, keys in (("PCIe link", ("gpu.pcie_width",)), ("NVLink", ("gpu.nvlinks_active", "gpu.nvlink_tx"))):
        if not any(gpu.value(key, now) is not None for gpu in gpus for key in keys):
            found.append(what)
    if not any("numa_node" in gpu.facts for gpu in gpus):
        found.append("NUMA placement")
    return found
