"""Who listens where on a pod: every socket that takes something from outside, whatever program it is."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from tests.real.slurm.namespaces import Host

_PROGRAM = re.compile(r'users:\(\("([^"]+)"')
_CONNECT = ': >"/dev/tcp/$0/$1"'


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """One socket."""

    program: str
    address: str
    port: int


def listeners(host: Host) -> set[Listener]:
    """Sockets of TCP that listen, and those of UDP that are bound, on every address of a host."""
    # By the machine's own ss, which sees the host's processes as well: a pod's root may have none.
    words = ["nsenter", "-t", str(host.pid), "-n", "ss", "-H", "-l", "-n", "-t", "-u", "-p"]
    rows = subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout.splitlines()
    return {_listener(row) for row in rows}


def elsewhere(host: Host) -> set[Listener]:
    """Those of them that are neither on loopback nor on the private network."""
    inside = ("127.", "[::1]", host.address)
    return {one for one in listeners(host) if not one.address.startswith(inside)}


def connects(host: Host, address: str, port: int) -> bool:
    """Whether a host is let in there."""
    done = host.run(["timeout", "5", "bash", "-c", _CONNECT, address, str(port)])
    return not done.returncode


def _listener(row: str) -> Listener:
    address, _, port = row.split()[4].rpartition(":")
    program = _PROGRAM.search(row)
    return Listener(program[1] if program else "", address, int(port))
