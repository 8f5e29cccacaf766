"""Names of several clusters side by side: `lab:gpu-1` is gpu-1 of the cluster `lab`. Pure.

Where one view shows several clusters, every name of a node, job, partition, model server, source, rule, alert and
incident begins with its cluster, whether another cluster has the same name or not: a name never changes its meaning
when a cluster comes or goes. Users and accounts keep their names, for a person is one person everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from app.domain.frozen import frozen

if TYPE_CHECKING:
    from app.domain.slurm import SlurmJob

SEPARATOR = ":"
FACT = "cluster"
"""Fact of a node and of a GPU, and label of an alert, that names its cluster where there are several."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}", re.ASCII)
"""What a cluster may be called: no dot, for the host part of a node's name ends at the first one."""


@frozen
class Naming:
    """How the names of one cluster are written beside those of others."""

    cluster: str = ""
    """Empty: there is no other, and names stay as they are."""

    def out(self, name: str) -> str:
        """A name of the cluster, as it is shown; one that is empty stays so."""
        return f"{self.cluster}{SEPARATOR}{name}" if self.cluster and name else name

    def outs(self, names: Iterable[str]) -> tuple[str, ...]:
        """Several names, as they are shown."""
        return tuple(map(self.out, names))

    def maybe(self, name: str | None) -> str | None:
        """As `out`; what is not known stays so."""
        return None if name is None else self.out(name)

    def home(self, shown: str) -> str:
        """A name as the cluster itself knows it."""
        return shown.removeprefix(f"{self.cluster}{SEPARATOR}") if self.cluster else shown

    def owns(self, shown: str) -> bool:
        """Whether a name as shown is this cluster's."""
        return not self.cluster or shown.startswith(f"{self.cluster}{SEPARATOR}")


def cluster_of(shown: str) -> str:
    """The cluster that a name as shown begins with; empty where it names none."""
    begins, separator, _ = shown.partition(SEPARATOR)
    cluster = begins.partition(".")[0]  # of an incident `lab.2:i-3`, of the second share of lab
    return cluster if separator and NAME.fullmatch(cluster) else ""


def bare(shown: str) -> str:
    """A name as shown, without its cluster."""
    return shown.partition(SEPARATOR)[2] if cluster_of(shown) else shown


def numbers_of(job: SlurmJob) -> tuple[str, ...]:
    """Slurm's own number of a job, of its array and of its heterogeneous job, as names are shown."""
    naming = Naming(cluster_of(job.id))
    found = (job.job_id, job.array_job_id, job.het_job_id)
    return tuple(naming.out(str(one)) for one in found if one is not None)


def prices_in(prices: Mapping[str, float], cluster: str) -> Mapping[str, float]:
    """The prices of one of several clusters, by model; of the only one all of them."""
    if not cluster:
        return prices
    naming = Naming(cluster)
    return {naming.home(model): price for model, price in prices.items() if naming.owns(model)}
