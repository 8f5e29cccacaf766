"""Several clusters in one view: nothing merges that is not the same, everything goes to the one whose it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from app.domain.allocation import allocations
from app.domain.filtering import parse_filter
from app.domain.job_filtering import parse_job_filter
from app.domain.series import FLEET, Subject
from app.domain.slurm import SlurmPicture
from app.engine import money
from app.present.queue import Queue, Wanted
from app.services import queries
from app.services.alerting import AlertingError, UnknownError
from tests.api.test_alerts import SCHEMAS
from tests.present.fleets import NOW, fleet
from tests.present.slurm_fleet import slurm_fleet
from tests.services.joined.daemons import Daemon, viewing
from tests.tui.boards import EVENTS, full


def jobs_of(picture: SlurmPicture | None) -> dict[str, str]:
    """Each job with its partition."""
    return {} if picture is None else {key: one.partition for key, one in (picture.jobs or {}).items()}


async def test_nodes_of_one_name_stay_two(tmp_path: Path) -> None:
    """Two clusters have a gpu-01 each: both are there, each with its own values, sources and cluster."""
    async with viewing(tmp_path, Daemon("lab", fleet(2)), Daemon("uni", full())) as view:
        found = view.feed.latest()

    assert ["lab:gpu-01", "lab:gpu-02", "uni:gpu-01", "uni:gpu-02"] == list(found.nodes)
    assert {"lab", "uni"} == {gpu.facts["cluster"] for gpu in found.gpus()}
    lab, uni = (found.gpu(f"{one}:gpu-01", 5) for one in ("lab", "uni"))
    assert lab is not None
    assert uni is not None
    assert (False, True) == (lab.is_lost, uni.is_lost)
    assert ("lab:gpu-01/5", "lab:exporter-gpu-01") == (lab.id, lab.layers[0].source)
    assert {"daemon of lab", "daemon of uni", "lab:exporter-gpu-01", "uni:exporter-gpu-01"} <= set(found.sources)


async def test_a_filter_names_a_cluster_or_a_node_of_any(tmp_path: Path) -> None:
    """`cluster:uni` keeps one cluster's GPUs, `node:gpu-01` that node of every cluster, `node:uni:gpu-01` just one."""
    async with viewing(tmp_path, Daemon("lab", fleet(2)), Daemon("uni", fleet(2))) as view:
        gpus = tuple(view.feed.latest().gpus())

    def kept(text: str) -> set[str]:
        wanted = parse_filter(text)
        return {gpu.node for gpu in gpus if wanted.keeps(gpu, NOW)}

    assert {"uni:gpu-01", "uni:gpu-02"} == kept("cluster:uni")
    assert {"lab:gpu-01", "uni:gpu-01"} == kept("node:gpu-01")
    assert {"uni:gpu-01"} == kept("node:uni:gpu-01")


async def test_jobs_of_one_number_stay_two_and_hold_their_own_gpus(tmp_path: Path) -> None:
    """Ids and partitions carry their cluster, arrays of one number are two, and a GPU is held in its own cluster."""
    async with viewing(tmp_path, Daemon("lab", slurm_fleet()), Daemon("uni", slurm_fleet())) as view:
        snapshot = view.feed.latest()
        picture = snapshot.slurm
        assert picture is not None
        join = allocations(snapshot, NOW)
        held = join.held(next(gpu for gpu in snapshot.gpus() if gpu.id == "uni:gpu-01/0"))
        jobs = tuple((picture.jobs or {}).values())
        arrays = [one for one in Queue().items(picture.jobs or {}, Wanted(), NOW) if one.kind == "array"]

    assert {"lab:812": "lab:gpu", "uni:812": "uni:gpu"}.items() <= jobs_of(picture).items()
    assert ("uni:812",) == held.job_ids
    assert "exact" == held.certainty
    assert {"lab:820", "uni:820"} == {one.key for one in arrays}
    assert ["uni:812"] == [one.id for one in jobs if parse_job_filter("cluster:uni job:812").keeps(one, NOW)]


async def test_costs_are_each_clusters_own(tmp_path: Path) -> None:
    """The same model costs 2.98 $/h here and 1 $/h there: each GPU costs what its cluster pays."""
    dear, cheap = fleet(1), replace(fleet(1), prices={"H100": 1.0})
    async with viewing(tmp_path, Daemon("lab", dear), Daemon("uni", cheap)) as view:
        rates = money.rates(view.feed.latest(), NOW)

    assert {"lab:gpu-01": 23.84, "uni:gpu-01": 8.0} == {
        name: round(rate.per_hour, 2) for name, rate in rates.by_node.items()
    }


async def test_alerts_carry_their_cluster_and_are_taken_on_where_they_fire(tmp_path: Path) -> None:
    """One and the same alert of two clusters is two; it is acknowledged at the daemon that evaluates it only."""
    async with viewing(tmp_path, Daemon("lab", full()), Daemon("uni", full()), judged=True) as view:
        found = {
            dict(one.labels)["cluster"]: one
            for one in view.feed.alerts().alerts
            if one.rule.endswith(":GpuHot") and one.is_active
        }
        told = await view.feed.desk().ack(found["uni"].id, "ana", "on it")
        lab, uni = view.daemons["lab0"].alerting.now(), view.daemons["uni1"].alerting.now()
        with pytest.raises(UnknownError, match="no alert"):
            await view.feed.desk().ack("a-0000000000", "ana", "")

    assert {"lab": "lab:gpu-02", "uni": "uni:gpu-02"} == {
        cluster: dict(one.labels)["node"] for cluster, one in found.items()
    }
    assert found["uni"].id == told["alert"]
    assert ((), "ana") == (lab.acks, uni.acks[0].by)


