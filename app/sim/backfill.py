"""Backfill: the pages of the hours before a demonstration starts, for a store that would otherwise begin empty."""

from __future__ import annotations

from collections.abc import Iterator

from app.sim.cluster import Cluster
from app.sim.render import Renderer
from app.sim.spec import SimSpec
from app.sim.targets import Target


def backfill(
    spec: SimSpec, start: float, end: float, step: float, *, origin: float | None = None
) -> Iterator[tuple[float, list[tuple[Target, bytes]]]]:
    """Yield every page at `start`, `start + step`, … before `end` (epoch seconds), as it would have been read then.

    `origin` is the moment of simulated second 0 (`end`, unless given): pass the served cluster's. A page that did not
    answer at a moment is left out of it; moments before the cluster's history (`spec.past_s`) are left out whole.
    Pages are made as they are asked for, so a caller may stop at any time.
    """
    if step <= 0:
        raise ValueError(f"the step must be above 0 seconds, not {step:g}")
    cluster = Cluster(spec)
    renderer = Renderer(cluster, end if origin is None else origin)
    for number in range(max(0, int(-((start - end) // step)))):
        at = start + number * step
        t = renderer.second(at)
        if cluster.begins <= t and at < end:
            yield at, list(_answered(renderer, t))


def _answered(renderer: Renderer, t: float) -> Iterator[tuple[Target, bytes]]:
    for target in renderer.cluster.targets:
        trouble = renderer.cluster.page_fault(target, t)
        if trouble is None:
            yield target, renderer.page(target, t)
        elif trouble[0] == "stale":
            yield target, renderer.page(target, trouble[1])
