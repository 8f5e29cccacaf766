"""Targets: the pages there are, and the forms in which other programs want to be told of them."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import urlsplit

from app.domain.frozen import frozen
from app.sim.layout import Layout

PageKind = Literal["dcgm", "node", "vllm"]
JOBS: dict[PageKind, str] = {"dcgm": "dcgm-exporter", "node": "node-exporter", "vllm": "vllm"}
"""Prometheus' name for each kind of page."""
PRICES: tuple[tuple[str, float], ...] = (("NVIDIA H100", 2.49), ("NVIDIA A100", 1.49), ("NVIDIA L40S", 0.86))
"""$/h of one GPU: the order of what renting one costs, so that the simulated cluster shows a bill. Nobody sends it."""


@frozen
class Target:
    """One page."""

    path: str
    node: str
    kind: PageKind
    name: str
    """The node's name, or the service's."""


def targets_of(layout: Layout) -> tuple[Target, ...]:
    """Every page of a cluster: two a node, one a model server."""
    pages: list[Target] = []
    for node in layout.nodes:
        pages.append(Target(f"/nodes/{node.name}/dcgm/metrics", node.name, "dcgm", node.name))
        pages.append(Target(f"/nodes/{node.name}/node/metrics", node.name, "node", node.name))
    servers = (Target(f"/services/{one.name}/metrics", one.node, "vllm", one.name) for one in layout.services)
    return (*pages, *servers)


def pages_of(name: str, targets: Iterable[Target]) -> tuple[Target, ...]:
    """The pages under a node's or a service's name."""
    return tuple(target for target in targets if target.name == name)


def service_discovery(base_url: str, targets: Sequence[Target]) -> str:
    """The targets as Prometheus' http_sd and file_sd want them.

    All pages share one address, so the path is in `__metrics_path__`, and `instance` keeps the nodes apart.
    """
    address = urlsplit(base_url).netloc
    groups = [
        {
            "targets": [address],
            "labels": {
                "__metrics_path__": target.path,
                "job": JOBS[target.kind],
                "instance": target.name,
                "node": target.node,
            },
        }
        for target in targets
    ]
    return json.dumps(groups, indent=1)


def config_text(base_url: str, targets: Sequence[Target], interval_s: float, bin_dir: str = "") -> str:
    """A configuration file that reads the simulated cluster. Names hold nothing that TOML would have to escape."""
    lines = ["[cluster]", 'name = "simulated"', f"interval_s = {interval_s:g}", ""]
    if bin_dir:
        # A JSON string is a TOML one.
        lines += ["[slurm]", 'via = "local"', f"bin_dir = {json.dumps(bin_dir)}", ""]
    for target in targets:
        lines += ["[[target]]", f'url = "{base_url}{target.path}"', f'node = "{target.node}"', ""]
    lines += ["[prices]", *(f'"{model}" = {price}' for model, price in PRICES), ""]
    return "\n".join(lines)


def index_html(targets: Sequence[Target]) -> str:
    """A page for a person who points a browser at the simulator."""
    rows = "".join(
        f'<li><a href="{html.escape(target.path)}">{html.escape(target.path)}</a></li>\n' for target in targets
    )
    return (
        "<!doctype html>\n<html lang=en><title>Simulated cluster</title>\n"
        "<h1>Simulated cluster</h1>\n<p>Nothing here is real. Prometheus: "
        '<a href="/sd/targets.json">/sd/targets.json</a>; faults: <a href="/control/faults">/control/faults</a></p>\n'
        f"<ul>\n{rows}</ul>\n</html>\n"
    )
