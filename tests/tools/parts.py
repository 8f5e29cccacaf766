"""The real parts that tests want beside Python: how each is found, and which Debian packages bring it.

This table is the one place: the `real` marker, the count at the end of a test run and `make parts` all read
it. The system's Python runs it before any environment exists, so it knows the standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
"""A daemon such as sshd is in sbin, which the path of a plain user leaves out."""

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian asks this script whether a freshly installed service may start; exit 101 says no."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gpu-watchdog-tests"
"""What no package installs. Read at import: a test's own home has another cache."""

NEW_SLURM = CACHE / "slurm-forky"
"""Root folder of Debian's testing suite with its Slurm: newer than the machine's own, and installed nowhere."""

HOST = (
    "mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/r && "
    "mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r && mknod /mnt/r/dev/null0 c 1 3"
)
"""The least a host of its own does, in namespaces that end with it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One real part: present when every command and every file is there."""

    name: str
    why: str
    commands: tuple[str, ...]
    packages: tuple[str, ...]
    files: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ()
    """A script of this folder with its arguments, run as root once the packages are there."""
    needs_hosts: bool = False
    """Its tests make hosts out of namespaces, which only root can, where the machine lets it."""
    is_optional: bool = False
    """Nothing that a run promises rests on it, so its absence never fails one."""


PARTS = (
    Part("gcc", "builds the NVML stand-in", ("gcc",), ("gcc", "libc6-dev"), files=("/usr/include/stdio.h",)),
    Part("tmux", "drives the program in a real terminal", ("tmux",), ("tmux",)),
    Part("prometheus", "scrapes our pages and answers for history", ("prometheus", "promtool"), ("prometheus",)),
    Part(
        "alertmanager",
        "is sent our alerts, and Prometheus's beside them",
        ("prometheus-alertmanager", "amtool"),
        ("prometheus-alertmanager",),
    ),
    Part(
        "node_exporter",
        "serves real node pages",
        ("prometheus-node-exporter",),
        ("prometheus-node-exporter",),
    ),
    Part(
        "ssh",
        "carries scrapes through forwards",
        ("ssh", "sshd", "ssh-keygen"),
        ("openssh-client", "openssh-server"),
    ),
    Part("mosh", "carries the screen over a line that comes and goes", ("mosh-server", "mosh-client"), ("mosh",)),
    Part("chromium", "shows the screen in a browser", ("chromium",), ("chromium",)),
    Part("systemd", "judges our unit's hardening", ("systemd-analyze",), ("systemd",)),
    Part("nginx", "hands the daemon's page to Prometheus, as `stack` sets it up", ("nginx",), ("nginx-light",)),
    Part("man", "shows our manual page", ("man", "mandoc"), ("man-db", "mandoc")),
    Part("openssl", "makes good and bad certificates", ("openssl",), ("openssl",)),
    Part("shellcheck", "reads the scripts of the pods", ("shellcheck",), ("shellcheck",)),
    Part("zsh", "reads our completion script", ("zsh",), ("zsh",)),
    Part("fish", "reads our completion script", ("fish",), ("fish",)),
    Part(
        "slurm",
        "forms a real cluster of the machine's own Slurm",
        (
            *("slurmctld", "slurmd", "slurmrestd", "slurmdbd", "squeue", "munged", "mariadbd", "sshd"),
            *("unshare", "nsenter", "setpriv", "ip"),
        ),
        (
            *("slurmctld", "slurmd", "slurmrestd", "slurmdbd", "slurm-client", "slurm-wlm-jwt-plugin"),
            *("slurm-wlm-mysql-plugin", "munge", "mariadb-server", "openssh-server", "util-linux", "iproute2"),
        ),
        needs_hosts=True,
    ),
    Part(
        "slurm-new",
        "forms a real cluster of the newest Slurm there is",
        ("mmdebstrap",),
        ("mmdebstrap",),
        files=(f"{NEW_SLURM}/usr/sbin/slurmctld",),
        recipe=("slurm_root.py", "forky", str(NEW_SLURM)),
        needs_hosts=True,
    ),
    # Optional, since its tests take minutes and run only for who asks for them: `make test-image`.
    Part(
        "buildah",
        "builds the image of the pods",
        ("buildah", "mmdebstrap", "git"),
        ("buildah", "mmdebstrap", "git"),
        needs_hosts=True,
        is_optional=True,
    ),
    Part("iptables", "translates the addresses of pods, as a provider may", ("iptables",), ("iptables",)),
    Part("terraform", "plans and applies our module; it is HashiCorp's, and no Debian package", ("terraform",), ()),
    # Its own server comes with `make test-vllm`, which is too large to be installed beside the others.
    Part("vllm", "serves a model on the CPU", ("python3",), (), is_optional=True),
    Part("nvtop", "stands beside us in the benchmark", ("nvtop",), ("nvtop",), is_optional=True),
)


