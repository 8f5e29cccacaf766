"""A page as a whole: whose it is, what is counted, what is refused, and what stays from page to page."""

from __future__ import annotations

import pytest

from app.domain.reading import PageHealth
from app.sources.page import Page, PageError
from tests.sources.page_files import NAMES, gpus, page_bytes, read, read_text


@pytest.mark.parametrize(
    ("name", "flavour"),
    [
        ("all-smi", "all-smi"),
        ("amd", "amd-device-metrics-exporter"),
        ("dcgm", "dcgm-exporter"),
        ("dcgm-46", "dcgm-exporter"),
        ("gpu-watchdog", "gpu-watchdog"),
        ("node", "node_exporter"),
        ("nvidia-gpu-exporter", "nvidia_gpu_exporter"),
        ("nvitop-exporter", "nvitop-exporter"),
        ("triton", "triton"),
        ("vllm", "vllm"),
        ("vllm-v0", "vllm"),
    ],
)
def test_kind_of_exporter_is_seen_from_the_page(name: str, flavour: str) -> None:
    """No configuration says what a page is."""
    assert flavour == read(name).health.flavour


@pytest.mark.parametrize("name", NAMES)
def test_page_says_the_same_the_second_time(name: str) -> None:
    """The shortcut for a page that repeats gives exactly what the first look gave."""
    page = Page(None, "10.0.0.7")

    assert page.read(page_bytes(name), at=1000.0) == page.read(page_bytes(name), at=1000.0)


@pytest.mark.parametrize("name", NAMES)
def test_target_may_become_another_exporter(name: str) -> None:
    """A page after another kind of page is read like a first one."""
    page = Page(None, "10.0.0.7")
    page.read(page_bytes("dcgm"), at=990.0)
    page.read(page_bytes("vllm"), at=995.0)

    assert read(name) == page.read(page_bytes(name), at=1000.0)


def test_health_counts_known_and_names_unknown() -> None:
    """Every sample is used, left aside on purpose, or counted under its name."""
    health = read("node").health

    assert (
        PageHealth(
            flavour="node_exporter",
            samples=23,
            known=16,
            unknown=(("node_scrape_collector_success", 2),),
            size_bytes=len(page_bytes("node")),
        )
        == health
    )


def test_sample_of_a_known_name_without_a_gpu_is_named() -> None:
    """A switch's link is nobody's: neither a GPU's value nor silently dropped."""
    unknown = dict(read("dcgm").health.unknown)

    assert {
        "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL": 1,
        "DCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT": 1,
        "DCGM_FI_DEV_CPU_UTIL_TOTAL": 1,
    } == unknown


def test_list_of_unknown_names_is_bounded() -> None:
    """A page of a thousand strange names lists the commonest and counts the rest."""
    text = "node_load1 1\n" + "".join(f"strange_{number} 1\n" for number in range(1000)) + 'strange_7{x="1"} 1\n'
    unknown = read_text(text).health.unknown

    assert (501, ("strange_7", 2), ("…", 500)) == (len(unknown), unknown[0], unknown[-1])


def test_bad_lines_do_not_cost_the_good_ones() -> None:
    """Values around a bad line are kept, and the line is told."""
    contents = read_text("node_load1 0.5\nnode_load5 x\nnode_load15 0.25\n")

    assert {"node.load_1m": 0.5, "node.load_15m": 0.25} == contents.nodes[0].values
    assert (1, ((2, "not a number: x"),)) == (contents.health.bad_lines, contents.health.bad_examples)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the page is empty"),
        (b"  \n\n", "the page is empty"),
        (
            b"# TYPE a gauge\n",
            "the page has only comments, no sample; expected the page of a GPU, node or vLLM exporter",
        ),
        (b"<!doctype html><html>\n<body>nginx 1</body>", "this is HTML, not Prometheus text: wrong port or path?"),
        (b'{"status": "ok", "gpus": [1, 2]}', "this is JSON, not Prometheus text: wrong port or path?"),
        (b"[1, 2, 3]", "this is JSON, not Prometheus text: wrong port or path?"),
        (b"\x1f\x8b\x08\0\0\0", "this is binary data, not Prometheus text: wrong port?"),
        (b"404 page not found\n", "no line of this page is a sample (line 1: no metric name: 404 page not found)"),
        (
            b'jvm_threads 7\njvm_memory{area="heap"} 1\njvm_memory{area="nonheap"} 1\n',
            "nothing here I know: 3 samples, e.g. jvm_memory, jvm_threads; expected the page of a GPU, node or vLLM",
        ),
        (b"process_resident_memory_bytes 1e9\n", "nothing here I know: 1 sample, e.g. process_resident_memory_bytes"),
    ],
)
def test_page_that_brings_nothing_says_what_it_is(body: bytes, sentence: str) -> None:
    """An empty page, HTML, JSON, bytes and another program's page are told apart."""
    with pytest.raises(PageError) as caught:
        Page(None, None).read(body, at=0.0)

    assert str(caught.value).startswith(sentence)


def test_exporter_that_failed_to_read_is_no_machine_without_gpus() -> None:
    """Its own failure must not make every GPU look lost."""
    failed = "nvidia_smi_last_collect_success 0\nnvidia_smi_command_exit_code 255\n"
    broken = (
        'gpu_watchdog_exporter_info{Hostname="a"} 1\ngpu_watchdog_nvml_error{code="9",error="driver not loaded"} 1\n'
    )

    with pytest.raises(PageError, match="nvidia_gpu_exporter answers, but its own last reading failed"):
        read_text(failed)
    with pytest.raises(PageError, match="cannot read the GPUs: driver not loaded"):
        read_text(broken)


