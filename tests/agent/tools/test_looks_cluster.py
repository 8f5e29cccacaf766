"""What the tools of cluster, nodes, GPUs and history tell."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from app.agent.ground import Ground
from app.domain.diagnosis import Blind
from app.domain.metrics import by_key
from app.domain.series import Event, Point, Series, Subject
from tests.agent.tools.grounds import feed_of, ground, of_world, refusal, seen, use
from tests.engine.diagnosis.world import World
from tests.present.fleets import NOW, changed, fleet, hot, lost, with_values
from tests.present.slurm_fleet import slurm_fleet


@cache
def _sick() -> World:
    """GPU 3 of gpu-1 fell off the bus after an Xid 79."""
    world = World(nodes=2)
    world.run(30)
    world.xid(79, "pid=1, GPU has fallen off the bus.", 3)
    world.lose(3)
    world.run(120)
    return world


def _slurm(snapshot: object = None) -> Ground:
    return ground(slurm_fleet(), now=NOW)


async def test_diagnose_tells_the_chain() -> None:
    """The incident with its root, evidence, what to do, and what follows from it."""
    told = await seen(of_world(_sick()), "diagnose")

    (incident,) = [one for one in told["incidents"] if one["severity"] == "critical"]
    root = incident["root_cause"]
    assert ("gpu-1/3", "critical", False) == (root["subject"], root["severity"], told["healthy"])
    assert "79" in " ".join(one["text"] for one in root["evidence"])
    assert root["what_to_do"]
    assert root["explanation"]


@pytest.mark.parametrize(
    ("about", "is_told"), [("gpu-1/3", True), ("gpu-1", True), ("GPU-1:3", True), ("i-1", True), ("gpu-2", False)]
)
async def test_diagnose_tells_of_what_is_asked_about(about: str, is_told: bool) -> None:
    """Incidents of a GPU, of a node with its GPUs, of an id; none of others."""
    told = await seen(of_world(_sick()), "diagnose", about=about)

    assert is_told is any(one["severity"] == "critical" for one in told["incidents"])


async def test_diagnose_says_when_nobody_has_looked() -> None:
    """No diagnosis is not health; what is blind is told."""
    told = await seen(_slurm(), "diagnose")
    assert "healthy" not in told
    assert "not known" in told["note"]

    blind = replace(_sick().diagnosis, blind=(Blind("Xids of gpu-2", "no kernel log is read"),))
    told = await seen(ground(_sick()._snapshot, blind, now=_sick().now), "diagnose")
    assert [{"what": "Xids of gpu-2", "why": "no kernel log is read"}] == told["blind"]


async def test_diagnose_about_nothing_known_says_what_to_write() -> None:
    """No empty answer for a name that is nobody's."""
    assert "write gpu-01, gpu-01/3, job 812 or i-17" in await refusal(_slurm(), "diagnose", about="moon")


async def test_cluster_status_counts_and_names_the_sick() -> None:
    """The header's numbers, and who is not well before who is."""
    snapshot = changed(changed(slurm_fleet(), "gpu-02", 1, lost), "gpu-03", 6, hot)
    down = replace(snapshot.sources["exporter-gpu-01"], error="connection refused")
    snapshot = replace(snapshot, sources={**snapshot.sources, "exporter-gpu-01": down})
    told = await seen(ground(snapshot, now=NOW), "cluster_status")

    assert (24, 23, 1, 3, 6, 44) == tuple(
        told[key] for key in ("gpus_expected", "gpus", "gpus_lost", "nodes_total", "jobs_running", "jobs_pending")
    )
    assert [("gpu-02/1", "critical"), ("gpu-03/6", "warning")] == [
        (one["gpu"], one["health"]) for one in told["gpus_not_well"]
    ]
    assert ["connection refused"] == [one["error"] for one in told["sources_not_answering"]]
    assert "gpu-02" == next(one["node"] for one in told["nodes"] if one["health"] == "critical")
    assert {"NVIDIA H100 80GB HBM3": 24} == told["gpu_models"]


async def test_current_metrics_orders_and_sums_up() -> None:
    """The hottest first, with the lowest, mean and highest over all, each by name."""
    snapshot = changed(fleet(2), "gpu-02", 5, lambda one: with_values(one, {"gpu.temperature": 90.0}))
    told = await seen(ground(snapshot, now=NOW), "current_metrics", metrics=["temperature"], order_by="temperature")

    assert {"gpu": "gpu-02/5", "temperature_c": 90} == {key: told["gpus"][0][key] for key in ("gpu", "temperature_c")}
    assert (90, "gpu-02/5") == tuple(told["statistics"]["temperature_c"][key] for key in ("max", "max_on"))
    assert 16 == told["gpus_matching"] == len(told["gpus"])