def find(command: str) -> str | None:
    """Return the full path of a command, sbin folders included, or None."""
    return shutil.which(command, path=SEARCH_PATH)


def is_present(part: Part) -> bool:
    """Tell whether every command and file of a part is on this machine."""
    return all(find(command) for command in part.commands) and all(Path(file).exists() for file in part.files)


@cache
def can_make_hosts() -> bool:
    """Tell whether this process may make hosts of its own: as root, with every namespace and an overlay."""
    if os.geteuid() != 0 or not find("unshare"):
        return False
    fresh = ["unshare", "--net", "--uts", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
    return subprocess.run([*fresh, "sh", "-c", HOST], check=False, capture_output=True).returncode == 0


def named(name: str) -> Part:
    """Return the part of that name; KeyError names the known ones."""
    for part in PARTS:
        if part.name == name:
            return part
    raise KeyError(f"no real part is called {name!r}; known: {', '.join(part.name for part in PARTS)}")


def contrib_of(sources: str) -> str:
    """Return apt's sources, in either format, with Debian's contrib section wherever main is."""
    lines = []
    for line in sources.splitlines():
        opens = line.lower().startswith(("components:", "deb ", "deb-src "))
        wanted = opens and " main" in line and " contrib" not in line
        lines.append(line.replace(" main", " main contrib", 1) if wanted else line)
    return "\n".join(lines) + "\n"


@contextmanager
def contrib_sources() -> Iterator[list[str]]:
    """Yield apt options that add contrib for one call only; the machine's own sources stay as they are."""
    with tempfile.TemporaryDirectory() as scratch:
        parts = Path(scratch, "sources.list.d")
        parts.mkdir()
        found = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
        for source in found:
            if source.is_file() and source.suffix in {".list", ".sources"}:
                Path(parts, source.name).write_text(contrib_of(source.read_text()))
        yield ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts}"]


@contextmanager
def services_held(privilege: Sequence[str]) -> Iterator[None]:
    """Keep Debian from starting what it installs: tests start their own servers, on ports of their own."""
    if POLICY.exists():
        yield
        return
    script = f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}"
    subprocess.run([*privilege, "sh", "-c", script], check=True)
    try:
        yield
    finally:
        subprocess.run([*privilege, "rm", "-f", str(POLICY)], check=False)


def apt_install(privilege: Sequence[str], packages: Sequence[str], options: Sequence[str] = ()) -> bool:
    """Install packages and tell whether it worked; a source that cannot be refreshed is no failure."""
    apt = [*privilege, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", *options]
    subprocess.run([*apt, "update"], check=False, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    install = [*apt, "install", "-y", "--no-install-recommends", *packages]
    return subprocess.run(install, check=False, stdin=subprocess.DEVNULL).returncode == 0


def privilege_prefix() -> list[str] | None:
    """Return what to put before a command that needs root: nothing, sudo, or None when there is no way."""
    if os.geteuid() == 0:
        return []
    return ["sudo"] if find("sudo") else None


def install() -> int:
    """Install every absent part and return an exit status: 0 when all but the optional ones are here now."""
    absent = [part for part in PARTS if not is_present(part)]
    if not absent:
        print("All real parts are here.")
        return 0
    packages = [package for part in absent for package in part.packages]
    privilege = privilege_prefix()
    if find("apt-get") is None or privilege is None:
        print(
            f"Installing needs apt-get, as root or with sudo. Please install: {' '.join(packages)}",
            file=sys.stderr,
        )
        return 69
    with services_held(privilege):
        needed = [package for part in absent if not part.is_optional for package in part.packages]
        if needed:
            apt_install(privilege, needed)
            make_more(privilege, absent)
        # Each by itself: one that is not to be had keeps no other away.
        for part in absent:
            if part.is_optional and part.packages:
                with contrib_sources() as options:
                    apt_install(privilege, part.packages, options)
    return report(absent)


def make_more(privilege: Sequence[str], parts: Sequence[Part]) -> None:
    """Run what makes the parts that no package brings whole; what fails is reported as absent."""
    for part in parts:
        if part.recipe:
            script = str(Path(__file__).with_name(part.recipe[0]))
            subprocess.run([*privilege, sys.executable, script, *part.recipe[1:]], check=False)


def report(wanted: Sequence[Part]) -> int:
    """Say which of the wanted parts are here now; return 69 when one that is not optional is still absent."""
    status = 0
    for part in wanted:
        if is_present(part):
            print(f"  {part.name}: installed")
        elif part.is_optional:
            print(f"  {part.name}: not to be had here; only what {part.why} is left out")
        else:
            print(
                f"  {part.name}: STILL ABSENT ({part.why}); packages: {' '.join(part.packages)}",
                file=sys.stderr,
            )
            status = 69
    return status


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: parts.py install")
    sys.exit(install())
