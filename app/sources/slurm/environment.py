"""The environment Slurm's commands run in: plain words and times, whatever the user has set for reading by eye."""

from __future__ import annotations

from collections.abc import Mapping

SET: Mapping[str, str] = {
    "LC_ALL": "C",
    "SLURM_TIME_FORMAT": "%s",  # epoch seconds: the host's time zone does not matter
    "SLURM_BITSTR_LEN": "0",  # task ids of an array whole, not cut at 64 characters
}
"""Variables that every reading command is given."""

_PREFIXES = ("SQUEUE_", "SINFO_", "SACCT_", "SCONTROL_", "SPRIO_", "SSTAT_", "SDIAG_")
UNSET: tuple[str, ...] = (
    *("SQUEUE_ACCOUNT", "SQUEUE_ALL", "SQUEUE_ARRAY", "SQUEUE_CLUSTERS", "SQUEUE_FEDERATION", "SQUEUE_FORMAT"),
    *("SQUEUE_FORMAT2", "SQUEUE_LICENSES", "SQUEUE_LOCAL", "SQUEUE_NAMES", "SQUEUE_PARTITION", "SQUEUE_PRIORITY"),
    *("SQUEUE_QOS", "SQUEUE_SIBLING", "SQUEUE_SORT", "SQUEUE_STATES", "SQUEUE_USERS"),
    *("SINFO_ALL", "SINFO_FEDERATION", "SINFO_FORMAT", "SINFO_LOCAL", "SINFO_PARTITION", "SINFO_SORT"),
    *("SACCT_FEDERATION", "SACCT_FORMAT", "SACCT_LOCAL", "SCONTROL_ALL", "SCONTROL_FEDERATION", "SCONTROL_FUTURE"),
    *("SCONTROL_LOCAL", "SCONTROL_SIBLING", "SLURM_CLUSTERS", "SLURM_DEBUG_FLAGS"),
)
"""Variables that change what is printed or which cluster is asked; on a host, where no prefix can be unset, by name."""


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Slurm's commands print the same for everybody; where Slurm is stays as it is set."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_PREFIXES) and name not in UNSET}
    return {**kept, **SET}
