"""Scenarios: each tells its story on the pages. One walk per scenario, and none without a walk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.domain.slurm import SlurmNode
from app.sim.cluster import Cluster
from app.sim.faults import KINDS, Fault
from app.sim.gpu import GpuState
from app.sim.render import Renderer
from app.sim.scenarios import SCENARIOS, SHOWCASE, scenario, untold
from app.sim.slurm.desk import Desk
from app.sim.slurm.scene import Call
from app.sim.spec import SimSpec
from app.sources.slurm.scontrol import parse_nodes
from tests.sim.readings import ORIGIN, by_gpu, one, samples, target

CLEAN = Cluster(SimSpec(scenario="healthy"))
Walk = Callable[[Renderer], None]
VICTIM = "gpu-02"
"""The second node of the pinned training job, where faults strike unless they say otherwise."""


def gpus(pages: Renderer, name: str, t: float, node: str = VICTIM) -> dict[int, float]:
    """A family of a node's GPU page at a moment, by GPU."""
    return by_gpu(pages.page(target(pages, node), t), name)


def calm_power(t: float, gpu: int, node: str = VICTIM) -> float:
    """What the GPU would have drawn with nothing wrong."""
    return CLEAN.gpus_at(node, t)[gpu].power


def walk_gpu_lost(pages: Renderer) -> None:
    """Xid 79 first; after 20 s the GPU is gone and its job spins at half the power."""
    assert 79 == gpus(pages, "DCGM_FI_DEV_XID_ERRORS", 5)[2]
    assert 2 in gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 19)
    assert {0, 1, 3, 4, 5, 6, 7} == set(gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 20))
    assert 100 == gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 30, "gpu-01")[0]
    assert gpus(pages, "DCGM_FI_DEV_POWER_USAGE", 30, "gpu-01")[0] < 350


def walk_xid79(pages: Renderer) -> None:
    """The code is there, the GPU stands still and stays listed; the window counts the event and forgets it."""
    page = pages.page(target(pages, VICTIM), 30)
    assert 79 == by_gpu(page, "DCGM_FI_DEV_XID_ERRORS")[2]
    assert 0 == by_gpu(page, "DCGM_FI_DEV_GPU_UTIL")[2]
    assert 1 == one(page, "DCGM_EXP_XID_ERRORS_COUNT", gpu="2", xid="79")
    assert not any(
        name == "DCGM_EXP_XID_ERRORS_COUNT" for name, _, _ in samples(pages.page(target(pages, VICTIM), 400))
    )
    assert 79 == gpus(pages, "DCGM_FI_DEV_XID_ERRORS", 400)[2]


def walk_xid31(pages: Renderer) -> None:
    """The whole job is gone with its memory, on both nodes."""
    assert 31 == gpus(pages, "DCGM_FI_DEV_XID_ERRORS", 30)[2]
    for node in ("gpu-01", VICTIM):
        assert {4.0} == set(gpus(pages, "DCGM_FI_DEV_FB_USED", 30, node).values())
        assert {0.0} == set(gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 30, node).values())
        assert not any(node in job.nodes for job in pages.cluster.jobs_at(30.0))


def walk_ecc_dbe(pages: Renderer) -> None:
    """The error counters rise, a row waits, three Xids are counted, the last one shows; the job is dead."""
    page = pages.page(target(pages, VICTIM), 30)
    assert 94 == by_gpu(page, "DCGM_FI_DEV_XID_ERRORS")[2]
    assert 1 == by_gpu(page, "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL")[2] - gpus(pages, "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", 10)[2]
    assert 1 == by_gpu(page, "DCGM_FI_DEV_ROW_REMAP_PENDING")[2]
    counted = {labels["xid"] for name, labels, _ in samples(page) if name == "DCGM_EXP_XID_ERRORS_COUNT"}
    assert {"48", "63", "94"} == counted
    assert 4 == gpus(pages, "DCGM_FI_DEV_FB_USED", 30, "gpu-01")[0]


