"""Reading simulated pages in tests, without any parser of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.sim.cluster import Cluster
from app.sim.render import Renderer
from app.sim.spec import SimSpec
from app.sim.targets import Target

ORIGIN = 1_764_000_000.0
_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def renderer(scenario: str = "healthy", **spec: int) -> Renderer:
    """The pages of a small cluster."""
    return Renderer(Cluster(SimSpec(scenario=scenario, **spec)), ORIGIN)


def target(pages: Renderer, name: str, kind: str = "dcgm") -> Target:
    """A page by its node's or service's name."""
    return next(one for one in pages.cluster.targets if one.name == name and one.kind == kind)


def samples(page: bytes) -> list[tuple[str, Mapping[str, str], float]]:
    """Every sample line: name, labels, value."""
    found: list[tuple[str, Mapping[str, str], float]] = []
    for line in page.decode("ascii").splitlines():
        if match := _SAMPLE.match(line):
            name, labels, value = match.groups()
            found.append((name, dict(_LABEL.findall(labels or "")), float(value)))
    return found


def by_gpu(page: bytes, name: str) -> dict[int, float]:
    """A family's values by GPU index."""
    return {int(labels["gpu"]): value for found, labels, value in samples(page) if found == name}


def one(page: bytes, name: str, **wanted: str) -> float:
    """The only value of a name with these labels."""
    values = [
        value
        for found, labels, value in samples(page)
        if found == name and all(labels.get(key) == text for key, text in wanted.items())
    ]
    assert len(values) == 1, f"{len(values)} of {name} {wanted}"
    return values[0]
