"""Which way leads to Slurm, as configured or as found. Imports nothing of Slurm: a cluster without it asks this too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from app.config.settings import Slurm, Target

Way = Literal["local", "ssh", "rest", "exporter"]
"""How Slurm is reached, once `auto` is decided."""

SCHEME = "slurm:"
NAME = "slurm"
"""Name of the source."""
LEAST_INTERVAL_S = 2.0
"""Seconds between two looks at least, unless the configuration says less: squeue is not to be run in a loop."""
LONGEST_LOOK_S = 30.0
"""Most seconds one look may take where nothing is configured, however long the interval is."""

_PACKAGED = ("/usr/bin", "/bin")
_CONFIGURATIONS = ("/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf", "/run/slurm/conf/slurm.conf")
"""Where packages look: what an administrator wrote, and what sackd or slurmd was given by slurmctld."""


def way_of(slurm: Slurm, environ: Mapping[str, str]) -> Way | None:
    """How Slurm is reached: as configured; of `auto` the first there is; None for none."""
    match slurm.via:
        case "local" | "ssh" | "rest" | "exporter" as way:
            return way
        case "off":
            return None
    if has_commands(slurm, environ):
        return "local"
    if slurm.ssh:
        return "ssh"
    if slurm.rest_url:
        return "rest"
    return "exporter" if slurm.exporter_url else None


def has_commands(slurm: Slurm, environ: Mapping[str, str]) -> bool:
    """Whether this machine has squeue and something that tells it where its cluster is.

    A distribution's package alone is no Slurm: its squeue needs a configuration in a known place (where that is found
    by DNS only, write `via = "local"`). In a folder of a site's own, its configuration is where the site has put it.
    """
    folders = [slurm.bin_dir] if slurm.bin_dir else environ.get("PATH", "").split(os.pathsep)
    found = next((one for one in folders if one and os.access(Path(one).expanduser() / "squeue", os.X_OK)), None)
    if found is None:
        return False
    is_packaged = not slurm.bin_dir and found.rstrip("/") in _PACKAGED
    told = any(environ.get(name) for name in ("SLURM_CONF", "SLURM_CONF_SERVER"))
    return not is_packaged or told or any(Path(place).is_file() for place in _CONFIGURATIONS)


def slurm_targets(slurm: Slurm, interval_s: float, environ: Mapping[str, str]) -> tuple[Target, ...]:
    """The target that stands for Slurm; none where there is no way to it."""
    way = way_of(slurm, environ)
    if way is None:
        return ()
    every = slurm.interval_s or max(LEAST_INTERVAL_S, interval_s)
    return (Target(url=f"{SCHEME}{way}", name=NAME, interval_s=every, timeout_s=slurm.timeout_s or LONGEST_LOOK_S),)