def walk_row_remap_pending(pages: Renderer) -> None:
    """The flag is up and the job goes on."""
    assert 0 == gpus(pages, "DCGM_FI_DEV_ROW_REMAP_PENDING", 10)[2]
    assert 1 == gpus(pages, "DCGM_FI_DEV_ROW_REMAP_PENDING", 30)[2]
    assert 63 == gpus(pages, "DCGM_FI_DEV_XID_ERRORS", 30)[2]
    assert CLEAN.gpus_at(VICTIM, 30)[2].utilization == gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 30)[2]


def walk_row_remap_failure(pages: Renderer) -> None:
    """The failure flag is up on one GPU only."""
    assert {2: 1.0} == {gpu: up for gpu, up in gpus(pages, "DCGM_FI_DEV_ROW_REMAP_FAILURE", 30).items() if up}
    assert 64 == gpus(pages, "DCGM_FI_DEV_XID_ERRORS", 30)[2]


def walk_thermal(pages: Renderer) -> None:
    """One GPU reaches 92 °C with thermal bits and a low clock; its violation counter runs; its job slows down."""
    page = pages.page(target(pages, VICTIM), 400)
    assert 91 <= by_gpu(page, "DCGM_FI_DEV_GPU_TEMP")[3] <= 92
    assert 0x68 == int(by_gpu(page, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS")[3]) & 0x68
    assert by_gpu(page, "DCGM_FI_DEV_SM_CLOCK")[3] < 1300
    assert by_gpu(page, "DCGM_FI_DEV_GPU_TEMP_LIMIT")[3] < 0
    grown = by_gpu(page, "DCGM_FI_DEV_THERMAL_VIOLATION")[3] - gpus(pages, "DCGM_FI_DEV_THERMAL_VIOLATION", 390)[3]
    assert grown == pytest.approx(10e9)
    assert by_gpu(page, "DCGM_FI_DEV_POWER_USAGE")[0] < 0.9 * calm_power(400, 0)
    assert max(temp for gpu, temp in by_gpu(page, "DCGM_FI_DEV_GPU_TEMP").items() if gpu != 3) < 70


def walk_power_brake(pages: Renderer) -> None:
    """Two GPUs show the brake and half the clock."""
    page = pages.page(target(pages, VICTIM), 30)
    bits = by_gpu(page, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS")
    assert {2, 3} == {gpu for gpu, mask in bits.items() if int(mask) & 0x80}
    assert max(by_gpu(page, "DCGM_FI_DEV_SM_CLOCK")[gpu] for gpu in (2, 3)) < 1000


def walk_pcie_downtrain(pages: Renderer) -> None:
    """Four lanes under load, of sixteen."""
    assert 4 == gpus(pages, "DCGM_FI_DEV_PCIE_LINK_WIDTH", 30)[1]
    assert 16 == gpus(pages, "DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", 30)[1]
    assert gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 30)[1] > 0


def walk_pcie_replay(pages: Renderer) -> None:
    """The counter climbs by seven a second."""
    first, then = (gpus(pages, "DCGM_FI_DEV_PCIE_REPLAY_COUNTER", t)[1] for t in (30, 40))
    assert 70 == then - first


def walk_nvlink_errors(pages: Renderer) -> None:
    """CRC errors above a hundred a second, replays and recoveries, Xid 74."""
    crc = "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"
    assert 1800 == gpus(pages, crc, 40)[1] - gpus(pages, crc, 30)[1]
    assert gpus(pages, "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", 30)[1] > 0
    assert 74 == gpus(pages, "DCGM_FI_DEV_XID_ERRORS", 30)[1]


def walk_straggler(pages: Renderer) -> None:
    """One clock is a third below the others with no reason given; every rank draws less than it should."""
    clocks = gpus(pages, "DCGM_FI_DEV_SM_CLOCK", 30)
    assert clocks[3] < 0.75 * clocks[0]
    assert 0 == gpus(pages, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", 30)[3]
    assert gpus(pages, "DCGM_FI_DEV_POWER_USAGE", 30, "gpu-01")[0] < 0.9 * calm_power(30, 0, "gpu-01")


def walk_idle_hold(pages: Renderer) -> None:
    """Every GPU of the job has its memory full, does nothing, and has for half an hour."""
    for t in (-1700.0, 60.0):
        assert {0.0} == set(gpus(pages, "DCGM_FI_DEV_GPU_UTIL", t, "gpu-01").values())
        assert min(gpus(pages, "DCGM_FI_DEV_FB_USED", t, "gpu-01").values()) > 50_000
        assert all(65 < power < 120 for power in gpus(pages, "DCGM_FI_DEV_POWER_USAGE", t, "gpu-01").values())


def walk_memory_leak(pages: Renderer) -> None:
    """Memory grows by 90 MiB a second, reaches the top, and the job is gone on both nodes."""
    used = [gpus(pages, "DCGM_FI_DEV_FB_USED", t)[1] for t in (0, 50, 100)]
    assert [4500, 4500] == [used[1] - used[0], used[2] - used[1]]
    full = gpus(pages, "DCGM_FI_DEV_FB_FREE", 0)[1] / 90
    assert gpus(pages, "DCGM_FI_DEV_FB_FREE", full - 1)[1] < 200
    assert 4 == gpus(pages, "DCGM_FI_DEV_FB_USED", full + 2)[1]
    assert 0 == gpus(pages, "DCGM_FI_DEV_GPU_UTIL", full + 2, "gpu-01")[0]
    assert [1, 0] == [sum("gpu-01" in job.nodes for job in pages.cluster.jobs_at(t)) for t in (full - 1, full + 1)]


def walk_vllm_overload(pages: Renderer) -> None:
    """Waiting grows, the cache is full, the GPUs are at their top."""
    page = pages.page(target(pages, "vllm-llama-70b", "vllm"), 120)
    assert one(page, "vllm:num_requests_waiting") > 50
    assert 1.0 == one(page, "vllm:kv_cache_usage_perc")
    assert one(page, "vllm:num_preemptions_total") > 0
    assert 100 == gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 120, "gpu-04")[0]


def walk_vllm_down(pages: Renderer) -> None:
    """The server's page is down and its GPUs are empty; the other server is up."""
    assert "down" == page_fault(pages, "vllm-llama-70b", "vllm")
    assert page_fault(pages, "vllm-nemotron-30b", "vllm") is None
    assert {4.0} == {gpus(pages, "DCGM_FI_DEV_FB_USED", 30, "gpu-04")[gpu] for gpu in range(4)}


def page_fault(pages: Renderer, name: str, kind: str, t: float = 30.0) -> str | None:
    """What is wrong with a page itself."""
    found = pages.cluster.page_fault(target(pages, name, kind), t)
    return None if found is None else found[0]


def of_page(expected: str) -> Walk:
    """A walk for a fault of one page: it acts from its start on, and the node's other page is well."""

    def walk(pages: Renderer) -> None:
        assert page_fault(pages, VICTIM, "dcgm", 14.0) is None
        assert expected == page_fault(pages, VICTIM, "dcgm")
        assert page_fault(pages, VICTIM, "node") is None

    return walk


def walk_node_down(pages: Renderer) -> None:
    """Both pages of the node are down, and no other's."""
    assert ["down", "down"] == [page_fault(pages, VICTIM, kind) for kind in ("dcgm", "node")]
    assert page_fault(pages, "gpu-01", "dcgm") is None
    told = [slurm_node(Desk(pages.cluster, ORIGIN), VICTIM, t).text for t in (14.0, 30.0, 46.0)]
    assert [
        "ALLOCATED+DYNAMIC_NORM",
        "ALLOCATED+DYNAMIC_NORM+NOT_RESPONDING",
        "DOWN+DYNAMIC_NORM+NOT_RESPONDING",
    ] == told
    assert not any(VICTIM in job.nodes for job in pages.cluster.jobs_at(46.0))


def walk_drained(pages: Renderer) -> None:
    """Slurm takes the node out with a reason; its job goes on, and once that has ended nothing new starts there."""
    slurm = Desk(pages.cluster, ORIGIN)
    node = slurm_node(slurm, "gpu-03", 30.0)
    assert node.is_draining
    assert "RMA" in (node.reason or "")
    busy = [job for job in pages.cluster.jobs_at(30.0) if "gpu-03" in job.nodes]
    ends = max((job.end for job in busy), default=30.0)
    assert not any("gpu-03" in job.nodes for t in (ends + 60, ends + 7200) for job in pages.cluster.jobs_at(t))


def walk_slurm_down(pages: Renderer) -> None:
    """Commands fail from then on after some seconds, and the pages go on."""
    slurm = Desk(pages.cluster, ORIGIN)
    assert 0 == slurm.run(Call("squeue", (), "mira"), 14.0).code
    answer = slurm.run(Call("squeue", (), "mira"), 30.0)
    assert b"Unable to contact slurm controller" in answer.err
    assert answer.delay_s > 1
    assert gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 30)


def walk_slurm_slow(pages: Renderer) -> None:
    """The right answer, late."""
    slurm = Desk(pages.cluster, ORIGIN)
    before, answer = (slurm.run(Call("squeue", ("-h",), "mira"), t) for t in (14.0, 30.0))
    assert (0, 0.0) == (before.code, before.delay_s)
    assert 0 == answer.code
    assert answer.delay_s > 1


def walk_unaware(pages: Renderer) -> None:
    """A GPU is busy and its memory full, and no job of Slurm's has it."""
    slurm = Desk(pages.cluster, ORIGIN)
    assert 6 not in (slurm_node(slurm, "gpu-04", 30.0).indices_used or ())
    assert gpus(pages, "DCGM_FI_DEV_FB_USED", 30, "gpu-04")[6] > 1000
    assert gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 30, "gpu-04")[6] > 50