async def test_a_silence_reaches_the_cluster_that_it_names(tmp_path: Path) -> None:
    """By its label or by a name in it; one that names no cluster is refused, and nothing is silenced anywhere."""
    async with viewing(tmp_path, Daemon("lab", full()), Daemon("uni", full()), judged=True) as view:
        desk = view.feed.desk()
        with pytest.raises(AlertingError, match=r'which cluster.*cluster="lab"'):
            await desk.silence('node="gpu-02"', 60, "ana", "")
        with pytest.raises(AlertingError, match="would match everything"):
            await desk.silence('cluster="uni"', 60, "ana", "")
        told = await desk.silence('alertname="uni:GpuHot", cluster="uni", node="uni:gpu-02"', 600, "ana", "fan")
        lab, uni = view.daemons["lab0"].alerting.now(), view.daemons["uni1"].alerting.now()
        await view.feed.links[1].feed.load_alerts()
        shown = view.feed.alerts().silences
        await desk.end_silence(str(told["id"]))
        ended = view.daemons["uni1"].alerting.now().silences

    assert (0, 1) == (len(lab.silences), len(uni.silences))
    assert ['alertname="GpuHot"', 'node="gpu-02"'] == [str(one) for one in uni.silences[0].matchers]
    assert [f"uni:{uni.silences[0].id}"] == [one.id for one in shown]
    assert told["id"] == shown[0].id
    assert () == ended


async def test_rules_are_listed_of_all_and_changed_in_one(tmp_path: Path) -> None:
    """A rule's name begins with its cluster; a new one without is refused."""
    rule = {"metric": "gpu.temperature", "above": 70, "text": "warm"}
    async with viewing(tmp_path, Daemon("lab", fleet(1)), Daemon("uni", fleet(1)), judged=True) as view:
        desk = view.feed.desk()
        with pytest.raises(AlertingError, match="which cluster's rule"):
            await desk.add_rule({"name": "Warm", **rule})
        made = await desk.add_rule({"name": "uni:Warm", **rule})
        await desk.change_rule("uni:Warm", {"enabled": False})
        names = {one["name"] for one in (await desk.rules())["rules"]}
        lab, uni = view.daemons["lab0"].alerting.book.rules, view.daemons["uni1"].alerting.book.rules

    assert "uni:Warm" == made["name"]
    assert {"lab:GpuHot", "uni:GpuHot", "uni:Warm"} <= names
    assert ("Warm" in lab, uni["Warm"].enabled) == (False, False)


async def test_the_past_is_asked_where_it_was_kept(tmp_path: Path) -> None:
    """A GPU's series comes from its own daemon under its shown name; the fleet's is folded over all."""
    async with viewing(tmp_path, Daemon("lab", fleet(1, 4)), Daemon("uni", fleet(1, 2), EVENTS)) as view:
        feed, (lab, uni) = view.feed, view.daemons.values()
        series = await feed.series(Subject("gpu", node="uni:gpu-01", index=1), "gpu.utilization", NOW - 600, NOW, 60)
        count = await feed.series(FLEET, "fleet.gpus", NOW - 600, NOW, 60)
        own = [await one.past.series(FLEET, "fleet.gpus", NOW - 600, NOW, 60) for one in (lab, uni)]
        with pytest.raises(LookupError, match="names no cluster in view"):
            await feed.series(Subject("node", node="gpu-01"), "node.load1", NOW - 600, NOW, 60)
        events = await feed.events(NOW - 7200, NOW)

    assert "uni:gpu-01/1" == f"{series.subject.node}/{series.subject.index}"
    assert Subject("gpu", node="gpu-01", index=1) in {asked[0] for asked in uni.past.asked}
    assert Subject("gpu", node="gpu-01", index=1) not in {asked[0] for asked in lab.past.asked}
    assert [sum(pair) for pair in zip(*([point.mean or 0.0 for point in one.points] for one in own), strict=True)] == [
        point.mean for point in count.points
    ]
    assert "uni: gpu-01/5 is lost: Xid 79" in {one.text for one in events}
    assert "uni:gpu-01" in {one.subject.node for one in events}


async def test_a_moment_is_the_moment_of_all(tmp_path: Path) -> None:
    """Time travel shows what each kept of it; who kept nothing says so among the sources."""
    async with viewing(tmp_path, Daemon("lab", fleet(2)), Daemon("uni", fleet(2))) as view:
        view.daemons["lab0"].past.past[NOW - 600] = fleet(1, at=NOW - 601)
        then = await view.feed.at(NOW - 600)
        never = await view.feed.at(NOW - 90_000)

    assert then is not None
    assert ["lab:gpu-01"] == list(then.nodes)
    assert "nothing was kept near that time" == then.sources["daemon of uni"].error
    assert never is None


async def test_the_whole_is_one_answer(tmp_path: Path) -> None:
    """`status --json` of the view: all nodes, the clusters' names, and nothing that its schema does not know."""
    async with viewing(tmp_path, Daemon("lab", slurm_fleet()), Daemon("uni", full()), judged=True) as view:
        answer = queries.status(view.feed.latest(), NOW, view.feed.watched(), view.feed.alerts())

    jsonschema.validate(answer, json.loads((SCHEMAS / "status.json").read_text()))
    assert "lab, uni" == answer["cluster"]["name"]
    assert 5 == answer["cluster"]["nodes"]
    assert {"lab:812"} <= {one["id"] for one in answer["jobs"]}
