"""Slurm's pictures of several clusters as one; the same object for as long as they are the same.

The picture has one age for all of it, so the jobs of a cluster that is past its age are left out, and a note says so:
old jobs must not look like present ones. The shares of one cluster all read the same Slurm: one of them is believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.services.joined.merging import Part, joined

if TYPE_CHECKING:
    from app.domain.slurm import SlurmPicture


class Slurms:
    """Puts Slurm's pictures together, and remembers the last one."""

    def __init__(self) -> None:
        self._from: tuple[tuple[str, SlurmPicture, bool], ...] = ()
        self._made: SlurmPicture | None = None

    def of(self, parts: Sequence[Part], now: float) -> SlurmPicture | None:
        """The Slurm of all parts; None where none has any."""
        believed = _believed(parts, now)
        used = tuple((cluster, one, not one.is_expired(now)) for cluster, one in believed.items())
        if used != self._from:  # pictures compare by identity
            self._from, self._made = used, _together(used)
        return self._made


def _believed(parts: Sequence[Part], now: float) -> Mapping[str, SlurmPicture]:
    """Of each cluster one share's picture: the first that is not stale, so that it does not change at every look."""
    found: dict[str, SlurmPicture] = {}
    for part in parts:
        picture, known = part.snapshot.slurm, found.get(part.cluster)
        if picture is not None and (known is None or (known.is_stale(now) and picture.at > known.at)):
            found[part.cluster] = picture
    return found


def _together(used: Sequence[tuple[str, SlurmPicture, bool]]) -> SlurmPicture | None:
    if len(used) <= 1:
        return used[0][1] if used else None
    heard = [(cluster, one) for cluster, one, is_heard in used if is_heard]
    shown = heard or [(cluster, one) for cluster, one, _ in used]
    named = {cluster for cluster, _ in shown}
    silent = tuple(f"{one}: Slurm is not heard, its jobs are left out" for one, _, _ in used if one not in named)
    every = [one for _, one in shown]
    jobs = [one.jobs for one in every if one.jobs is not None]
    counts: dict[str, float] = {}
    for one in every:
        for name, count in one.counts.items():
            counts[name] = counts.get(name, 0.0) + count
    return replace(
        min(every, key=lambda one: one.at),
        source=", ".join(one.source for one in every),
        interval_s=max(one.interval_s for one in every),
        way="; ".join(f"{cluster}: {one.way}" for cluster, one in shown),
        version=", ".join(dict.fromkeys(one.version for one in every if one.version)),
        cluster=", ".join(dict.fromkeys(one.cluster or cluster for cluster, one in shown)),
        jobs=joined(jobs) if jobs else None,
        nodes=joined(one.nodes for one in every),
        partitions=joined(one.partitions for one in every),
        counts=counts,
        notes=(*silent, *(note for one in every for note in one.notes)),
    )
