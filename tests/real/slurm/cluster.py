"""A real Slurm for tests: a head and workers with GPUs that are device files, formed in seconds on one machine.

Everything is by Slurm's own daemons, as a small cluster of rented nodes has them: dynamic nodes (`slurmd -Z`) without
configuration of their own, munge, slurmdbd over MariaDB, slurmrestd with tokens. It ends with the object, or with the
process that holds it, and leaves nothing. Two may run side by side. Needs root.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.real.slurm import configuration, daemons, doors
from tests.real.slurm.host_init import Plan
from tests.real.slurm.namespaces import NETWORK, Fabric, Host, Result, make_fabric, make_host
from tests.real.slurm.oracle import PEOPLE, Oracle
from tests.real.slurm.releases import Release, Version, parse_version, rest_plugins

USERS = {"alice": 2001, "bob": 2002, "slurmrestd": 2003}
HEAD_NUMBER = 10


class SlurmCluster:
    """One cluster; `folder` holds the wrappers by which one comes in."""

    def __init__(self, folder: Path, release: Release) -> None:
        self.folder = folder
        self.release = release
        self.version: Version = (0, 0)
        self.hosts: dict[str, Host] = {}
        self.with_dbd = False
        self._fabric: Fabric | None = None
        self._numbers = iter(range(HEAD_NUMBER, 250))
        self._addresses: dict[str, str] = {}
        self._munge_key = base64.b64encode(os.urandom(128)).decode()
        self._servers: list[subprocess.Popen[bytes]] = []

    @property
    def fabric(self) -> Fabric:
        """What all its hosts hang under."""
        assert self._fabric is not None, "start the cluster first"
        return self._fabric

    @property
    def head(self) -> Host:
        """Where slurmctld runs."""
        return self.hosts[configuration.HEAD]

    @property
    def slurm(self) -> Oracle:
        """What Slurm itself says."""
        return Oracle(self.head)

    def start(self, workers: int = 3, *, dbd: bool = True, rest: bool = True) -> None:
        """Form the cluster and return when every worker is idle; a failure ends what there was."""
        try:
            self._start(workers, dbd=dbd, rest=rest)
        except BaseException:
            self.stop()
            raise

    def _start(self, workers: int, *, dbd: bool, rest: bool) -> None:
        self.with_dbd = dbd
        self._fabric = make_fabric()
        (self._fabric.inside / "shared").mkdir()
        names = [configuration.HEAD, *(f"node{index}" for index in range(1, workers + 1))]
        numbers = {name: next(self._numbers) for name in names}
        self._addresses = {name: f"{NETWORK}.{number}" for name, number in numbers.items()}
        self._make_homes()
        with ThreadPoolExecutor(max_workers=4) as pool:
            made = pool.map(lambda name: self._make_host(name, numbers[name]), names)
            self.hosts = {host.name: host for host in made}
        self.version = parse_version(self.head.must(["slurmctld", "-V"]))
        self._configure(dbd=dbd)
        if dbd:
            self._servers.append(daemons.start_mariadb(self.fabric, self.head))
            daemons.start_slurmdbd(self.head)
        daemons.start_slurmctld(self.head)
        if dbd:
            daemons.make_accounts(self.head, PEOPLE)
        for name in names[1:]:
            daemons.start_slurmd(self.hosts[name])
        self.slurm.await_idle(names[1:])
        if rest:
            self._servers.append(daemons.start_slurmrestd(self.head, rest_plugins(self.version, dbd=dbd)))

    def stop(self) -> None:
        """End everything; there may be nothing yet."""
        if self._fabric is not None:
            self._fabric.end()
        for process in [*self._servers, *(host.process for host in self.hosts.values())]:
            process.wait(timeout=10)
            if process.stdout is not None:
                process.stdout.close()
        self.hosts.clear()
        self._servers.clear()
        self._fabric = None

    def exec(self, host: str, argv: Sequence[str], user: str | None = None, *, stdin: str = "") -> Result:
        """Run a command on a host, as root or as a user of the cluster."""
        return self.hosts[host].run(argv, user, stdin=stdin)

    def logs(self) -> str:
        """The last lines of the head's daemons, for the person who looks at a failed test."""
        names = ("slurmctld", "slurmrestd", "slurmdbd")
        return "\n".join(f"== {name}\n{daemons.log_of(self.head, name)}" for name in names)

    # --- ways in ---

    def bin_dir(self, user: str = "alice") -> Path:
        """A folder of Slurm's commands that run on the head as this user, for `[slurm] bin_dir`."""
        folder = self.folder / f"bin-{user}"
        return folder if folder.exists() else doors.make_bin_dir(folder, self.head, user)

    def ssh_dir(self) -> Path:
        """A folder to put first on PATH: its `ssh head` and `ssh alice@head` come in through a real sshd."""
        folder = self.folder / "ssh"
        return folder / "bin" if folder.exists() else doors.make_ssh(folder, self.head, PEOPLE)

    @property
    def rest_socket(self) -> Path:
        """The socket of slurmrestd, as the machine sees it."""
        return self.head.root / daemons.REST_SOCKET.lstrip("/")

    @property
    def rest_url(self) -> str:
        """Where slurmrestd listens on the head's loopback; see `in_network`."""
        return f"http://127.0.0.1:{daemons.REST_PORT}"

    def in_network(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a program of this machine with the head's loopback."""
        return ["nsenter", "-t", str(self.head.pid), "-n", "--", *argv]

    def token(self, user: str = "alice", lifespan_s: int = 1800) -> str:
        """A token with which slurmrestd takes requests of this user."""
        said = self.head.must(["scontrol", "token", f"username={user}", f"lifespan={lifespan_s}"])
        return said.strip().partition("=")[2]

    # --- what befalls it ---

    def stop_ctld(self) -> None:
        """Stop the controller."""
        daemons.stop_slurmctld(self.head)

    def start_ctld(self) -> None:
        """Start the controller again and return when it answers and its nodes have registered, seconds later.

        A GPU job that 22.05 starts before that is given none, and its devices are lost to others.
        """
        daemons.start_slurmctld(self.head)
        alive = [
            name
            for name, host in self.hosts.items()
            if name != configuration.HEAD and daemons.is_alive(host, "/run/slurmd.pid")
        ]
        daemons.until(lambda: all(self.slurm.has_registered(name) for name in alive), 90, "nodes to register again")

    def kill_slurmd(self, node: str) -> None:
        """Kill a node's slurmd without a word; its jobs' processes stay."""
        daemons.kill_by_file(self.hosts[node], "/run/slurmd.pid", "KILL")

    def start_slurmd(self, node: str) -> None:
        """Let a node join (again)."""
        daemons.start_slurmd(self.hosts[node])

    def kill_host(self, node: str) -> None:
        """Pull a node's plug: everything on it is gone at once."""
        self.hosts.pop(node).end()

    def add_host(self, node: str) -> None:
        """A new machine of that name, with an address of its own; its slurmd is not started."""
        number = next(self._numbers)
        self._addresses[node] = f"{NETWORK}.{number}"
        self.hosts[node] = self._make_host(node, number)
        for host in self.hosts.values():
            (host.root / "etc/hosts").write_text(self._names())

    def mend(self, workers: Sequence[str]) -> None:
        """Make it as it was: the controller up, no job, these workers and no others, all of them idle."""
        if not self.slurm.is_up():
            self.start_ctld()
        self.slurm.clear()
        for name in [one for one in self.hosts if one not in (configuration.HEAD, *workers)]:
            self.kill_host(name)
            self.head.run(["scontrol", "delete", f"nodename={name}"])
        for name in workers:
            self._mend_worker(name)
        self.slurm.await_idle(workers)

    def _mend_worker(self, name: str) -> None:
        if name not in self.hosts:
            self.add_host(name)
        if not daemons.is_alive(self.hosts[name], "/run/slurmd.pid"):
            self.start_slurmd(name)
        elif not self.slurm.node_state(name):
            self.kill_slurmd(name)  # a deleted node does not come back by itself
            self.start_slurmd(name)
        if "DRAIN" in self.slurm.node_state(name):
            self.slurm.update_node(name, "state=resume")

    # --- how it is made ---

    def _make_host(self, name: str, number: int) -> Host:
        plan = Plan(
            name=name,
            lower=self.release.root,
            folder=str(self.fabric.folder / f"{name}-{number}"),
            shared=str(self.fabric.folder / "shared"),
            names=self._names(),
            users=USERS,
            munge_key=self._munge_key,
            gpus=0 if name == configuration.HEAD else configuration.GPUS,
            open=list(self.release.open),
        )
        host = make_host(self.fabric, plan, number)
        daemons.start_munged(host)
        return host

    def _names(self) -> str:
        rows = {"127.0.0.1": "localhost"} | {address: name for name, address in self._addresses.items()}
        return "".join(f"{address} {name}\n" for address, name in rows.items())

    def _make_homes(self) -> None:
        shared = self.fabric.inside / "shared"
        for user in PEOPLE:
            home = shared / "home" / user
            home.mkdir(parents=True)
            os.chown(home, USERS[user], USERS[user])

    def _configure(self, *, dbd: bool) -> None:
        folder = self.head.root / "etc/slurm"
        for name, text in configuration.files(self.version, dbd=dbd).items():
            (folder / name).write_text(text)
        daemons.make_jwt_key(self.head)
        if dbd:
            secret = ["sh", "-c", "cd /etc/slurm && chown slurm:slurm slurmdbd.conf && chmod 600 slurmdbd.conf"]
            self.head.must(secret)