def test_known_exporter_without_a_gpu_is_a_machine_with_none() -> None:
    """all-smi in a container without GPUs lists no GPU, which is an answer; node_exporter gives none."""
    assert () == read_text('all_smi_cpu_utilization{hostname="c"} 3\n').nodes[0].gpus
    assert None is read("node").nodes[0].gpus
    assert None is read_text("nv_cpu_utilization 0.5\n").nodes[0].gpus


def test_simulated_page_says_so() -> None:
    """The mark alone makes no machine and no flavour."""
    assert read_text("node_load1 1\ngpu_watchdog_simulated 1\n").simulated
    assert not read("node").simulated
    assert "node_exporter" == read_text("gpu_watchdog_simulated 1\nnode_load1 1\n").health.flavour


def test_machine_is_named_by_configuration_then_page_then_host() -> None:
    """The target's host is passed on as an alias, unless it is loopback."""
    assert ("login", "10.0.0.7") == _name_and_host("dcgm", node="login")
    assert ("gpu-1", "10.0.0.7") == _name_and_host("dcgm")
    assert ("gpu-1", None) == _name_and_host("dcgm", host="127.0.0.1")
    assert ("10.0.0.7", "10.0.0.7") == _name_and_host("nvidia-gpu-exporter")
    assert ("gpu-1", "10.0.0.7") == _name_and_host("node")


def _name_and_host(name: str, node: str | None = None, host: str | None = "10.0.0.7") -> tuple[str, str | None]:
    (machine,) = read(name, node, host).nodes
    return machine.name, machine.host


def test_federated_page_gives_every_machine() -> None:
    """Machines are told apart by label, a port is dropped, and uname's name joins exporters of one machine."""
    contents = read("federation", node="ignored")

    assert ["gpu-1", "gpu-2", "gpu-3"] == [node.name for node in contents.nodes]
    assert [None, None, None] == [node.host for node in contents.nodes]
    assert {"node.load_1m": 3.5} == contents.nodes[0].values
    assert [("GPU-f1", 0, 10.0), ("GPU-f2", 0, 20.0)] == [
        (gpu.uuid, gpu.index, gpu.values["gpu.utilization"]) for gpu in gpus(contents)[:2]
    ]


def test_sample_without_a_machine_goes_by_its_uuid() -> None:
    """Where a page names several machines, a UUID seen on one of them says which."""
    labels = 'gpu="0",UUID="GPU-{}"'
    text = (
        f'DCGM_FI_DEV_GPU_UTIL{{{labels.format("a")},Hostname="one"}} 1\n'
        f'DCGM_FI_DEV_GPU_UTIL{{{labels.format("b")},Hostname="two"}} 2\n'
        f"DCGM_FI_DEV_GPU_TEMP{{{labels.format('b')}}} 60\n"
    )

    assert [{"gpu.utilization": 1.0}, {"gpu.utilization": 2.0, "gpu.temperature": 60.0}] == [
        gpu.values for gpu in gpus(read_text(text))
    ]


def test_two_boards_that_claim_one_index_are_both_kept() -> None:
    """Two pages glued together must not hide a board: the second has no index."""
    text = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a"} 1\nDCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-b"} 2\n'

    assert [("GPU-a", 0), ("GPU-b", None)] == [(gpu.uuid, gpu.index) for gpu in gpus(read_text(text))]


def test_scale_of_a_ratio_is_judged_from_its_values_and_kept() -> None:
    """0.97 is 97 %, 97 is 97 %; a lone 1 is ambiguous and so unknown, until something tells, and from then on."""
    line = 'DCGM_FI_DEV_GPU_UTIL_RATIO{{gpu="0",UUID="GPU-a"}} {}\n'
    share, percent = Page(None, None), Page(None, None)

    def read_value(page: Page, value: str) -> float | None:
        (gpu,) = gpus(page.read(line.format(value).encode(), at=0.0))
        return gpu.values.get("gpu.utilization")

    assert [None, 0.0, 97.0, 100.0] == [read_value(share, value) for value in ("1", "0", "0.97", "1")]
    assert [97.0, 1.0, 0.0] == [read_value(percent, value) for value in ("97", "1", "0")]


def test_gpu_that_answers_late_has_the_time_of_its_values() -> None:
    """The exporter says how old each GPU's numbers are."""
    by_index = {gpu.index: gpu for gpu in gpus(read("gpu-watchdog", at=1000.0))}

    assert (999.6, 992.5) == (by_index[0].at, by_index[2].at)
    assert "it has not answered the newest round" == by_index[2].note


def test_time_stamp_that_stands_still_is_an_old_value() -> None:
    """An exporter's clock is not believed, but that it does not move is: the values are as old as its first sight."""
    page = Page(None, None)
    line = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a"} 5 '

    times = [
        gpus(page.read(f"{line}{stamp}\n".encode(), at))[0].at
        for stamp, at in ((500, 1000.0), (500, 1005.0), (500, 1010.0), (900, 1015.0))
    ]

    assert [None, 1000.0, 1000.0, None] == times


def test_collection_time_that_stands_still_ages_all_gpus() -> None:
    """nvidia_gpu_exporter in the background: a page may repeat what was collected long ago."""
    page = Page(None, None)
    text = 'nvidia_smi_temperature_gpu{{uuid="a"}} 50\nnvidia_smi_last_collect_success_timestamp_seconds {}\n'

    times = [
        gpus(page.read(text.format(stamp).encode(), at))[0].at for stamp, at in ((7, 1000.0), (7, 1005.0), (8, 1010.0))
    ]

    assert [None, 1000.0, None] == times
