"""What each exporter's page says of GPUs: values in the catalogue's units, identity, slices, processes, Xids."""

from __future__ import annotations

from app.domain.reading import GpuProcess, GpuReading, MigReading, XidCount
from app.sources.page import Page
from tests.sources.page_files import gpus, read, read_text

H100 = "NVIDIA H100 80GB HBM3"


def test_dcgm_gpu_is_read_whole() -> None:
    """Job copies are one value, sentinels none, memory is derived, slices lie inside, and Xid is the last code."""
    first, _ = gpus(read("dcgm"))

    assert (
        GpuReading(
            index=0,
            uuid="GPU-aaaa0000-0000-4000-8000-000000000001",
            values={
                "gpu.utilization": 97.0,
                "gpu.memory_used": 60000.0,
                "gpu.memory_free": 19000.0,
                "gpu.memory_reserved": 1000.0,
                "gpu.memory_total": 80000.0,
                "gpu.memory_percent": 75.0,
                "gpu.energy": 8123456789.012,
                "gpu.xid_last": 79.0,
                "gpu.engine_active": 7.0,
            },
            facts={"pci_bus_id": "00000000:18:00.0", "driver_version": "580.95.05", "model": H100},
            mig=(
                MigReading(2, "2g.20gb", None, {"gpu.engine_active": 25.0}),
                MigReading(7, "1g.10gb", None, {"gpu.engine_active": 50.0}),
            ),
            hpc_jobs=("811", "812"),
        )
        == first
    )


def test_dcgm_links_add_up_and_join_their_gpu() -> None:
    """NVLink samples name the GPU by other labels; its links are one sum, the switch's is not in it."""
    _, second = gpus(read("dcgm"))

    assert {"gpu.utilization": 0.0, "gpu.xid_last": 0.0, "gpu.nvlink_replay_errors": 7.0} == second.values
    assert H100 == second.facts["model"]


def test_sample_of_the_whole_beats_those_of_the_parts() -> None:
    """A GPU's total and its links' counters under one name are not added together."""
    text = (
        'DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL{nvlink="0",gpu="0",gpu_uuid="GPU-a"} 3\n'
        'DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL{gpu="0",UUID="GPU-a"} 7\n'
    )

    assert {"gpu.nvlink_replay_errors": 7.0} == gpus(read_text(text))[0].values


def test_dcgm_46_names_mean_the_same() -> None:
    """Ratios, hertz, joules and the new spelling come out in the catalogue's units."""
    (gpu,) = gpus(read("dcgm-46"))

    assert {
        "gpu.utilization": 97.0,
        "gpu.sm_clock": 1980.0,
        "gpu.energy": 1234.5,
        "gpu.power": 612.5,
        "gpu.xid_last": 0.0,
        "gpu.fan": 40.0,
    } == gpu.values


def test_first_name_of_a_row_that_gives_a_value_wins() -> None:
    """The enforced limit beats the one that was asked for; where it is blank, the other serves."""
    line = 'DCGM_FI_DEV_{}{{gpu="0",UUID="GPU-a"}} {}\n'
    both = line.format("POWER_MGMT_LIMIT", 700) + line.format("ENFORCED_POWER_LIMIT", 600)
    blank = line.format("POWER_MGMT_LIMIT", 700) + line.format("ENFORCED_POWER_LIMIT", 140737488355328.0)

    assert {"gpu.power_limit": 600.0} == gpus(read_text(both))[0].values
    assert {"gpu.power_limit": 700.0} == gpus(read_text(blank))[0].values


def test_vgpu_page_gives_what_there_is() -> None:
    """A virtual GPU has neither power nor temperature: absent, not 0."""
    labels = '{gpu="0",UUID="GPU-v",modelName="GRID A100-10C",Hostname="vm"}'
    fields = {"GPU_UTIL": 3, "MEMORY_TEMP": 0, "VGPU_LICENSE_STATUS": 1}
    text = "".join(f"DCGM_FI_DEV_{name}{labels} {value}\n" for name, value in fields.items())

    assert {"gpu.utilization": 3.0, "gpu.vgpu_license": 1.0} == gpus(read_text(text))[0].values


