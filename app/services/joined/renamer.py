"""Keeps one member's picture under the names it has beside others; what did not change is the same object again.

A reading changes one node of a thousand, and a look at Slurm few of ten thousand jobs: only these are made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from app.domain.clusters import Naming
from app.domain.snapshot import Node, Service, Snapshot, SourceState
from app.services.joined import renaming
from app.services.joined.renaming import Names, names_of

if TYPE_CHECKING:
    from app.domain.evidence import LogEvidence
    from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition, SlurmPicture

T = TypeVar("T")


class _Kept(Generic[T]):
    """What values were made into, by key, for as long as they are the same values."""

    def __init__(self, make: Callable[[T], T]) -> None:
        self._make = make
        self._known: dict[str, tuple[T, T, str]] = {}

    def all(self, values: Mapping[str, T], out: Callable[[str], str]) -> dict[str, T]:
        """Every value made into another, under its key as shown."""
        known, after = self._known, dict[str, tuple[T, T, str]]()
        for key, value in values.items():
            was = known.get(key)
            after[key] = was if was is not None and was[0] is value else (value, self._make(value), out(key))
        self._known = after
        return {shown: made for _, made, shown in after.values()}


class Renamer:
    """One member's names, and its picture under them."""

    def __init__(self, naming: Naming, share: int = 0) -> None:
        """`share` is the number of its share of the cluster, from 1; 0: it has the whole."""
        self._share = share
        self._given: Snapshot | None = None
        self._made = Snapshot()
        self.names = Names(naming, share)
        self._begin()

    def _begin(self) -> None:
        names, naming = self.names, self.names.naming
        self._nodes = _Kept[Node](lambda one: renaming.renamed_node(one, names))
        self._places: Mapping[str, str] = {}
        self._sources = self._kept_sources({})
        self._services = _Kept[Service](lambda one: renaming.renamed_service(one, names))
        self._jobs: _Kept[SlurmJob] = _Kept(lambda one: renaming.renamed_job(one, naming))
        self._slurm_nodes: _Kept[SlurmNode] = _Kept(lambda one: renaming.renamed_slurm_node(one, naming))
        self._partitions: _Kept[SlurmPartition] = _Kept(lambda one: renaming.renamed_partition(one, naming))
        self._picture: tuple[SlurmPicture, SlurmPicture] | None = None
        self._logs: tuple[tuple[LogEvidence, ...], tuple[LogEvidence, ...]] = ((), ())

    def _kept_sources(self, places: Mapping[str, str]) -> _Kept[SourceState]:
        names = self.names
        return _Kept(lambda one: renaming.source_state(one, names, places.get(one.spec.name)))

    def snapshot(self, given: Snapshot) -> Snapshot:
        """The picture as it is shown; sources that every share has are told apart."""
        if given is self._given:
            return self._made
        names = names_of(given, self.names.naming, self._share)
        if names != self.names:
            self.names = names
            self._begin()
        self._given = given
        self._made = given if names.is_plain else self._renamed(given)
        return self._made

    def _renamed(self, given: Snapshot) -> Snapshot:
        out = self.names.naming.out
        places = renaming.places_of_services(given) if given.services else {}
        if places != self._places:
            self._places, self._sources = places, self._kept_sources(places)
        services = self._services.all(given.services, str)
        return replace(
            given,
            sources=self._sources.all(given.sources, self.names.source),
            nodes=self._nodes.all(given.nodes, out),
            services={one.id: one for one in services.values()},
            aliases={out(host): out(name) for host, name in given.aliases.items()},
            prices={out(model): price for model, price in given.prices.items()},
            slurm=None if given.slurm is None else self._slurm(given.slurm),
            logs=self._evidence(given.logs),
        )

    def _slurm(self, given: SlurmPicture) -> SlurmPicture:
        if self._picture is None or self._picture[0] is not given:
            naming = self.names.naming
            made = replace(
                given,
                source=self.names.source(given.source),
                jobs=None if given.jobs is None else self._jobs.all(given.jobs, naming.out),
                nodes=self._slurm_nodes.all(given.nodes, naming.out),
                partitions=self._partitions.all(given.partitions, naming.out),
                notes=tuple(f"{naming.cluster}: {one}" if naming.cluster else one for one in given.notes),
            )
            self._picture = (given, made)
        return self._picture[1]

    def _evidence(self, given: tuple[LogEvidence, ...]) -> tuple[LogEvidence, ...]:
        if self._logs[0] is not given:
            self._logs = (given, tuple(renaming.renamed_log(one, self.names) for one in given))
        return self._logs[1]
