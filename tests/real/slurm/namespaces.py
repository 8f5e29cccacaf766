"""Hosts on one machine: network, name, process, IPC and mount namespaces, all hanging under one fabric.

Nothing of it is reachable by the machine's network, nothing needs a name that a crash would leave behind, and the end
of one pipe ends it all (see `fabric_init`). Needs root.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.real.slurm.host_init import Plan

HERE = Path(__file__).parent
NETWORK = "10.77.0"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRON = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"}
BRIDGE = "br0"
OUTER_NETWORK = "172.17.0"
OUTER_BRIDGE = "br1"
MOUNT_POINT = Path("/mnt")
"""Where the fabric's files are, for itself and its hosts; the machine's own /mnt stays as it is."""

Result = subprocess.CompletedProcess[str]


class ClusterError(Exception):
    """The cluster could not be formed or did not do as told: what, and what the daemon said."""


@dataclass
class Fabric:
    """What all hosts hang under: a bridge, a file system in memory, a process namespace."""

    process: subprocess.Popen[bytes]
    pid: int
    """Of its first process, as the machine counts."""
    folder: Path = MOUNT_POINT
    """Mount point of its file system: only the fabric and its hosts see what is in it."""

    @property
    def inside(self) -> Path:
        """The same folder as the machine sees it."""
        return Path(f"/proc/{self.pid}/root{self.folder}")

    def ip(self, *lines: str) -> None:
        """Change the fabric's network."""
        ip_batch(self.pid, lines)

    def end(self) -> None:
        """End every host, process and mount of the cluster."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass
class Host:
    """One host; its daemons and jobs end with it."""

    name: str
    address: str
    pid: int
    """Of its first process, as the machine counts."""
    process: subprocess.Popen[bytes]

    @property
    def root(self) -> Path:
        """Its whole file system, as the machine sees it."""
        return Path(f"/proc/{self.pid}/root")

    def words(
        self, argv: Sequence[str], user: str | None = None, environ: Mapping[str, str] | None = None
    ) -> list[str]:
        """The command line that runs another one in here, in the user's home; the environment is this one only."""
        clean = ["env", "-i", *(f"{key}={value}" for key, value in (ENVIRON | dict(environ or {})).items())]
        return [*self.enter(), "--", *clean, *(as_user(user) if user else ()), *argv]

    def enter(self) -> list[str]:
        """nsenter(1) into everything this host has of its own."""
        return ["nsenter", "-t", str(self.pid), "-n", "-u", "-p", "-i", "-m", "-r", "-w"]

    def run(
        self,
        argv: Sequence[str],
        user: str | None = None,
        *,
        stdin: str = "",
        environ: Mapping[str, str] | None = None,
        within_s: float = 60.0,
    ) -> Result:
        """Run a command in here, as root or as a user of the cluster."""
        words = self.words(argv, user, environ)
        return subprocess.run(words, check=False, input=stdin, capture_output=True, text=True, timeout=within_s)

    def must(self, argv: Sequence[str], user: str | None = None, *, stdin: str = "", within_s: float = 60.0) -> str:
        """Run a command that has to succeed and return what it prints. Raises ClusterError with what it said."""
        done = self.run(argv, user, stdin=stdin, within_s=within_s)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise ClusterError(f"`{' '.join(argv)}` on {self.name} ended with {done.returncode}: {said}")
        return done.stdout

    def end(self) -> None:
        """Pull its plug."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def as_user(user: str) -> list[str]:
    """Become a user of the cluster, in their home."""
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    environ = ["env", f"HOME=/home/{user}", f"USER={user}", f"LOGNAME={user}"]
    return [*become, *environ, "sh", "-c", 'cd "$HOME" && exec "$@"', "sh"]


def make_fabric() -> Fabric:
    """Start a fabric with its bridge. It ends with the process that holds it."""
    enter = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
    process = subprocess.Popen(
        [*enter, *script("fabric_init.py"), str(MOUNT_POINT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    fabric = Fabric(process, int(said_by(process, "the fabric")))
    fabric.ip("link set lo up")
    for bridge in (BRIDGE, OUTER_BRIDGE):
        fabric.ip(f"link add {bridge} type bridge", f"link set {bridge} up")
    return fabric


def make_host(fabric: Fabric, plan: Plan, number: int, environ: Mapping[str, str] | None = None) -> Host:
    """Start a host on the fabric's network; `number` is the last part of its address and is used once.

    `environ` is added to the environment of its first process.
    """
    under = ["nsenter", "-t", str(fabric.pid), "-m", "-p", "--"]
    fresh = ["unshare", "--net", "--uts", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
    process = subprocess.Popen(
        [*under, *fresh, *script("host_init.py"), json.dumps(plan)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env=None if environ is None else {**os.environ, **environ},
    )
    host = Host(plan["name"], f"{NETWORK}.{number}", int(said_by(process, plan["name"])), process)
    cable = f"link add v{number} type veth peer name eth0 netns {host.pid}"
    fabric.ip(cable, f"link set v{number} master {BRIDGE} up")
    ip_batch(host.pid, (f"addr add {host.address}/24 dev eth0", "link set lo up", "link set eth0 up"))
    if said_by(process, plan["name"]) != "ready":
        raise ClusterError(f"{plan['name']} did not become ready")
    return host


def join_outer(fabric: Fabric, host: Host) -> None:
    """Put a host on a second network, that of a container's engine, by which it reaches everything but the first."""
    number = host.address.rpartition(".")[2]
    cable = f"link add o{number} type veth peer name eth1 netns {host.pid}"
    fabric.ip(cable, f"link set o{number} master {OUTER_BRIDGE} up")
    gateway = f"route add default via {OUTER_NETWORK}.1 dev eth1"
    ip_batch(host.pid, (f"addr add {outer_address(host)}/24 dev eth1", "link set eth1 up", gateway))


def outer_address(host: Host) -> str:
    """The address of a host on its second network."""
    return f"{OUTER_NETWORK}.{host.address.rpartition('.')[2]}"


def container_hosts(name: str, number: int) -> str:
    """What a container's engine writes into /etc/hosts: the host's own name with its address on that network."""
    return f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n{OUTER_NETWORK}.{number} {name}\n"


def script(name: str) -> list[str]:
    """A script of this folder, with nothing of the caller's Python settings."""
    return [sys.executable, "-I", "-S", str(HERE / name)]


def said_by(process: subprocess.Popen[bytes], name: str) -> str:
    """The next line a first process prints. Raises ClusterError when it ended instead; stderr is the test's own."""
    assert process.stdout is not None
    line = process.stdout.readline().decode().strip()
    if not line:
        raise ClusterError(f"{name} ended with {process.wait(timeout=10)} before it was ready")
    return line


def ip_batch(pid: int, lines: Sequence[str]) -> None:
    """Run lines of ip(8) in the network of a process."""
    words = ["nsenter", "-t", str(pid), "-n", "ip", "-batch", "-"]
    done = subprocess.run(words, check=False, input="\n".join(lines), capture_output=True, text=True, timeout=10)
    if done.returncode:
        raise ClusterError(f"ip {lines!r}: {done.stderr.strip()}")