def test_nvidia_gpu_exporter_joins_by_its_info_sample() -> None:
    """Values carry the UUID only; index, model and facts come from the info sample, and order is by index."""
    first, second = gpus(read("nvidia-gpu-exporter"))

    assert [(0, "ef427e4f"), (1, "1c67088e")] == [(gpu.index, gpu.uuid) for gpu in (first, second)]
    assert "NVIDIA H200" == second.facts["model"]
    assert "serial" not in second.facts
    assert {
        "gpu.utilization": 7.0,
        "gpu.memory_used": 32362.0,
        "gpu.sm_clock": 1980.0,
        "gpu.processes": 1.0,
    } == second.values
    assert 2 == read("nvidia-gpu-exporter").nodes[0].gpus_expected


def test_nvidia_gpu_exporter_tells_slices_processes_and_xids() -> None:
    """A slice of several compute instances has no UUID of its own; a GPU without processes has an empty list."""
    first, second = gpus(read("nvidia-gpu-exporter"))

    assert (
        MigReading(
            2, "1c.3g.71gb", None, {"gpu.memory_used": 1000.0, "gpu.memory_total": 4000.0, "gpu.memory_percent": 25.0}
        ),
        MigReading(7, "1g.18gb", "7b21", {}),
    ) == second.mig
    assert (GpuProcess(10291, "/opt/train.py", memory_mib=2566.0, kind="compute"),) == second.processes
    assert () == first.processes
    assert (XidCount(79, 2, 1764000000.0),) == first.xids
    assert 2.0 == first.values["gpu.xid_errors"]


def test_index_of_an_older_nvidia_gpu_exporter_is_a_value() -> None:
    """Before the info sample had an index there was a sample of it; without either the GPU has none."""
    text = (
        'nvidia_smi_temperature_gpu{uuid="a"} 50\nnvidia_smi_temperature_gpu{uuid="b"} 60\n'
        'nvidia_smi_temperature_gpu{uuid="c"} 70\nnvidia_smi_index{uuid="a"} 1\nnvidia_smi_index{uuid="b"} 0\n'
    )

    assert [(0, "b"), (1, "a"), (None, "c")] == [(gpu.index, gpu.uuid) for gpu in gpus(read_text(text))]


def test_masked_uuid_still_joins_within_its_page() -> None:
    """UUIDs of zeros, as published captures have, tell nothing across pages but hold one page together."""
    zeros = "00000000-0000-0000-0000-000000000000"
    info = f'nvidia_smi_gpu_info{{index="4",name="L4",uuid="{zeros}"}} 1\n'
    (gpu,) = gpus(read_text(f'{info}nvidia_smi_temperature_gpu{{uuid="{zeros}"}} 50\n'))

    assert (4, zeros, {"gpu.temperature": 50.0}) == (gpu.index, gpu.uuid, gpu.values)


def test_all_smi_page_is_read() -> None:
    """A blank after the comma, slices with and without an instance id, processes, and the GPU's share of energy."""
    contents = read("all-smi")
    (gpu,) = gpus(contents)

    assert {
        "gpu.utilization": 42.5,
        "gpu.memory_used": 1024.0,
        "gpu.sm_occupancy": 31.0,
        "gpu.mig_mode": 1.0,
        "gpu.energy": 1234.567,
        "gpu.processes": 1.0,
    } == gpu.values
    assert (
        MigReading(4, "1g.5gb", "MIG-yyy", {"gpu.memory_used": 500.0}),
        MigReading(7, "1g.5gb", "MIG-xxx", {"gpu.utilization": 80.0}),
    ) == gpu.mig
    assert (GpuProcess(4242, "python", user="ana", command='python train.py --x "1"', memory_mib=1.0),) == gpu.processes
    assert {"model": "NVIDIA A100", "driver_version": "550.54.15", "cuda_version": "12.4", "type": "GPU"} == gpu.facts
    assert "dgx-01" == contents.nodes[0].name


