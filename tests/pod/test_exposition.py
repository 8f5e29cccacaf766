"""The page: DCGM's names and labels, nothing that is not known, nothing old as new."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from pod.exposition import Page, label_text, number, render
from pod.gpu import GpuProcess, GpuReading, Identity, MachineReading, MigInstance, NvLink, XidCount

NOW = 1_764_000_000.0
H100 = Identity(0, 0, "GPU-1", "NVIDIA H100 80GB HBM3", "00000000:18:00.0", "1650922000000", "96.00")
HEALTHY = GpuReading(H100, NOW - 0.25, {"DCGM_FI_DEV_GPU_UTIL": 97.0, "DCGM_FI_DEV_POWER_USAGE": 631.95})


def page_of(*gpus: GpuReading, xids: tuple[XidCount, ...] = ()) -> str:
    """The page of a machine with these GPUs."""
    reading = MachineReading(1, NOW, "580.95.05", "13.0", gpus, len(gpus), xids)
    return render(Page(reading, len(gpus), "0.1.0", "node-1", max_age_s=10.0), NOW)


def lines(page: str, start: str) -> list[str]:
    """Sample lines of families that begin so."""
    return [line for line in page.splitlines() if line.startswith(start)]


def test_gpu_is_printed_in_dcgms_shape() -> None:
    """One GPU with two values is this page, letter by letter."""
    dcgm = (
        '{gpu="0",UUID="GPU-1",pci_bus_id="00000000:18:00.0",device="nvidia0",'
        'modelName="NVIDIA H100 80GB HBM3",Hostname="node-1",DCGM_FI_DRIVER_VERSION="580.95.05"}'
    )
    expected = f"""\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{dcgm} 97
# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{dcgm} 631.95
# HELP gpu_watchdog_gpu_lost Whether the driver has lost this GPU (0 or 1).
# TYPE gpu_watchdog_gpu_lost gauge
gpu_watchdog_gpu_lost{dcgm} 0
# HELP gpu_watchdog_gpu_late Whether this GPU has not answered the newest round (0 or 1).
# TYPE gpu_watchdog_gpu_late gauge
gpu_watchdog_gpu_late{{gpu="0",UUID="GPU-1"}} 0
# HELP gpu_watchdog_gpu_info Serial number, VBIOS and last error of a GPU, always 1.
# TYPE gpu_watchdog_gpu_info gauge
gpu_watchdog_gpu_info{{gpu="0",UUID="GPU-1",serial="1650922000000",vbios="96.00"}} 1
# HELP gpu_watchdog_gpu_sample_age_seconds Age of this GPU's values on this page.
# TYPE gpu_watchdog_gpu_sample_age_seconds gauge
gpu_watchdog_gpu_sample_age_seconds{{gpu="0",UUID="GPU-1"}} 0.25
# HELP gpu_watchdog_gpus_expected How many GPUs this machine ought to have.
# TYPE gpu_watchdog_gpus_expected gauge
gpu_watchdog_gpus_expected{{Hostname="node-1"}} 1
# HELP gpu_watchdog_exporter_info Version of the exporter, always 1.
# TYPE gpu_watchdog_exporter_info gauge
gpu_watchdog_exporter_info{{version="0.1.0",driver="580.95.05",cuda="13.0",Hostname="node-1"}} 1
"""
    assert expected == page_of(HEALTHY)


def test_unknown_is_left_out() -> None:
    """A GPU without values has no sample of any DCGM family, and no 0 in place of one."""
    assert [] == lines(page_of(replace(HEALTHY, values={})), "DCGM_FI")


def test_lost_gpu_is_named_without_numbers() -> None:
    """A lost GPU keeps its line with its identity, and its neighbour's index stays."""
    lost = GpuReading(Identity(4), NOW, is_lost=True, error="GPU is lost")
    after = replace(HEALTHY, identity=replace(H100, index=5, uuid="GPU-6"))
    page = page_of(lost, after)

    labels = '{gpu="4",Hostname="node-1",DCGM_FI_DRIVER_VERSION="580.95.05"}'
    assert f"gpu_watchdog_gpu_lost{labels} 1" == lines(page, "gpu_watchdog_gpu_lost")[0]
    assert ['gpu="5"'] == [line.split(",")[0].partition("{")[2] for line in lines(page, "DCGM_FI_DEV_GPU_UTIL")]


def test_numbers_of_a_late_gpu_go_when_they_are_old() -> None:
    """Numbers 9 s old are shown with their age; at 11 s only the age is left."""
    late = replace(HEALTHY, is_late=True)

    assert lines(page_of(replace(late, at=NOW - 9)), "DCGM_FI_DEV_GPU_UTIL")
    old = page_of(replace(late, at=NOW - 11))
    assert not lines(old, "DCGM_FI_DEV_GPU_UTIL")
    assert ['gpu_watchdog_gpu_sample_age_seconds{gpu="0",UUID="GPU-1"} 11'] == lines(
        old, "gpu_watchdog_gpu_sample_age_seconds"
    )


