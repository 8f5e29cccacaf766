"""The text of a first configuration: commented TOML that names what was found. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from app.config.settings import Target
from app.services.detect import Find, SlurmFind

_HEAD = """\
# GPU Watchdog. Every key is also a flag (--cluster-interval-s) and a variable (GPU_WATCHDOG_CLUSTER_INTERVAL_S);
# `gpu-watchdog status --help-settings` lists them, docs/configuration.md explains them.

[cluster]
name = ""                        # shown in the header
interval_s = 5                   # seconds between two looks at a source
"""
_NOTHING = """
# Nothing was found on this machine. Name what answers Prometheus text; which exporter it is, is detected:
# [[target]]
# url = "http://node-1:9400/metrics"
"""
_SLURM = """\
[slurm]
via = "local"                    # its commands on this machine; auto, ssh, rest, exporter, off
bin_dir = ""                     # where squeue, scontrol, … are, if not on the PATH
"""
_NO_SLURM = """
# [slurm]                        # by itself only where its commands are on the PATH of this machine
# ssh = "user@head"              # run its commands there; or rest_url = "unix:///run/slurmrestd.sock" with token_file
"""
_TAIL = """
# [discover]
# files = ["targets/*.json"]     # Prometheus file_sd files, relative to this file

# [prometheus]
# url = "http://prometheus:9090" # a server that scrapes the cluster already: all of it, and its history

# [store]
# path = ""                      # empty: history.db in the state folder; "none": keep no history
# raw_hours = 24                 # every sample; then one-minute and fifteen-minute roll-ups

# [prices]                       # $ an hour of one GPU, by model or the beginning of its name
# "NVIDIA H100 80GB HBM3" = 2.99
"""


def config_text(finds: Sequence[Find], used: Sequence[Target], slurm: Sequence[SlurmFind] = ()) -> str:
    """The whole file: what is used as targets, what shows the same again as comments, and Slurm."""
    urls = {target.url for target in used}
    parts = [_HEAD]
    for find in finds:
        table = f"[[target]]\nurl = {json.dumps(find.target.url)}\n"
        told = _told(find)
        if find.target.url in urls:
            parts.append(f"\n# {told}\n{table}")
        else:
            off = "".join(f"# {line}\n" for line in table.splitlines())
            parts.append(f"\n# {told}; the driver shows the same GPUs, so this one is off:\n{off}")
    if not finds:
        parts.append(_NOTHING)
    parts.append(f"\n# {slurm[0].text}\n{_SLURM}" if slurm else _NO_SLURM)
    return "".join(parts) + _TAIL


def _told(find: Find) -> str:
    """One line about a find; named by the user, it needs no praise."""
    return "named when this file was written" if find.what == "named" else find.text