def test_nvitop_page_is_read() -> None:
    """Units are part of the names, NaN is unknown, a slice is inside its GPU, and run time tells the start."""
    first, second = gpus(read("nvitop-exporter", at=1000.0))

    assert {
        "gpu.utilization": 55.0,
        "gpu.memory_used": 1234.5,
        "gpu.power": 321.0,
        "gpu.pcie_tx": 2097152.0,
        "gpu.processes": 1.0,
    } == first.values
    assert (GpuProcess(77, "python", "ben", "python serve.py", 1000.0, started_at=940.0),) == first.processes
    assert (1, None, {}) == (
        second.index,
        second.uuid,
        {k: v for k, v in second.values.items() if k != "gpu.processes"},
    )
    assert (MigReading(2, "", "MIG-s2", {"gpu.utilization": 9.0}),) == second.mig


def test_our_own_exporter_tells_lost_gpus_xids_and_processes() -> None:
    """A lost GPU stays listed with why; a GPU with no UUID goes by its index; links that are up are counted."""
    contents = read("gpu-watchdog", at=1764000100.0)
    first, lost, late = gpus(contents)

    assert ([False, True, False], [0, 1, 2]) == (
        [g.lost for g in (first, lost, late)],
        [g.index for g in (first, lost, late)],
    )
    assert "the GPU is lost" == lost.note
    assert (XidCount(13, 4), XidCount(79, 1, 1764000000.5)) == lost.xids
    assert 5.0 == lost.values["gpu.xid_errors"]
    assert {"gpu.utilization": 88.0, "gpu.nvlinks_active": 1.0, "gpu.processes": 1.0} == first.values
    assert {"model": H100, "driver_version": "580.95.05", "serial": "1650", "vbios_version": "96.00"} == first.facts
    assert (
        GpuProcess(31, "python3", "ana", "python3 train.py", 1024.0, 66.0, "compute", 1763999000.0),
    ) == first.processes
    assert () == late.processes
    assert (3, "pod-1") == (contents.nodes[0].gpus_expected, contents.nodes[0].name)


def test_processes_of_an_exporter_that_was_seen_listing_them_end() -> None:
    """all-smi says nothing when the last process ends; having listed some before, that means there is none."""
    page = Page(None, None)
    gpu = 'all_smi_gpu_utilization{gpu="A100",gpu_uuid="GPU-a",gpu_index="0"} 1\n'
    process = 'all_smi_process_memory_used_bytes{pid="7",name="x",user="u",gpu_index="0",device_uuid="GPU-a"} 1048576\n'

    lists = [gpus(page.read(text.encode(), at=0.0))[0].processes for text in (gpu, gpu + process, gpu)]

    assert [None, (GpuProcess(7, "x", "u", memory_mib=1.0),), ()] == lists


def test_amd_page_is_read_with_its_prefix() -> None:
    """The configured prefix is dropped, MB become MiB, the fastest of several clocks counts, the job is told."""
    contents = read("amd")
    (gpu,) = gpus(contents)

    assert {
        "gpu.utilization": 93.0,
        "gpu.power": 640.0,
        "gpu.memory_total": 196607.589722,
        "gpu.sm_clock": 2100.0,
        "gpu.memory_clock": 1300.0,
        "gpu.energy": 5.0,
        "gpu.amd_health": 1.0,
        "gpu.pcie_replay": 2.0,
    } == gpu.values
    assert ({"model": "MI300X", "serial": "69", "partition": "0"}, ("77",)) == (gpu.facts, gpu.hpc_jobs)
    assert 1 == contents.nodes[0].gpus_expected


def test_text_of_labels_is_harmless() -> None:
    """Control characters in a model's or process's name do not reach a terminal."""
    text = 'nvidia_smi_gpu_info{uuid="a",name="L4\x1b[31m\u202e"} 1\nnvidia_smi_temperature_gpu{uuid="a"} 5\n'

    assert "L4[31m" == gpus(read_text(text))[0].facts["model"]