def test_xids_count_by_code_and_the_newest_is_dcgms() -> None:
    """DCGM's gauge holds the last code, ours count each; without an event source there is no 0."""
    xids = (XidCount(0, 31, 4, NOW - 90, NOW - 80), XidCount(0, 79, 1, NOW - 5, NOW - 5))
    page = page_of(replace(HEALTHY, counts_xids=True), xids=xids)

    assert lines(page, "DCGM_FI_DEV_XID_ERRORS")[0].endswith(" 79")
    assert 'gpu_watchdog_xid_errors_total{gpu="0",UUID="GPU-1",xid="31"} 4' in page
    assert 'gpu_watchdog_xid_last_timestamp_seconds{gpu="0",UUID="GPU-1",xid="79"} 1763999995' in page
    assert lines(page_of(replace(HEALTHY, counts_xids=True)), "DCGM_FI_DEV_XID_ERRORS")[0].endswith(" 0")
    assert not lines(page_of(HEALTHY), "DCGM_FI_DEV_XID_ERRORS")


def test_slices_that_share_memory_are_printed_once() -> None:
    """Two compute instances in one GPU instance give its memory once, and an info line each."""
    values = {"DCGM_FI_DEV_FB_USED": 5120.0}
    mig = (MigInstance(0, 2, 0, "3g.40gb", "MIG-a", values), MigInstance(1, 2, 1, "3g.40gb", "MIG-b", values))
    page = page_of(replace(HEALTHY, mig=mig))

    memory = lines(page, "DCGM_FI_DEV_FB_USED")
    assert 1 == len(memory)
    assert 'modelName="NVIDIA H100 80GB HBM3",GPU_I_PROFILE="3g.40gb",GPU_I_ID="2",Hostname="node-1"' in memory[0]
    assert 2 == len(lines(page, "gpu_watchdog_mig_info"))


def test_processes_say_who_and_how_much() -> None:
    """A process is its memory with user and command; what /proc did not give is no label."""
    known = GpuProcess(41, "C", 2048.0, 93.0, None, "ana", "python", "python train.py", 1 << 30, NOW - 60)
    bare = GpuProcess(42, "G", None, None)
    page = page_of(replace(HEALTHY, processes=(known, bare)))

    who = 'user="ana",name="python",command="python train.py",type="C"'
    assert f'gpu_watchdog_process_memory_used_bytes{{gpu="0",UUID="GPU-1",pid="41",{who}}} 2147483648' in page
    assert 'gpu_watchdog_process_sm_utilization_percent{gpu="0",UUID="GPU-1",pid="41"} 93' in page
    assert 'gpu_watchdog_process_info{gpu="0",UUID="GPU-1",pid="42",type="G"} 1' in page


def test_links_show_their_state_and_only_errors_that_happened() -> None:
    """Every link says up or down; of its counters those above 0 are printed."""
    links = (NvLink(0, True, {"crc": 0.0}), NvLink(1, False, {"crc": 7.0, "replay": 0.0}))
    page = page_of(replace(HEALTHY, links=links))

    assert [" 1", " 0"] == [line[-2:] for line in lines(page, "gpu_watchdog_nvlink_up")]
    assert ['gpu_watchdog_nvlink_errors_total{gpu="0",UUID="GPU-1",link="1",type="crc"} 7'] == lines(
        page, "gpu_watchdog_nvlink_errors_total"
    )


def test_page_without_nvml_says_why() -> None:
    """While NVML cannot be used the page has the reason and the expected count, and no GPU."""
    page = render(Page(None, 8, "0.1.0", "node-1", 10.0, (9, 'not "loaded"\nat all')), NOW)

    error = 'gpu_watchdog_nvml_error{code="9",error="not \\"loaded\\"\\nat all",Hostname="node-1"} 1'
    assert [error] == lines(page, "gpu_watchdog_nvml_error")
    assert ['gpu_watchdog_gpus_expected{Hostname="node-1"} 8'] == lines(page, "gpu_watchdog_gpus_expected")


def test_hostile_label_values_come_back_as_they_were() -> None:
    """Quotes, backslashes, line breaks and braces in a command are escaped so that the official parser returns them."""
    nasty = 'python -c "print(\'{a=\\"b\\"}\')" \\n } # HELP\nx 1'
    process = GpuProcess(41, "C", 1.0, None, command=nasty)
    page = page_of(replace(HEALTHY, processes=(process,)))
    families = {family.name: family for family in text_string_to_metric_families(page)}

    assert nasty == families["gpu_watchdog_process_memory_used_bytes"].samples[0].labels["command"]


def test_undecodable_names_do_not_break_the_page() -> None:
    """A lone surrogate, left over from undecodable bytes, becomes a question mark."""
    assert '{name="a?b"}' == label_text((("name", "a\udcffb"),))


def test_numbers_are_short_and_exact() -> None:
    """Whole numbers have no point, noise of scaling is rounded away, what is not finite has Prometheus's words."""
    given = (97.0, 0.8825000000000001, 1764000000.25, 2.0**53, -8.0, float("nan"), float("inf"), float("-inf"))

    expected = ["97", "0.8825", "1764000000.25", "9007199254740992", "-8", "NaN", "+Inf", "-Inf"]
    assert expected == [number(value) for value in given]
