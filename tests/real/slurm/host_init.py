"""pid 1 of a host: makes the host's root out of an overlay, says so, and stays as the reaper of its orphans.

It runs as a script in fresh network, UTS, mount, process and IPC namespaces: `host_init.py PLAN` (see `Plan`). It
prints its number on the machine, then `ready`. Standard library only: the root it ends in may hold no Python.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import shutil
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import TypedDict

MS_BIND = 4096
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"
OWNED = {
    "etc/munge": ("munge", 0o700),
    "run/munge": ("munge", 0o755),
    "var/log/munge": ("munge", 0o700),
    "var/lib/munge": ("munge", 0o700),
    "var/spool/slurmctld": ("slurm", 0o755),
    "var/log/slurm": ("slurm", 0o755),
    "run/slurmdbd": ("slurm", 0o755),
    "run/slurmrestd": ("slurmrestd", 0o755),
    "run/sshd": ("root", 0o755),
    "etc/slurm": ("root", 0o755),
    "var/spool/slurmd": ("root", 0o755),
    "home": ("root", 0o755),
    "shared": ("root", 0o755),
}
"""Folders of a host with their owner; those of /etc and /var are emptied first."""


class Plan(TypedDict):
    """What a host is to be."""

    name: str
    lower: str
    """Root folder whose programs it has, `/` for the machine's own."""
    folder: str
    """Where its own files go."""
    shared: str
    """Folder that every host sees at /shared, its `home` at /home."""
    names: str
    """Content of /etc/hosts."""
    users: dict[str, int]
    munge_key: str
    """Base64; the same on every host."""
    gpus: int
    open: list[str]
    """Folders of the machine that every user of the host may read, at the same place: the program and its Python."""


class Mounter:
    """mount(2), which Python does not have."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def __call__(self, source: str, target: Path, kind: str, options: str = "", flags: int = 0) -> None:
        target.mkdir(parents=True, exist_ok=True)
        words = (source.encode(), str(target).encode(), kind.encode(), flags, options.encode())
        if self._libc.mount(*words):
            number = ctypes.get_errno()
            raise OSError(number, f"cannot mount {kind or source} on {target}: {os.strerror(number)}")


def main(plan: Plan) -> None:
    """Become the host."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans of ended steps come to pid 1: let the kernel reap them
    os.write(1, f"{Path('/proc/self').readlink()}\n".encode())
    socket.sethostname(plan["name"])
    os.umask(0o022)
    root = made_root(plan, Mounter())
    make_devices(root / "dev", plan["gpus"])
    make_users(root, plan["users"])
    make_files(root, plan)
    os.chroot(root)
    os.chdir("/")
    os.write(1, b"ready\n")
    os.close(1)
    while True:
        signal.pause()


def made_root(plan: Plan, mount: Mounter) -> Path:
    """The host's root: the programs of `lower`, everything written its own."""
    folder = Path(plan["folder"])
    upper, work, root = folder / "upper", folder / "work", folder / "root"
    for one in (upper, work):
        one.mkdir(parents=True)
    mount("overlay", root, "overlay", f"lowerdir={plan['lower']},upperdir={upper},workdir={work}")
    mount("proc", root / "proc", "proc")
    mount("sysfs", root / "sys", "sysfs")
    mount("dev", root / "dev", "tmpfs", "mode=755")
    mount("devpts", root / "dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620")
    mount("shm", root / "dev/shm", "tmpfs", "mode=1777")
    mount("run", root / "run", "tmpfs", "mode=755")
    mount("tmp", root / "tmp", "tmpfs", "mode=1777")
    mount(plan["shared"], root / "shared", "", flags=MS_BIND)
    mount(f"{plan['shared']}/home", root / "home", "", flags=MS_BIND)
    for path in plan["open"]:
        mount(path, root / path.lstrip("/"), "", flags=MS_BIND)
        for parent in Path(path).parents:
            (root / str(parent).lstrip("/")).chmod(0o755)
    return root


def make_devices(dev: Path, gpus: int) -> None:
    """The usual devices, and GPUs that are device files with nothing behind them."""
    numbers = DEVICES | {f"nvidia{index}": (1, 3) for index in range(gpus)}
    for name, (major, minor) in numbers.items():
        os.mknod(dev / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        (dev / name).chmod(0o666)
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)


def make_users(root: Path, users: dict[str, int]) -> None:
    """People and daemons that Debian's packages do not bring, by the same numbers on every host."""
    with (root / "etc/passwd").open("a") as passwd, (root / "etc/group").open("a") as group:
        for name, number in users.items():
            passwd.write(f"{name}:x:{number}:{number}::/home/{name}:/bin/bash\n")
            group.write(f"{name}:x:{number}:\n")


def make_files(root: Path, plan: Plan) -> None:
    """Names, folders with their owners, and the key that lets the hosts know each other."""
    for path, (owner, mode) in OWNED.items():
        folder = root / path
        if path.startswith(("etc", "var")) and folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        own(root, folder, owner)
    key = root / "etc/munge/munge.key"
    key.write_bytes(base64.b64decode(plan["munge_key"]))
    key.chmod(0o400)
    own(root, key, "munge")
    fresh = {"hostname": f"{plan['name']}\n", "hosts": plan["names"], "resolv.conf": "", "nsswitch.conf": NSSWITCH}
    for name, text in fresh.items():
        (root / "etc" / name).unlink(missing_ok=True)
        (root / "etc" / name).write_text(text)


def own(root: Path, path: Path, owner: str) -> None:
    """Give a file to a user of that root, who may have another number on the machine."""
    rows = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())
    uid, gid = next((int(row[2]), int(row[3])) for row in rows if row[0] == owner)
    os.chown(path, uid, gid)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
