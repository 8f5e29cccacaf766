"""The NVML reader against NVML's own ABI: healthy machines, sick GPUs, missing drivers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pod.gpu import GpuReading, MachineReading
from pod.nvml import NvmlUnavailableError, Reader, ReadOptions
from tests.standins.nvml.state import FakeNvml

pytestmark = pytest.mark.real("gcc")
pytest_plugins = ("tests.standins.nvml.fixture",)

QUIET = ReadOptions(events=False, pcie_every_s=None)
"""No thread waits for events, so a test is over as soon as it is done."""


@pytest.fixture
def reader(fake_nvml: FakeNvml) -> Iterator[Reader]:
    """A reader of eight idle H100s."""
    with Reader(QUIET) as opened:
        yield opened


def read(reader: Reader) -> tuple[GpuReading, ...]:
    """One round with time enough for healthy GPUs on any machine."""
    return reader.read(deadline_s=5.0).gpus


def test_healthy_machine_is_read_whole(fake_nvml: FakeNvml, reader: Reader) -> None:
    """Eight loaded H100s give identity, numbers in DCGM's units, links, and who runs on them."""
    fake_nvml.busy(pids=(os.getpid(),))
    machine = reader.read(5.0)
    gpu = machine.gpus[3]

    assert (8, "580.95.05", "13.0") == (machine.expected, machine.driver_version, machine.cuda_version)
    assert list(range(8)) == [gpu.index for gpu in machine.gpus]
    assert "GPU-fa4e0000-0000-4000-8000-000000000003" == gpu.uuid
    assert ("NVIDIA H100 80GB HBM3", "00000000:5D:00.0", "1650922000003") == (gpu.name, gpu.pci_bus_id, gpu.serial)
    expected = {
        "DCGM_FI_DEV_GPU_UTIL": 97.0,
        "DCGM_FI_DEV_FB_USED": 70998.0,
        "DCGM_FI_DEV_FB_TOTAL": 81559.0,
        "DCGM_FI_DEV_FB_RESERVED": 479.0,
        "DCGM_FI_DEV_GPU_TEMP": 59.0,
        "DCGM_FI_DEV_MEMORY_TEMP": 67.0,
        "DCGM_FI_DEV_POWER_USAGE": 631.95,
        "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": 700.0,
        "DCGM_FI_DEV_SM_CLOCK": 1980.0,
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": 4.0,
        "DCGM_FI_DEV_PCIE_LINK_GEN": 5.0,
        "gpu_watchdog_slowdown_tlimit_celsius": -2.0,
        "gpu_watchdog_ecc_sram_threshold_exceeded": 0.0,
        "DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 3.0,
        "gpu_watchdog_nvlink_transmitted_bytes_total": 987_654_321 * 1024.0,
    }
    assert expected == {family: gpu.values[family] for family in expected}
    assert [(n, True) for n in range(18)] == [(link.index, link.is_up) for link in gpu.links]
    assert gpu.processes is not None
    process = gpu.processes[0]
    assert (os.getpid(), "C", 70998.0, 97.0) == (process.pid, process.type, process.used_mib, process.sm_percent)
    assert process.command is not None
    assert "pytest" in process.command or "python" in process.command


def test_change_is_seen_in_the_next_round(fake_nvml: FakeNvml, reader: Reader) -> None:
    """A GPU that heats up and counts an uncorrected error between two rounds shows both, the others neither."""
    read(reader)
    fake_nvml.set(2, {"temp": 91, "ecc.unc.vol": 2})
    gpus = read(reader)

    assert [41, 41, 91, 41] == [gpu.values["DCGM_FI_DEV_GPU_TEMP"] for gpu in gpus[:4]]
    assert [0, 0, 2, 0] == [gpu.values["DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"] for gpu in gpus[:4]]


def test_activity_comes_with_the_second_round(fake_nvml: FakeNvml) -> None:
    """The performance monitor compares two samples, so SM and tensor activity appear in the second round."""
    ticks = iter(range(1000))
    fake_nvml.busy()
    with Reader(QUIET, monotonic=lambda: float(next(ticks))) as reader:
        first, second = reader.read(900.0).gpus[0], reader.read(900.0).gpus[0]

    assert "DCGM_FI_PROF_SM_ACTIVE" not in first.values
    assert 0.8825 == pytest.approx(second.values["DCGM_FI_PROF_SM_ACTIVE"])
    assert 0.4175 == pytest.approx(second.values["DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"])
    assert 512 * 2**20 == second.values["DCGM_FI_PROF_PCIE_TX_BYTES"]


