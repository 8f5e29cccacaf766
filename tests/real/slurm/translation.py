"""Hosts whose addresses are on none of their interfaces: the fabric has them, hands on what is sent there, and back.

A provider may do that with the private network of its pods. Needs iptables.
"""

from __future__ import annotations

import subprocess

from tests.real.slurm.namespaces import BRIDGE, NETWORK, Fabric, Host, ip_batch

BEHIND = "10.78.0"
"""The network that translated hosts really are on."""


def be_a_router(fabric: Fabric) -> None:
    """Let a fabric hand on what is not its own; once, before `translate`."""
    fabric.ip(f"addr add {BEHIND}.1/24 dev {BRIDGE}", f"addr add {NETWORK}.1/24 dev {BRIDGE}")
    _run(fabric, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")


def translate(fabric: Fabric, host: Host) -> None:
    """Move a host behind its fabric; it is reached at its address as before, by itself as well."""
    number = host.address.rpartition(".")[2]
    inner = f"{BEHIND}.{number}"
    moved = (f"addr del {host.address}/24 dev eth0", f"addr add {inner}/24 dev eth0")
    ip_batch(host.pid, (*moved, f"route add {NETWORK}.0/24 via {BEHIND}.1"))
    # What comes by a port of the bridge has to leave by it again where a host means itself.
    fabric.ip(f"addr add {host.address}/32 dev {BRIDGE}", f"link set v{number} type bridge_slave hairpin on")
    rules = ("iptables", "-w", "-t", "nat", "-A")
    _run(fabric, *rules, "PREROUTING", "-d", host.address, "-j", "DNAT", "--to-destination", inner)
    _run(fabric, *rules, "POSTROUTING", "-s", inner, "-j", "SNAT", "--to-source", host.address)


def _run(fabric: Fabric, *words: str) -> None:
    """Run a command of the machine in the fabric's network."""
    subprocess.run(["nsenter", "-t", str(fabric.pid), "-n", *words], check=True, capture_output=True, timeout=30)
