"""Pages: valid exposition in the shape of the real exporters, and always marked as simulated."""

from __future__ import annotations

import re
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain.metrics import by_wire
from app.sim.gpu import GpuState
from app.sim.pages import dcgm
from app.sim.render import Renderer
from tests.sim.readings import ORIGIN, by_gpu, one, renderer, samples, target
from tests.tools.parts import find

KINDS = [("dcgm", "gpu-01"), ("node", "gpu-01"), ("vllm", "vllm-llama-70b"), ("dcgm", "gpu-04")]


@pytest.fixture(scope="module")
def pages() -> Renderer:
    """Pages of the showcase, with a lost and a hot GPU."""
    return renderer("showcase")


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_the_official_parser_reads_every_sample(pages: Renderer, kind: str, name: str) -> None:
    """prometheus_client reads the page without complaint and finds each line that stands on it."""
    page = pages.page(target(pages, name, kind), 100.0)
    families = list(text_string_to_metric_families(page.decode()))

    assert len(samples(page)) == sum(len(family.samples) for family in families)
    assert all(family.type != "unknown" and family.documentation for family in families)


@pytest.mark.real("prometheus")
@pytest.mark.parametrize(("kind", "name"), [*KINDS, ("dcgm", "gpu-03")])
def test_promtool_parses_the_page(pages: Renderer, kind: str, name: str) -> None:
    """Promtool finds matters of style only (exit 3), which the real exporters' names have too."""
    promtool = find("promtool")
    assert promtool is not None
    page = pages.page(target(pages, name, kind), 100.0)

    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, timeout=20, check=False)

    assert done.returncode in {0, 3}, done.stderr.decode()[:500]


def test_every_page_says_that_it_is_simulated(pages: Renderer) -> None:
    """Each page of the cluster carries the family that turns the badge to SIMULATED."""
    for page in pages.cluster.targets:
        assert 1.0 == one(pages.page(page, 5.0), "gpu_watchdog_simulated")


def test_families_stand_together_under_one_head(pages: Renderer) -> None:
    """Every family has one HELP and one TYPE line, right above its samples, and no series comes twice."""
    for kind, name in KINDS:
        lines = pages.page(target(pages, name, kind), 100.0).decode().splitlines()
        heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]
        assert len(heads) == len(set(heads))
        series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
        assert len(series) == len(set(series))
        assert "" not in lines


def test_gpu_page_has_the_labels_of_dcgm_exporter(pages: Renderer) -> None:
    """Label names and their order are those of dcgm-exporter 3.5 to 4.8."""
    line = pages.page(target(pages, "gpu-01"), 0.0).decode().splitlines()[2]

    assert re.fullmatch(
        r'DCGM_FI_DEV_SM_CLOCK\{gpu="0",UUID="GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",'
        r'pci_bus_id="00000000:1B:00\.0",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",'
        r'Hostname="gpu-01",DCGM_FI_DRIVER_VERSION="[\d.]+"\} \d+',
        line,
    )


def test_every_field_of_the_state_is_on_the_page() -> None:
    """No value is made for nothing; only NVLink traffic stands there twice, once for each way."""
    sources = [family.source for family in (*dcgm.FAMILIES, *dcgm.LINK_FAMILIES) if family.source]

    assert set(GpuState._fields) - {"xids", "is_lost"} == set(sources)
    assert {"nvlink"} == {source for source in sources if sources.count(source) > 1}


def test_the_catalogue_knows_nearly_everything_on_the_pages(pages: Renderer) -> None:
    """A page that our own readers would not understand is no demonstration."""
    known = by_wire()
    for kind, name in KINDS:
        names = {found for found, _, _ in samples(pages.page(target(pages, name, kind), 100.0))}
        names = {found for found in names if not found.endswith("_bucket")}
        strange = sorted(names - set(known))
        assert len(strange) <= {"dcgm": 1, "node": 8, "vllm": 10}[kind], strange


def test_a_lost_gpu_leaves_its_neighbours_indexes_alone(pages: Renderer) -> None:
    """With GPU 5 gone the page lists 0-4, 6 and 7, each with its own values."""
    before = by_gpu(pages.page(target(pages, "gpu-03"), 50.0), "DCGM_FI_DEV_FB_USED")
    after = by_gpu(pages.page(target(pages, "gpu-03"), 61.0), "DCGM_FI_DEV_FB_USED")

    assert {**after, 5: before[5]} == before
    assert 5 not in after


def test_boards_without_nvlink_or_memory_sensor_say_what_real_ones_say() -> None:
    """An L40S has no NVLink families and a memory temperature of 0."""
    pages = renderer(nodes=16)
    page = pages.page(target(pages, "gpu-16"), 0.0)

    assert not any("NVLINK" in name for name, _, _ in samples(page))
    assert {0.0} == set(by_gpu(page, "DCGM_FI_DEV_MEMORY_TEMP").values())


def test_processor_seconds_add_up_to_the_time_since_boot(pages: Renderer) -> None:
    """All modes of a CPU together are uptime, at every moment."""
    for t in (-5000.0, 0.0, 500.0):
        page = pages.page(target(pages, "gpu-01", "node"), t)
        up = one(page, "node_time_seconds") - one(page, "node_boot_time_seconds")
        spent = sum(
            value for name, labels, value in samples(page) if name == "node_cpu_seconds_total" and labels["cpu"] == "3"
        )
        assert spent == pytest.approx(up, abs=1.0)
        assert ORIGIN + t == one(page, "node_time_seconds")


def test_boot_time_does_not_move(pages: Renderer) -> None:
    """A node's boot time is the same on every page."""
    boots = {one(pages.page(target(pages, "gpu-01", "node"), t), "node_boot_time_seconds") for t in (-9e3, 0.3, 777.7)}

    assert 1 == len(boots)


def test_histograms_are_cumulative_and_end_in_their_count(pages: Renderer) -> None:
    """Buckets never fall, and the last is the count."""
    page = pages.page(target(pages, "vllm-llama-70b", "vllm"), 100.0)
    buckets = [value for name, _, value in samples(page) if name == "vllm:time_to_first_token_seconds_bucket"]

    assert sorted(buckets) == buckets
    assert buckets[-1] == one(page, "vllm:time_to_first_token_seconds_count")