def test_gpu_lost_from_the_start_keeps_its_place(fake_nvml: FakeNvml) -> None:
    """A GPU whose very handle is refused stays in the list at its index, and nobody else is renumbered."""
    fake_nvml.lose(5)
    with Reader(QUIET) as reader:
        gpus = read(reader)

    assert [5] == [gpu.index for gpu in gpus if gpu.is_lost]
    assert gpus[5].uuid is None
    assert {} == gpus[5].values
    assert "GPU-fa4e0000-0000-4000-8000-000000000006" == gpus[6].uuid
    assert 41 == gpus[6].values["DCGM_FI_DEV_GPU_TEMP"]


def test_gpu_lost_meanwhile_keeps_its_identity_and_no_values(fake_nvml: FakeNvml, reader: Reader) -> None:
    """A GPU that falls off the bus has no numbers any more, but its name, and when it was last seen."""
    before = read(reader)[5]
    fake_nvml.lose(5)
    lost = read(reader)[5]

    assert lost.is_lost
    assert before.identity == lost.identity
    assert ({}, None, before.at) == (lost.values, lost.processes, lost.seen_at)


def test_gpu_that_comes_back_is_read_again(fake_nvml: FakeNvml, reader: Reader) -> None:
    """After a reset the GPU's new handle is fetched and its numbers return."""
    fake_nvml.lose(5)
    read(reader)
    fake_nvml.find(5)

    back = read(reader)[5]

    assert not back.is_lost
    assert 41 == back.values["DCGM_FI_DEV_GPU_TEMP"]


def test_gpu_that_takes_three_seconds_a_call_delays_only_itself(fake_nvml: FakeNvml) -> None:
    """With every call on GPU 5 taking 3 s, the other seven are there within the deadline, and GPU 5 is late."""
    fake_nvml.delay(5, 3000)
    began = time.monotonic()
    reader = Reader(QUIET)
    first = reader.read(deadline_s=0.5)
    first_took = time.monotonic() - began
    second = reader.read(deadline_s=10.0)
    second_took = time.monotonic() - began - first_took

    assert first_took < 2.9
    assert second_took < 2.9, "a GPU known to be slow must not be waited for again"
    for machine in (first, second):
        assert [5] == [gpu.index for gpu in machine.gpus if gpu.is_late]
        assert 7 == sum("DCGM_FI_DEV_GPU_TEMP" in gpu.values for gpu in machine.gpus)
    assert not reader.close(), "a thread hangs in the driver, and close says so"


def test_late_gpu_keeps_its_numbers_with_their_time(fake_nvml: FakeNvml, reader: Reader) -> None:
    """A GPU that begins to hang keeps its last numbers under the time they were read at, marked late."""
    before = read(reader)[1]
    fake_nvml.delay(1, 400)
    fake_nvml.set(1, temp=99)
    after = reader.read(deadline_s=0.2).gpus[1]

    assert after.is_late
    assert (before.at, before.values) == (after.at, after.values)


