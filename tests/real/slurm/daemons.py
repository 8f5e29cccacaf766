"""How each daemon is started by hand, and how one waits until it answers. All of them fork by themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from time import monotonic, sleep

from tests.real.slurm.configuration import DATABASE, HEAD, JWT_KEY, node_line
from tests.real.slurm.namespaces import ClusterError, Fabric, Host

REST_SOCKET = "/run/slurmrestd/slurmrestd.sock"
REST_PORT = 6820
POLL_S = 0.05


def until(is_so: Callable[[], object], within_s: float, what: str) -> float:
    """Wait until something is so; return the seconds it took. Raises ClusterError with what was waited for."""
    began = monotonic()
    while not is_so():
        if monotonic() - began > within_s:
            raise ClusterError(f"waited {within_s:g} s for {what}")
        sleep(POLL_S)
    return monotonic() - began


def log_of(host: Host, name: str) -> str:
    """The last lines a daemon logged."""
    try:
        text = (host.root / "var/log/slurm" / f"{name}.log").read_text(errors="replace")
    except OSError as error:
        return f"no log of {name}: {error}"
    return "\n".join(text.splitlines()[-12:])


def start_munged(host: Host) -> None:
    host.must(["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged"])


def start_slurmctld(head: Host) -> None:
    """Start the controller and return when it answers."""
    head.must(["slurmctld"])
    try:
        until(lambda: "is UP" in head.run(["scontrol", "ping"]).stdout, 60, "slurmctld to answer")
    except ClusterError as error:
        raise ClusterError(f"{error}; its log says:\n{log_of(head, 'slurmctld')}") from error


def stop_slurmctld(head: Host) -> None:
    """Stop the controller and return when it is gone."""
    kill_by_file(head, "/run/slurmctld.pid", "TERM")


def start_slurmd(host: Host) -> None:
    """Let a worker join: dynamic, configless."""
    host.must(["slurmd", "-Z", "--conf-server", f"{HEAD}:6817", "--conf", node_line()])


def is_alive(host: Host, file: str) -> bool:
    """Whether the daemon of a pid file runs."""
    return host.run(["sh", "-c", f'kill -0 "$(cat {file})"']).returncode == 0


def kill_by_file(host: Host, file: str, signal_name: str) -> None:
    """Signal the daemon of a pid file and return when it is gone; steps and jobs stay."""
    pid = host.must(["cat", file]).strip()
    host.must(["kill", f"-{signal_name}", pid])
    until(lambda: host.run(["kill", "-0", pid]).returncode, 60, f"{file} of {host.name} to end")


def start_slurmrestd(head: Host, plugins: str) -> subprocess.Popen[bytes]:
    """Serve REST on a unix socket and on the head's own loopback, as a user who may become nobody else."""
    become = ["setpriv", "--reuid=slurmrestd", "--regid=slurmrestd", "--clear-groups"]
    listen = [f"unix:{REST_SOCKET}", f"127.0.0.1:{REST_PORT}"]
    words = [*become, "slurmrestd", "-a", "rest_auth/jwt", "-s", plugins, *listen]
    environ = {"SLURM_JWT": "daemon", "SLURM_CONF": "/etc/slurm/slurm.conf"}
    with (head.root / "var/log/slurm/slurmrestd.log").open("wb") as log:
        process = subprocess.Popen(
            head.words(words, environ=environ), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        until((head.root / REST_SOCKET.lstrip("/")).exists, 60, "slurmrestd's socket")
    except ClusterError as error:
        raise ClusterError(f"{error}; its log says:\n{log_of(head, 'slurmrestd')}") from error
    return process


def make_jwt_key(head: Host) -> None:
    """The key that signs tokens: only Slurm reads it."""
    make = f"umask 077; head -c 32 /dev/urandom > {JWT_KEY}; chown slurm:slurm {JWT_KEY}"
    head.must(["sh", "-c", make])


def start_mariadb(fabric: Fabric, head: Host) -> subprocess.Popen[bytes]:
    """Start the machine's own MariaDB in the head's network, its files in the fabric's memory."""
    folder = fabric.folder / "mariadb"
    near = ["nsenter", "-t", str(fabric.pid), "-m", "--"]
    make = f"install -d -o mysql -g mysql {folder} && cd {folder} && exec mariadb-install-db --user=mysql"
    options = f"--datadir={folder}/data --auth-root-authentication-method=normal --skip-test-db"
    words = [*near, "sh", "-c", f"{make} {options}"]
    made = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    if made.returncode:
        raise ClusterError(f"mariadb-install-db: {made.stderr or made.stdout}")
    there = [*near, "nsenter", "-t", str(head.pid), "-n", "-p", "--"]
    server = ["mariadbd", "--no-defaults", "--user=mysql", f"--datadir={folder}/data", f"--socket={folder}/s.sock"]
    tuned = ["--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2", "--innodb-lock-wait-timeout=900"]
    with (fabric.inside / "mariadb/log").open("wb") as log:
        process = subprocess.Popen(
            [*there, *server, *tuned, f"--pid-file={folder}/pid"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def sql(text: str) -> bool:
        words = [*near, "mariadb", "--no-defaults", "-S", f"{folder}/s.sock", "-uroot", "-e", text]
        return subprocess.run(words, check=False, capture_output=True, timeout=30).returncode == 0

    try:
        until(lambda: process.poll() is not None or sql("select 1"), 120, "MariaDB")  # a busy disk makes it slow
    except ClusterError as error:
        raise ClusterError(f"{error}; its log says:\n{(fabric.inside / 'mariadb/log').read_text()[-2000:]}") from error
    if process.poll() is not None:
        raise ClusterError(f"MariaDB ended at once:\n{(fabric.inside / 'mariadb/log').read_text()[-2000:]}")
    users = [f"create user slurm@'{host}' identified by 'slurm'" for host in ("localhost", "127.0.0.1")]
    grants = [f"grant all on {DATABASE}.* to slurm@'{host}'" for host in ("localhost", "127.0.0.1")]
    if not sql("; ".join([f"create database {DATABASE}", *users, *grants])):
        raise ClusterError("MariaDB did not take slurmdbd's user")
    return process


def start_slurmdbd(head: Host) -> None:
    """Start accounting; its very first start on a fresh database fails now and then, a second one does not."""
    for _ in range(3):
        head.run(["slurmdbd"])
        try:
            until(lambda: head.run(["sacctmgr", "-n", "show", "cluster"]).returncode == 0, 15, "slurmdbd")
        except ClusterError:
            continue
        head.run(["sacctmgr", "-i", "add", "cluster", "lab"])
        return
    raise ClusterError(f"slurmdbd does not answer; its log says:\n{log_of(head, 'slurmdbd')}")


def make_accounts(head: Host, users: tuple[str, ...]) -> None:
    """One account with these users in it."""
    head.must(["sacctmgr", "-i", "add", "account", "research", "Description=research", "Organization=research"])
    for user in users:
        head.must(["sacctmgr", "-i", "add", "user", user, "account=research"])