async def test_current_metrics_of_a_job_are_those_of_its_gpus() -> None:
    """With job and user; one that does nothing shows 0, not nothing."""
    told = await seen(_slurm(), "current_metrics", job="job 812", order_by="util", order="lowest")

    assert 12 == told["gpus_matching"]
    assert ("gpu-01/3", 0, ["812"], "ana") == tuple(
        told["gpus"][0][key] for key in ("gpu", "utilization_percent", "jobs", "user")
    )


async def test_node_details_tell_slurm_and_jobs_too() -> None:
    """State by exporter and by Slurm, why it is drained and by whom, jobs, GPUs in short."""
    told = await seen(_slurm(), "node_details", node="GPU-03")

    assert ("up", "MIXED+DRAIN", "GPU 7: uncorrectable ECC", "root") == tuple(
        told[key] for key in ("state", "slurm_state", "slurm_reason", "slurm_reason_by")
    )
    assert {"812", "815", "835"} <= {one["job"] for one in told["jobs"]}
    assert 8 == len(told["gpus"]) == told["gpus_present"]
    assert told["slurm_takes_new_jobs"] is False


@pytest.mark.parametrize(
    "gpu", ["gpu-01/3", "gpu-01:3", "GPU-01 3", "gpu-01 gpu 3", "GPU-00000001-0000-0000-0000-000000000003"]
)
async def test_a_gpu_has_many_names(gpu: str) -> None:
    """Place in several spellings, or UUID."""
    told = await seen(_slurm(), "gpu_details", gpu=gpu)

    assert ("gpu-01/3", "exact", ["812"]) == (told["gpu"], told["gpu_binding"], told["job_ids"])
    assert 64 == told["metrics"]["temperature_c"]
    assert "python3" == told["processes"][0]["name"]


async def test_a_gpu_may_be_named_by_the_beginning_of_its_uuid() -> None:
    """As far as only one begins so."""
    snapshot = fleet(1)
    snapshot = changed(snapshot, "gpu-01", 0, lambda one: replace(one, uuid="GPU-abcdef12-0001"))
    snapshot = changed(snapshot, "gpu-01", 1, lambda one: replace(one, uuid="GPU-abcd7777-0001"))
    one = ground(snapshot, now=NOW)

    assert "gpu-01/1" == (await seen(one, "gpu_details", gpu="GPU-abcd7"))["gpu"]
    assert "begins the UUIDs of gpu-01/0, gpu-01/1" in await refusal(one, "gpu_details", gpu="GPU-abcd")


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("gpu_details", {"gpu": "gpu-01/9"}, "gpu-01 has gpu-01/0, gpu-01/1"),
        ("gpu_details", {"gpu": "gpu-11/2"}, "did you mean gpu-01"),
        ("node_details", {"node": "gpu01"}, "did you mean gpu-01"),
        ("node_details", {"node": "mars"}, "there are gpu-01, gpu-02, gpu-03"),
        ("job_details", {"job": "99999"}, "there is no job '99999'"),
        ("jobs", {"user": "anna"}, "did you mean ana"),
        ("jobs", {"partition": "gpus"}, "did you mean gpu"),
        ("metric_history", {"metric": "temprature", "gpu": "gpu-01/3"}, "did you mean gpu.temperature"),
        ("vllm_status", {"service": "llama"}, "no model server is known here"),
    ],
)
async def test_unknown_names_get_the_nearest(tool: str, given: dict[str, str], said: str) -> None:
    """Or what there is."""
    assert said in await refusal(_slurm(), tool, **given)


async def test_metric_history_is_a_few_numbers() -> None:
    """Statistics, a gap, at most twelve points, a sparkline; no flood of samples."""
    one = _slurm()
    told = await seen(one, "metric_history", metric="Temperature", gpu="gpu-01/3", since="last 1 hour")

    assert ("temperature_c", "°C", "gpu:gpu-01/3") == (told["metric"], told["unit"], told["of"])
    assert told["min"] <= told["mean"] <= told["p95"] <= told["max"]
    assert 1 == told["gaps"]
    assert len(told["points"]) <= 12
    assert 0 < len(told["sparkline"]) <= 24
    ((subject, key, start, end),) = feed_of(one).asked
    assert (Subject("gpu", node="gpu-01", index=3), "gpu.temperature", 3600.0) == (subject, key, end - start)