def test_unsupported_call_is_a_missing_value_and_is_not_asked_again(
    fake_nvml: FakeNvml, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU without fans or a memory sensor has no such values and no error, and the driver is not asked each round."""
    fake_nvml.unset("*", "mem_temp", "util", "mem_util")
    read(reader)
    trace = tmp_path / "calls"
    monkeypatch.setenv("FAKE_NVML_TRACE", str(trace))
    gpu = read(reader)[0]

    assert not {"DCGM_FI_DEV_FAN_SPEED", "DCGM_FI_DEV_MEMORY_TEMP", "DCGM_FI_DEV_GPU_UTIL"} & gpu.values.keys()
    assert gpu.error is None
    assert "nvmlDeviceGetUtilizationRates" not in trace.read_text()


def test_one_failing_call_leaves_the_rest(fake_nvml: FakeNvml, reader: Reader) -> None:
    """A power reading that fails with an unknown error is left out and named; everything else is there."""
    fake_nvml.fail(2, "nvmlDeviceGetPowerUsage", "UNKNOWN")
    gpu = read(reader)[2]

    assert "nvmlDeviceGetPowerUsage: Unknown Error" == gpu.error
    assert "DCGM_FI_DEV_POWER_USAGE" not in gpu.values
    assert 41 == gpu.values["DCGM_FI_DEV_GPU_TEMP"]


def test_round_costs_few_calls(
    fake_nvml: FakeNvml, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two rounds of slow things, eight GPUs with a process each cost at most 18 calls a GPU."""
    fake_nvml.busy(pids=(os.getpid(),))
    read(reader)
    trace = tmp_path / "calls"
    monkeypatch.setenv("FAKE_NVML_TRACE", str(trace))
    read(reader)

    assert len(trace.read_text().splitlines()) <= 18 * 8


def test_old_driver_is_read_through_old_calls(fake_nvml: FakeNvml, reader: Reader) -> None:
    """Where a driver has no field values, ECC, energy, replays and links come through their own calls."""
    fake_nvml.fail("*", "nvmlDeviceGetFieldValues", "FUNCTION_NOT_FOUND")
    fake_nvml.set(0, {"ecc.cor.agg": 7, "nvlinks": 6, "nvlink.4": 0, "nvlink_err.2.1": 5})
    gpu = read(reader)[0]

    assert 7 == gpu.values["DCGM_FI_DEV_ECC_SBE_AGG_TOTAL"]
    assert 3_600_000_000 == gpu.values["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"]
    assert [True, True, True, True, False, True] == [link.is_up for link in gpu.links]
    assert 5 == gpu.links[2].errors["recovery"]
    assert 5 == gpu.values["DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL"]


def test_link_that_is_down_and_its_errors_are_seen(fake_nvml: FakeNvml, reader: Reader) -> None:
    """One of 18 links is down and another has CRC errors."""
    fake_nvml.set(4, {"nvlink.7": 0, "nvlink_err.3.2": 12})
    links = read(reader)[4].links

    assert [7] == [link.index for link in links if link.is_up is False]
    assert {3: 12.0} == {link.index: link.errors["crc"] for link in links if link.errors["crc"]}


def test_slices_have_profile_memory_and_activity_of_their_own(fake_nvml: FakeNvml) -> None:
    """A GPU cut into 3g.40gb and 1g.10gb lists both, each with its memory, its activity and its processes."""
    ticks = iter(range(1000))
    fake_nvml.slice(0, ("3g.40gb", "1g.10gb"))
    fake_nvml.set(0, {"mig.0.gpm.2": 25.0, "mig.1.mem_used": 5 << 30, "procs": f"{os.getpid()}:5120:C:0:2:0"})
    with Reader(QUIET, monotonic=lambda: float(next(ticks))) as reader:
        # Slices are found in the first round and sampled from the second on.
        gpu = [reader.read(900.0).gpus[0] for _ in range(3)][-1]

    assert [("3g.40gb", 1), ("1g.10gb", 2)] == [(piece.profile, piece.gpu_instance) for piece in gpu.mig]
    assert [0.0, 5120.0] == [piece.values["DCGM_FI_DEV_FB_USED"] for piece in gpu.mig]
    assert 0.25 == gpu.mig[0].values["DCGM_FI_PROF_SM_ACTIVE"]
    assert gpu.mig[1].uuid == "MIG-fa4e0000-0000-4000-8000-000000000001"
    assert gpu.processes is not None
    assert [(os.getpid(), 2, 5120.0)] == [(p.pid, p.gpu_instance, p.used_mib) for p in gpu.processes]


def test_driver_not_loaded_is_one_error_that_says_what_to_do(fake_nvml: FakeNvml) -> None:
    """NVML that refuses to start raises with its reason and the next step."""
    fake_nvml.machine(init_error="DRIVER_NOT_LOADED")

    with pytest.raises(NvmlUnavailableError, match=r"Driver Not Loaded.*modprobe nvidia") as caught:
        Reader(QUIET)
    assert 9 == caught.value.code


def test_driver_upgraded_without_reload_is_told(fake_nvml: FakeNvml) -> None:
    """A library that does not match the loaded driver is told apart, with the reboot it needs."""
    fake_nvml.machine(init_error="LIB_RM_VERSION_MISMATCH")

    with pytest.raises(NvmlUnavailableError, match=r"upgraded without a reload.*reboot"):
        Reader(QUIET)


def test_absent_library_is_told(tmp_path: Path) -> None:
    """On a machine without libnvidia-ml.so.1 the error says where it comes from."""
    script = "from pod.nvml import *\ntry: Reader()\nexcept NvmlUnavailableError as e: print(e.code, e)"
    clean = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    # An empty folder of that name in the way keeps a real driver of this machine out of the test.
    (tmp_path / "libnvidia-ml.so.1").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=clean | {"LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("12 NVML did not start: NVML Shared Library Not Found. libnvidia-ml.so.1 comes with")


def test_driver_that_goes_away_ends_the_reader(fake_nvml: FakeNvml, reader: Reader) -> None:
    """When every call says the driver is gone, reading raises, the reader is closed, and a new one can be opened."""
    read(reader)
    fake_nvml.fail("*", "*", "DRIVER_NOT_LOADED")
    with pytest.raises(NvmlUnavailableError):
        read(reader)
    fake_nvml.unset("*", "err.*")

    with Reader(QUIET) as again:
        assert 41 == read(again)[0].values["DCGM_FI_DEV_GPU_TEMP"]


def test_expected_count_can_be_told(fake_nvml: FakeNvml) -> None:
    """A machine that ought to have eight GPUs and shows six says so."""
    fake_nvml.machine(count=6)
    with Reader(ReadOptions(events=False, expected_gpus=8)) as reader:
        machine: MachineReading = reader.read(5.0)

    assert (6, 8) == (len(machine.gpus), machine.expected)
