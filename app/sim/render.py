"""Renderer: any page of a cluster at any moment, as bytes."""

from __future__ import annotations

from app.sim.cluster import Cluster
from app.sim.pages.dcgm import DcgmPage
from app.sim.pages.node import NodePage
from app.sim.pages.vllm import VllmPage
from app.sim.targets import Target


class Renderer:
    """The pages of one cluster. `origin` is the real moment (epoch seconds) of simulated second 0."""

    def __init__(self, cluster: Cluster, origin: float) -> None:
        self.cluster, self.origin = cluster, origin
        self._dcgm: dict[str, DcgmPage] = {}
        self._node: dict[str, NodePage] = {}
        self._vllm: dict[str, VllmPage] = {}

    def second(self, at: float) -> float:
        """The simulated second of a real moment."""
        return (at - self.origin) * self.cluster.spec.speed

    def page(self, target: Target, t: float) -> bytes:
        """A page as it reads at simulated second `t`, faults of the page itself left out."""
        cluster = self.cluster
        match target.kind:
            case "dcgm":
                page = self._dcgm.get(target.name)
                if page is None:
                    page = self._dcgm[target.name] = DcgmPage(cluster.node(target.name))
                return page.render(cluster.gpus_at(target.name, t), t)
            case "node":
                return self._node_page(target.name, t)
            case "vllm":
                server = self._vllm.get(target.name)
                if server is None:
                    service = next(one for one in cluster.layout.services if one.name == target.name)
                    server = self._vllm[target.name] = VllmPage(service)
                state = cluster.service_at(target.name, t)
                return server.render(state, self.origin + state.started * cluster.per_wall, cluster.per_wall)

    def _node_page(self, name: str, t: float) -> bytes:
        cluster = self.cluster
        node, page = cluster.node(name), self._node.get(name)
        if page is None:
            page = self._node[name] = NodePage(node, cluster.spec.seed)
        boot = self.origin + cluster.begins * cluster.per_wall - node.up_s
        return page.render(cluster.node_at(name, t), t, self.origin + t * cluster.per_wall, boot)