async def test_metric_history_of_a_trend(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rises is rising, by how much and how fast; before the first sample nothing was kept, and that is no gap."""
    one = _slurm()
    points = [Point(NOW - 3600 + 60 * n, None if n < 20 or n == 40 else float(n)) for n in range(60)]

    async def series(subject: Subject, metric: str, start: float, end: float, step_s: float) -> Series:
        return Series(subject, metric, by_key()[metric].unit, start, end, 60.0, points)

    monkeypatch.setattr(feed_of(one), "series", series)
    told = await seen(one, "metric_history", metric="power")

    assert ("rising", 20, 59, 39, 1, 60, "fleet") == tuple(
        told[key] for key in ("trend", "first", "last", "change", "gaps", "gaps_s", "of")
    )
    assert 60 == told["change_per_hour"]
    assert "kept_from_iso" in told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "power", "gpu": "gpu-01/3", "node": "gpu-01"}, "give either gpu or node, not both"),
        ({"metric": "node.memory_percent"}, "name one with node="),
        ({"metric": "node.load_1m", "gpu": "gpu-01/3"}, "is a metric of a node"),
        ({"metric": "power", "since": "in an hour"}, "write 30m, 2h"),
    ],
)
async def test_metric_history_refuses_what_cannot_be(given: dict[str, str], said: str) -> None:
    """With what to ask instead."""
    assert said in await refusal(_slurm(), "metric_history", **given)


async def test_topology_tells_what_is_not_known() -> None:
    """Shapes, partitions, links; and what no exporter says."""
    told = await seen(_slurm(), "topology")
    assert {"8 x NVIDIA H100 80GB HBM3": 3} == told["shapes"]
    assert [("debug", 0), ("gpu", 3), ("serve", 1)] == [(p["partition"], p["node_count"]) for p in told["partitions"]]
    assert ["NVLink", "NUMA placement"] == told["not_known"]

    told = await seen(_slurm(), "topology", node="gpu-01")
    assert {"gpu": "gpu-01/2", "pci": "0000:02:00", "pcie_width": 16} == {
        key: told["gpus"][2][key] for key in ("gpu", "pci", "pcie_width")
    }


async def test_cost_names_who_wastes() -> None:
    """What it costs now, what idles, and whose it is."""
    told = await seen(_slurm(), "cost", since="7d")

    assert (71.52, 14.9, 8.94) == tuple(told["now"][key] for key in ("per_hour", "idle_per_hour", "held_idle_per_hour"))
    assert ("bo", 5.96) == max(((row["name"], row["idle_per_hour"]) for row in told["users"]), key=lambda row: row[1])


async def test_what_changed_compares_two_pictures() -> None:
    """Counts then and now, values that moved most, counters that rose, events with the gravest kept."""
    before = fleet(2)
    after = changed(
        before, "gpu-01", 3, lambda one: with_values(one, {"gpu.temperature": 90.0, "gpu.ecc_dbe_volatile": 2.0})
    )
    one = ground(changed(after, "gpu-02", 1, lost), now=NOW)
    feed = feed_of(one)
    feed.past[0.0] = before
    feed._events = (
        Event(NOW - 7200, "gpu.lost", "critical", Subject("gpu", node="gpu-02", index=7), "long ago"),
        Event(NOW - 60, "gpu.lost", "critical", Subject("gpu", node="gpu-02", index=1), "gpu-02/1 is lost"),
        Event(NOW - 30, "job.started", "info", Subject("job", key="9"), "job 9 started"),
    )
    told = await seen(one, "what_changed", since="1h")

    assert {"gpus": {"then": 16, "now": 15}, "gpus_lost": {"then": 0, "now": 1}} == {
        key: told["cluster"][key] for key in ("gpus", "gpus_lost")
    }
    assert {"gpu": "gpu-01/3", "metric": "temperature_c", "then": 64, "now": 90, "change": 26} in told["moved_most"]
    assert [("gpu-01/3", 2)] == [(row["gpu"], row["change"]) for row in told["counters_that_rose"]]
    assert ["gpu-02/1 is lost"] == [row["text"] for row in told["events"]]
    assert ["job 9 started"] == [row["text"] for row in told["job_events"]]
    assert {"gpu.lost": 1, "job.started": 1} == told["events_by_kind"]


async def test_what_changed_says_where_nothing_was_kept() -> None:
    """A picture of then is needed to compare with."""
    found = await use(ground(fleet(1), now=NOW), "what_changed", since="1h")

    assert "no picture was kept of then" in found.result


async def test_old_values_are_not_told_as_new() -> None:
    """A GPU that is silent has no numbers: its row lacks them."""
    told = await seen(ground(fleet(1), now=NOW + 3600), "current_metrics")

    assert {"gpu", "health", "why", "jobs"} == set(told["gpus"][0])
    assert "statistics" not in told or not any(told["statistics"].values())


async def test_a_kept_picture_is_judged_by_its_own_time() -> None:
    """Values that were fresh when the picture was kept are told, with that time; long before nothing is known."""
    one = ground(fleet(1), now=NOW + 7200)
    feed_of(one).past[0.0] = fleet(1)
    told = await seen(replace(one, at=NOW + 60), "gpu_details", gpu="gpu-01/3")
    assert ("temperature_c" in told["metrics"], NOW - 1.2) == (True, told["at"])

    told = await seen(replace(one, at=NOW + 3600), "gpu_details", gpu="gpu-01/3")
    assert "metrics" not in told
