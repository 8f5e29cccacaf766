"""The releases of Slurm the tests run: the machine's own, and newer ones in root folders of their own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.tools.parts import NEW_SLURM


@dataclass(frozen=True, slots=True)
class Release:
    """One Slurm, by where its programs are."""

    name: str
    """As it stands in a test's name."""
    part: str
    """Its row in `tests/tools/parts.py`."""
    root: str
    """Folder whose `usr/sbin/slurmctld` it is; `/`: the machine's own packages."""
    open: tuple[str, ...] = ()
    """Folders of the machine that its users may read besides, so that the program runs on the head itself."""


PROGRAM = tuple(dict.fromkeys((str(Path(__file__).parents[3]), sys.prefix, sys.base_prefix)))
"""The checkout and the Python that runs it."""

DEBIAN = Release("machine", "slurm", "/", PROGRAM)
NEWEST = Release("newest", "slurm-new", str(NEW_SLURM))
RELEASES = (DEBIAN, NEWEST)

Version = tuple[int, int]


def parse_version(text: str) -> Version:
    """`slurm-wlm 22.05.8` → (22, 5)."""
    year, month = text.rsplit(maxsplit=1)[-1].split(".")[:2]
    return int(year), int(month)


def cgroup_plugin(version: Version) -> str:
    """The plugin that needs no cgroups: older releases refuse `disabled`, newer ones want it."""
    return "disabled" if version >= (24, 5) else "cgroup/v1"


def rest_plugins(version: Version, *, dbd: bool) -> str:
    """What slurmrestd loads; without slurmdbd its plugin would be fatal."""
    if version < (23, 2):
        return "openapi/v0.0.38" + (",openapi/dbv0.0.38" if dbd else "")
    return "openapi/slurmctld" + (",openapi/slurmdbd" if dbd else "")