def walk_fragmented(pages: Renderer) -> None:
    """At least a node's worth of GPUs is free, and no node has them all."""
    slurm = Desk(pages.cluster, ORIGIN)
    free = {name: 8 - len(slurm_node(slurm, name, 30.0).indices_used or ()) for name in ("gpu-01", VICTIM, "gpu-03")}
    assert sum(free.values()) >= 8
    assert max(free.values()) < 8


def slurm_node(slurm: Desk, name: str, t: float) -> SlurmNode:
    """A node as Slurm tells it."""
    text = slurm.run(Call("scontrol", ("-o", "-d", "show", "node", name), "mira", time_form="%s"), t).out
    return parse_nodes(text).items[0]


def walk_healthy(pages: Renderer) -> None:
    """No flag, no Xid, no page fault, nobody hot."""
    for node in pages.cluster.layout.nodes:
        assert all(is_well(state) for state in pages.cluster.gpus_at(node.name, 100.0))
    assert all(pages.cluster.page_fault(page, 100.0) is None for page in pages.cluster.targets)


def is_well(state: GpuState) -> bool:
    """Nothing about the GPU would worry anybody."""
    flags = (state.xid, state.remap_pending, state.remap_failure, state.dbe_volatile, state.is_lost)
    return not any(flags) and state.temperature < 75 and not state.clock_events & 0xE8 and state.pcie_width == 16


