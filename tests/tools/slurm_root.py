"""A newer Slurm than the machine's own: a root folder of another Debian suite, made once.

`python tests/tools/slurm_root.py SUITE FOLDER` makes it, as root. The tests use it as the lower layer
of their hosts' roots, so nothing of it is installed on the machine. It runs before any environment exists: standard
library only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
PACKAGES = (
    *("slurmctld", "slurmd", "slurm-client", "slurmrestd", "slurmdbd"),
    *("slurm-wlm-jwt-plugin", "slurm-wlm-mysql-plugin", "munge", "openssh-server"),
)
UNREAD = ("man", "doc", "locale")
"""Folders of /usr/share that nobody reads there."""


def mirror_of(sources: str) -> str:
    """The address of Debian's own packages in the text of apt's sources, else the public one."""
    for line in sources.splitlines():
        words = line.split()
        if words and words[0] in ("URIs:", "deb") and "security" not in line:
            found = next((word for word in words[1:] if word.startswith("http")), "")
            if found.rstrip("/").endswith("/debian"):
                return found
    return MIRROR


def machine_mirror() -> str:
    """The address of Debian's own packages, as this machine's apt has it."""
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    return mirror_of("\n".join(one.read_text(errors="replace") for one in sources if one.is_file()))


def words_of(suite: str, folder: Path, mirror: str, packages: Sequence[str] = PACKAGES) -> list[str]:
    """The command that makes a root folder; an archive of one where its name ends with `.tar`."""
    # The lists of a testing suite may be past their Valid-Until on a mirror that lags.
    options = ['--aptopt=Acquire::Check-Valid-Until "false"']
    options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNREAD]
    if packages:
        options.append(f"--include={','.join(packages)}")
    return ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", *options, suite, str(folder), mirror]


def make(suite: str, folder: Path) -> int:
    """Make a suite's root folder unless it is there, and return an exit status; half a folder is never left."""
    if folder.is_dir():
        return 0
    begun = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(begun, ignore_errors=True)
    begun.parent.mkdir(parents=True, exist_ok=True)
    status = subprocess.run(words_of(suite, begun, machine_mirror()), check=False, stdin=subprocess.DEVNULL).returncode
    if status:
        shutil.rmtree(begun, ignore_errors=True)
        return status
    begun.rename(folder)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: slurm_root.py SUITE FOLDER")
    sys.exit(make(sys.argv[1], Path(sys.argv[2])))
