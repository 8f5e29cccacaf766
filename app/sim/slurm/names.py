"""What the simulated Slurm calls itself."""

from __future__ import annotations

VERSION = "24.11.5"
CLUSTER = "simulated"
HEAD = "head"
"""Host of slurmctld."""