def walk_showcase(pages: Renderer) -> None:
    """A hot GPU at once, a held one, and a GPU lost after a minute; most of the cluster is well."""
    assert gpus(pages, "DCGM_FI_DEV_GPU_TEMP", 0)[3] > 89
    assert 0 == gpus(pages, "DCGM_FI_DEV_GPU_UTIL", 0, "gpu-04")[6]
    assert gpus(pages, "DCGM_FI_DEV_FB_USED", 0, "gpu-04")[6] > 40_000
    assert 7 == len(gpus(pages, "DCGM_FI_DEV_GPU_TEMP", 61, "gpu-03"))
    well = [is_well(state) for node in pages.cluster.layout.nodes for state in pages.cluster.gpus_at(node.name, 61)]
    assert 30 == sum(well)


WALKS: dict[str, Walk] = {
    **{name.removeprefix("walk_").replace("_", "-"): walk for name, walk in globals().items() if name[:5] == "walk_"},
    "exporter-hang": of_page("hang"),
    "exporter-slow": of_page("slow"),
    "exporter-500": of_page("500"),
    "exporter-garbage": of_page("garbage"),
    "exporter-down": of_page("down"),
    "stale": of_page("stale"),
}


@pytest.mark.parametrize("name", [one.name for one in SCENARIOS])
def test_scenario_shows_on_the_pages(name: str) -> None:
    """What a scenario promises can be read from the pages; a scenario without a walk fails here."""
    WALKS[name](Renderer(Cluster(SimSpec(scenario=name)), ORIGIN))


