"""The shares of one cluster as the whole: names stay as they are, nothing is there twice, wishes reach every share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.domain.reading import SourceSpec
from app.domain.series import FLEET, Subject
from app.domain.snapshot import Snapshot, SourceState
from tests.present.fleets import NOW, fleet
from tests.present.slurm_fleet import slurm_fleet
from tests.services.joined.daemons import Daemon, viewing
from tests.tui.boards import full


def part(whole: Snapshot, *names: str) -> Snapshot:
    """What one share sees of a cluster: some nodes with their sources, and all of Slurm."""
    nodes = {name: one for name, one in whole.nodes.items() if name in names}
    sources = {name: one for name, one in whole.sources.items() if name.removeprefix("exporter-") in names}
    slurm = {name: one for name, one in whole.sources.items() if one.spec.kind == "slurm"}
    return replace(whole, nodes=nodes, sources={**sources, **slurm})


async def test_a_cluster_is_whole_and_keeps_its_names(tmp_path: Path) -> None:
    """Nodes in natural order whoever reads them, jobs once, and what every share reads told apart by its number."""
    whole = slurm_fleet()
    shares = (part(whole, "gpu-02"), part(whole, "gpu-01", "gpu-03"))
    async with viewing(tmp_path, *(Daemon("lab", one) for one in shares)) as view:
        found = view.feed.latest()

    assert whole.slurm is not None
    assert found.slurm is not None
    assert ["gpu-01", "gpu-02", "gpu-03"] == list(found.nodes)
    assert dict(whole.slurm.jobs or {}) == dict(found.slurm.jobs or {})
    assert {"daemon of lab (1)", "daemon of lab (2)", "slurm (1)", "slurm (2)", "exporter-gpu-01"} <= set(found.sources)
    assert "lab" == found.cluster


async def test_a_node_that_two_shares_read_is_one(tmp_path: Path) -> None:
    """Its exporters go by different addresses: the values of both are there, each from its own source."""
    one = fleet(1)
    node = one.nodes["gpu-01"]
    machine = replace(
        node, gpus=(), layers=(replace(node.layers[0], source="node-exporter", values={"node.load1": 3.0}),)
    )
    machine = replace(machine, sources=("node-exporter",), gpus_expected=None)
    spec = SourceSpec("node-exporter", "exporter", "http://10.0.0.1:9100/metrics", 5.0)
    other = replace(one, nodes={"gpu-01": machine}, sources={spec.name: SourceState(spec, NOW, NOW)})
    async with viewing(tmp_path, Daemon("lab", one), Daemon("lab", other)) as view:
        found = view.feed.latest().nodes["gpu-01"]

    assert (8, 8) == (len(found.gpus), found.gpus_expected)
    assert (3.0, 31.0) == (found.value("node.load1", NOW), found.value("node.cpu_utilization", NOW))
    assert ("exporter-gpu-01", "node-exporter") == found.sources


async def test_a_wish_reaches_every_share(tmp_path: Path) -> None:
    """A rule and a silence are made at all of them, are listed once, and end at all of them."""
    rule = {"name": "Warm", "metric": "gpu.temperature", "above": 70, "text": "warm"}
    whole = full()
    shares = (Daemon("lab", part(whole, "gpu-01")), Daemon("lab", part(whole, "gpu-02")))
    async with viewing(tmp_path, *shares, judged=True) as view:
        desk = view.feed.desk()
        await desk.add_rule(rule)
        told = await desk.silence('alertname="GpuHot"', 600, "ana", "fan")
        listed = [one["name"] for one in (await desk.rules())["rules"]]
        made = [("Warm" in one.alerting.book.rules, len(one.alerting.now().silences)) for one in shares]
        for link in view.feed.links:
            await link.feed.load_alerts()
        shown = view.feed.alerts().silences
        await desk.end_silence(str(told["id"]))
        left = [len(one.alerting.now().silences) for one in shares]

    assert [(True, 1), (True, 1)] == made
    assert 1 == listed.count("Warm")
    assert told["id"] in {one.id for one in shown}
    assert [0, 0] == left


async def test_each_alert_is_acknowledged_at_its_share(tmp_path: Path) -> None:
    """An alert has the id that its daemon gave it, and is taken on there."""
    whole = full()
    shares = (Daemon("lab", part(whole, "gpu-01")), Daemon("lab", part(whole, "gpu-02")))
    async with viewing(tmp_path, *shares, judged=True) as view:
        hot = next(one for one in view.feed.alerts().alerts if one.rule == "GpuHot")
        await view.feed.desk().ack(hot.id, "ana", "")

    assert [(), (hot.id,)] == [tuple(ack.alert for ack in one.alerting.now().acks) for one in shares]


async def test_the_past_of_a_node_is_found_at_its_share(tmp_path: Path) -> None:
    """Whoever has the node is asked first; the fleet's counts are those of all shares together."""
    whole = fleet(2)
    shares = (Daemon("lab", part(whole, "gpu-01")), Daemon("lab", part(whole, "gpu-02")))
    async with viewing(tmp_path, *shares) as view:
        subject = Subject("gpu", node="gpu-02", index=0)
        await view.feed.series(subject, "gpu.utilization", NOW - 600, NOW, 60)
        await view.feed.series(FLEET, "fleet.gpus", NOW - 600, NOW, 60)

    assert [[FLEET], [subject, FLEET]] == [[asked[0] for asked in one.past.asked] for one in shares]
