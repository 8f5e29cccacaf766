"""The one answer behind `status --json`, the REST routes and the screens."""

from __future__ import annotations

import json

from app.domain.apply import apply
from app.domain.reading import GpuProcess, GpuReading, MigReading, NodeReading, PageHealth, Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.services import queries

SPEC = SourceSpec("n1:9400", "exporter", "http://n1:9400/metrics", 5.0)
VALUES = {"gpu.utilization": 97.0, "gpu.memory_used": 71000.4, "gpu.power": 612.25, "gpu.clock_event_reasons": 4.0}


def snapshot(*gpus: GpuReading, at: float = 100.0) -> Snapshot:
    """A picture of one node."""
    page = PageHealth("dcgm-exporter", 10, 8, (("DCGM_FI_DEV_NEW", 2),), 1, ((7, "no value"),))
    reading = Reading("n1:9400", at, 0.02, nodes=(NodeReading("n1", gpus=gpus),), page=page)
    return apply(Snapshot(cluster="lab"), SPEC, reading).snapshot


def test_status_has_every_key_of_the_contract() -> None:
    """Keys of the contract are there even where nothing is known, and everything is JSON."""
    answer = json.loads(json.dumps(queries.status(snapshot(GpuReading(0, "GPU-1", VALUES)), 101.0)))

    assert ["schema", "at", "mode", "cluster", "sources", "nodes", "jobs", "services", "alerts"] == list(answer)
    gpu = answer["nodes"][0]["gpus"][0]
    assert 97 == gpu["utilization_percent"]
    assert 71000.4 == gpu["memory_used_mib"]
    assert ["power_cap"] == gpu["clock_event_reasons"]
    assert {"value": 612.25, "age_s": 1.0, "source": "n1:9400"} == gpu["metrics"]["gpu.power"]
    assert gpu["temperature_c"] is None
    assert gpu["allocated"] is None
    assert {"DCGM_FI_DEV_NEW": 2} == answer["sources"][0]["unknown"]
    assert [{"line": 7, "why": "no value"}] == answer["sources"][0]["bad_examples"]


def test_values_past_their_age_are_null() -> None:
    """Nothing old is shown as a number; the GPU itself stays listed."""
    gpu = queries.status(snapshot(GpuReading(0, "GPU-1", VALUES)), 130.0)["nodes"][0]["gpus"][0]

    assert gpu["utilization_percent"] is None
    assert {} == gpu["metrics"]
    assert "unknown" == gpu["health"]
    assert 30 == gpu["age_s"]


def test_lost_gpus_stay_and_have_no_values() -> None:
    """A lost GPU is critical, says since when, and gives no number."""
    before = snapshot(GpuReading(0, "GPU-0", VALUES), GpuReading(1, "GPU-1", VALUES))
    later = Reading("n1:9400", 105.0, 0.02, nodes=(NodeReading("n1", gpus=(GpuReading(0, "GPU-0", VALUES),)),))

    answer = queries.status(apply(before, SPEC, later).snapshot, 105.0)
    lost = answer["nodes"][0]["gpus"][1]

    assert ("lost", "critical", 105.0, None) == (
        lost["state"], lost["health"], lost["lost_at"], lost["utilization_percent"]
    )  # fmt: skip
    assert 2 == answer["cluster"]["gpus_expected"]
    assert 1 == answer["cluster"]["gpus_lost"]


def test_mig_slices_sit_inside_their_gpu() -> None:
    """A slice is never counted as a GPU; its values are its own."""
    mig = MigReading(7, "1g.10gb", "MIG-7", {"gpu.memory_used": 512.0})
    answer = queries.status(snapshot(GpuReading(0, "GPU-0", VALUES, mig=(mig,))), 100.0)

    assert 1 == answer["cluster"]["gpus"]
    found = answer["nodes"][0]["gpus"][0]["mig"][0]
    assert (7, "1g.10gb", 512) == (found["id"], found["profile"], found["metrics"]["gpu.memory_used"]["value"])


def test_processes_unknown_and_none_differ() -> None:
    """Null where the source lists no processes, an empty list where it says there are none."""
    process = GpuProcess(42, "python", "ana", "python train.py", 71000.0, 96.0, "compute")
    gpus = (GpuReading(0, "A"), GpuReading(1, "B", processes=()), GpuReading(2, "C", processes=(process,)))

    found = [gpu["processes"] for gpu in queries.status(snapshot(*gpus), 100.0)["nodes"][0]["gpus"]]

    assert found[0] is None
    assert [] == found[1]
    assert ("ana", 71000.0) == (found[2][0]["user"], found[2][0]["memory_mib"])


def test_current_values_can_be_filtered() -> None:
    """`/api/metrics/current` gives flat rows, by node, GPU and metric."""
    picture = snapshot(GpuReading(0, "GPU-0", VALUES), GpuReading(1, "GPU-1", VALUES))

    rows = queries.current(picture, 100.0, {"gpu": "1", "metric": "power"})

    assert [("gpu:n1/1", "gpu.power", 612.25)] == [(row["subject"], row["metric"], row["value"]) for row in rows]