def test_every_kind_of_fault_has_a_scenario_and_every_name_is_used_once() -> None:
    """The registries leave nothing untold and hold no name twice."""
    assert () == untold()
    assert len(SCENARIOS) == len({one.name for one in SCENARIOS})
    assert len(KINDS) == len({kind.name for kind in KINDS})
    assert SHOWCASE == SimSpec().scenario
    assert all(text.endswith(".") for text in (*(one.help for one in SCENARIOS), *(kind.help for kind in KINDS)))


@pytest.mark.parametrize(("nodes", "gpus_each"), [(1, 1), (1, 8), (2, 8), (16, 8), (200, 8)])
def test_the_showcase_plays_on_clusters_of_every_size(nodes: int, gpus_each: int) -> None:
    """Roles are found, or played by others, wherever the default scenario is started."""
    cluster = Cluster(SimSpec(nodes=nodes, gpus=gpus_each, history_s=10800.0))

    assert {"thermal", "idle-hold", "gpu-lost"} == {placed.kind.name for placed in cluster.faults}


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    """A misspelt scenario, fault or node says what there is."""
    with pytest.raises(ValueError, match="showcase"):
        scenario("showcsae")
    with pytest.raises(ValueError, match="thermal"):
        CLEAN.inject(Fault("hot"))
    with pytest.raises(ValueError, match="no node is called 'gpu-99'"):
        CLEAN.inject(Fault("thermal", "gpu-99"))
    with pytest.raises(ValueError, match="GPUs 0 … 7"):
        CLEAN.inject(Fault("thermal", "gpu-01", 8))
    with pytest.raises(ValueError, match="needs a model server"):
        CLEAN.inject(Fault("vllm-down", "gpu-01"))


def test_a_fault_that_ends_leaves_its_counters_and_takes_its_states_away() -> None:
    """After an hour without brake and replays the clock is back and the counter stands still."""
    cluster = Cluster(SimSpec(scenario="healthy"))
    cluster.inject(Fault("pcie-replay", "gpu-01", 1, at_s=0.0, for_s=10.0))
    cluster.inject(Fault("power-brake", "gpu-01", 1, at_s=0.0, for_s=10.0))
    cluster.inject(Fault("gpu-lost", "gpu-01", 2, at_s=0.0, for_s=60.0))
    during, after = cluster.gpus_at("gpu-01", 30.0), cluster.gpus_at("gpu-01", 3600.0)

    assert 70 == after[1].pcie_replays - CLEAN.gpus_at("gpu-01", 3600.0)[1].pcie_replays
    assert CLEAN.gpus_at("gpu-01", 3600.0)[1].sm_clock == after[1].sm_clock
    assert [True, False] == [during[2].is_lost, after[2].is_lost]
    assert 79 == after[2].xid
