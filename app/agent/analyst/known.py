"""What the cluster calls its own: the names a question can be about. Only to understand it; answers rest on looks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from typing import TYPE_CHECKING

from app.domain.frozen import frozen
from app.domain.naming import natural, short_model
from app.domain.snapshot import Snapshot

if TYPE_CHECKING:
    from app.domain.alerts_now import AlertsNow

_DIGITS = re.compile(r"\d+")
_LONGEST_NAME = 64
"""Characters of a job's name that are compared."""


@frozen
class Known:
    """Names by their lower-case form."""

    nodes: dict[str, str] = field(default_factory=dict)
    gpus: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Node → indices of its GPUs."""
    jobs: dict[str, str] = field(default_factory=dict)
    """Ids of jobs, those of an array's head too."""
    job_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name → ids of its jobs, the running ones first."""
    users: dict[str, str] = field(default_factory=dict)
    partitions: dict[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    """Of GPUs, short: `H100 80GB HBM3`."""
    services: dict[str, str] = field(default_factory=dict)
    """A server's model and its last part → the model."""
    rules: dict[str, str] = field(default_factory=dict)
    """Names of alert rules that speak now, and ids of alerts."""
    has_slurm: bool = False
    user: str = ""
    """Who asks."""

    @property
    def own(self) -> frozenset[str]:
        """Every word that must stay as it was typed."""
        return frozenset((
            *self.nodes, *self.job_names, *self.users, *self.partitions, *self.services, *self.rules,
            *(word for model in self.models for word in model.casefold().split()),
        ))  # fmt: skip

    def node(self, said: str) -> str | None:
        """The node of a name: as it is called, by its host part, or with other zeros: `gpu-1` for `gpu-01`."""
        wanted = said.casefold()
        found = self.nodes.get(wanted)
        if found is not None:
            return found
        loose = _loose(wanted)
        some = [name for low, name in self.nodes.items() if low.split(".")[0] == wanted or _loose(low) == loose]
        return some[0] if len(some) == 1 else None

    def numbered_node(self, number: int) -> str | None:
        """The only node whose name ends in a number: `node 7`."""
        some = [name for low, name in self.nodes.items() if _last_number(low) == number]
        return some[0] if len(some) == 1 else None

    def is_like_a_node(self, said: str) -> bool:
        """Whether a word is built as the nodes' names are, though no node is called so."""
        shape = _DIGITS.sub("0", said.casefold())
        return "0" in shape and any(_DIGITS.sub("0", low.split(".")[0]) == shape for low in self.nodes)

    @property
    def only_node(self) -> str | None:
        """The node, where there is one only."""
        return next(iter(self.nodes.values())) if len(self.nodes) == 1 else None


def known_of(snapshot: Snapshot, alerts: AlertsNow | None = None, user: str = "") -> Known:
    """The names of a picture."""
    picture = snapshot.slurm
    jobs = picture.jobs or {} if picture is not None else {}
    names: dict[str, list[tuple[bool, str]]] = {}
    for job in jobs.values():
        if job.name and len(job.name) <= _LONGEST_NAME:
            names.setdefault(job.name.casefold(), []).append((not job.is_running, job.id))
    nodes = dict.fromkeys((*snapshot.nodes, *(picture.nodes if picture is not None else ())))
    ids = {key.casefold(): key for key in jobs}
    ids |= {str(job.array_job_id): str(job.array_job_id) for job in jobs.values() if job.array_job_id}
    return Known(
        nodes=_lower(nodes),
        gpus={name: tuple(gpu.index for gpu in node.gpus) for name, node in snapshot.nodes.items()},
        jobs=ids,
        job_names={name: tuple(key for _, key in sorted(some)) for name, some in names.items()},
        users=_lower({job.user for job in jobs.values() if job.user}),
        partitions=_lower(picture.partitions if picture is not None else ()),
        models=tuple(sorted({short_model(gpu.model) for gpu in snapshot.gpus() if gpu.model}, key=natural)),
        services=_services(one.model for one in snapshot.services.values()),
        rules=_rules(alerts),
        has_slurm=picture is not None or any(one.spec.kind == "slurm" for one in snapshot.sources.values()),
        user=user,
    )


def _lower(some: Iterable[str]) -> dict[str, str]:
    return {one.casefold(): one for one in some}


def _services(models: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for model in models:
        found[model.casefold()] = model
        found.setdefault(model.rsplit("/", 1)[-1].casefold(), model)
    return found


def _rules(alerts: AlertsNow | None) -> dict[str, str]:
    if alerts is None:
        return {}
    return _lower({one.rule for one in alerts.alerts} | {one.id for one in alerts.alerts})


def _loose(name: str) -> str:
    return (
        _DIGITS.sub(lambda part: str(int(part.group())), name.split(".", maxsplit=1)[0])
        .replace("-", "")
        .replace("_", "")
    )


def _last_number(name: str) -> int | None:
    parts = _DIGITS.findall(name.split(".", maxsplit=1)[0])
    return int(parts[-1]) if parts else None
