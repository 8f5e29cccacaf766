"""What a pod says of itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from pod.setup.facts import cpus, disk_free_mb, gres_type, memory_mb, node_line

pytest_plugins = ("tests.standins.nvml.fixture",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA RTX A6000", "rtxa6000"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx6000ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtxpro6000"),
        ("Tesla V100-SXM2-32GB", "v100"),
        ("NVIDIA B200", "b200"),
        ("", "gpu"),
    ],
)
def test_gpu_is_called_in_slurm_as_people_call_it(name: str, expected: str) -> None:
    """Vendor, memory and form factor are left out; boards that differ keep different names."""
    assert expected == gres_type(name)


def test_node_line_keeps_some_memory_back_and_names_its_gpus() -> None:
    """95 % of the memory, GRES with its type, and the feature that the GPU node set is made of."""
    assert "CPUs=64 RealMemory=95000 Gres=gpu:h100:8 Feature=gpu" == node_line(64, 100_000, "h100", 8)


def test_node_line_leaves_out_what_is_not_there() -> None:
    """No memory that nobody knows, no GRES without a GPU."""
    assert "CPUs=4" == node_line(4, None, "gpu", 0)


def test_processors_are_those_of_the_quota(tmp_path: Path) -> None:
    """Half a processor is one; a quota of cgroup v1 counts like one of v2; without any it is what may be scheduled."""
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert 1 == cpus(tmp_path)

    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cpus(tmp_path / "nothing") == cpus(tmp_path)

    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert 1 == cpus(tmp_path)


def test_memory_is_the_least_of_limit_and_machine(tmp_path: Path) -> None:
    """A limit without end is none; where nothing is said the memory is unknown."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       4194304 kB\nMemFree: 1 kB\n")

    assert 4096 == memory_mb(tmp_path, meminfo)
    (tmp_path / "memory.max").write_text("max\n")
    assert 4096 == memory_mb(tmp_path, meminfo)
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    assert 1024 == memory_mb(tmp_path, meminfo)
    assert memory_mb(tmp_path / "nothing", tmp_path / "no") is None


def test_disk_is_that_of_the_fullest_place(tmp_path: Path) -> None:
    """Places that are not there do not count."""
    assert disk_free_mb(str(tmp_path)) == disk_free_mb(str(tmp_path), "/no/such/place")


@pytest.mark.real("gcc")
@pytest.mark.usefixtures("fake_nvml")
def test_facts_are_lines_of_key_and_value() -> None:
    """The driver's count, model and device numbers are among them."""
    done = subprocess.run([sys.executable, "-m", "pod.setup.facts"], capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())

    assert ("8", "NVIDIA H100 80GB HBM3", "h100", "0,1,2,3,4,5,6,7") == tuple(
        found[key] for key in ("gpus", "gpu_model", "gpu_type", "gpu_minors")
    )
    assert found["node_line"].endswith("Gres=gpu:h100:8 Feature=gpu")
    assert float(found["clock"]) > 1.7e9
