"""The stand-in's structures and nvidia-ml-py's are the same bytes."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pynvml
import pytest

from pod.fields import FieldBatch
from tests.standins.nvml import build

pytestmark = pytest.mark.real("gcc")

PAIRS = {
    "nvmlPciInfo_t": pynvml.nvmlPciInfo_t,
    "nvmlMemory_t": pynvml.c_nvmlMemory_t,
    "nvmlMemory_v2_t": pynvml.c_nvmlMemory_v2_t,
    "nvmlBAR1Memory_t": pynvml.c_nvmlBAR1Memory_t,
    "nvmlUtilization_t": pynvml.c_nvmlUtilization_t,
    "nvmlTemperature_t": pynvml.c_nvmlTemperature_v1_t,
    "nvmlMarginTemperature_t": pynvml.c_nvmlMarginTemperature_v1_t,
    "nvmlViolationTime_t": pynvml.c_nvmlViolationTime_t,
    "nvmlRowRemapperHistogramValues_t": pynvml.c_nvmlRowRemapperHistogramValues,
    "nvmlDeviceAttributes_t": pynvml.c_nvmlDeviceAttributes,
    "nvmlProcessInfo_t": pynvml.c_nvmlProcessInfo_t,
    "nvmlProcessUtilizationSample_t": pynvml.c_nvmlProcessUtilizationSample_t,
    "nvmlFieldValue_t": pynvml.c_nvmlFieldValue_t,
    "nvmlEventData_t": pynvml.c_nvmlEventData_t,
    "nvmlGpuFabricInfo_v2_t": pynvml.c_nvmlGpuFabricInfo_v2_t,
    "nvmlEccSramErrorStatus_t": pynvml.c_nvmlEccSramErrorStatus_v1_t,
    "nvmlGpmMetric_t": pynvml.c_nvmlGpmMetric_t,
    "nvmlGpmSupport_t": pynvml.c_nvmlGpmSupport_t,
}

OFFSETS = {
    ("nvmlFieldValue_t", "value"): pynvml.c_nvmlFieldValue_t.value.offset,
    ("nvmlFieldValue_t", "nvmlReturn"): pynvml.c_nvmlFieldValue_t.nvmlReturn.offset,
    ("nvmlGpmMetricsGet_t", "metrics"): pynvml.c_nvmlGpmMetricsGet_t.metrics.offset,
    ("nvmlPciInfo_t", "busId"): pynvml.nvmlPciInfo_t.busId.offset,
    ("nvmlEventData_t", "eventData"): pynvml.c_nvmlEventData_t.eventData.offset,
    ("nvmlProcessInfo_t", "gpuInstanceId"): pynvml.c_nvmlProcessInfo_t.gpuInstanceId.offset,
}

VERSIONS = {
    "NVML_MEMORY_V2": pynvml.nvmlMemory_v2,
    "NVML_TEMPERATURE_V1": pynvml.nvmlTemperature_v1,
    "NVML_MARGIN_TEMPERATURE_V1": pynvml.nvmlMarginTemperature_v1,
    "NVML_FABRIC_V2": pynvml.nvmlGpuFabricInfo_v2,
    "NVML_ECC_SRAM_V1": pynvml.nvmlEccSramErrorStatus_v1,
}


def compiled(expressions: list[str], folder: Path) -> list[int]:
    """What a C compiler says these expressions over the stand-in's header are."""
    source = folder / "sizes.c"
    lines = "\n".join(f'printf("%zu\\n", (size_t)({expression}));' for expression in expressions)
    source.write_text(
        '#include <stddef.h>\n#include <stdio.h>\n#include "nvml_abi.h"\nint main(void) {\n' + lines + "\n}\n"
    )
    program = folder / "sizes"
    compiler = shutil.which("gcc") or "gcc"
    subprocess.run([compiler, "-I", str(build.HERE), str(source), "-o", str(program)], check=True)
    answer = subprocess.run([str(program)], check=True, capture_output=True, text=True)
    return [int(line) for line in answer.stdout.split()]


def test_structures_have_nvidias_sizes_and_offsets(tmp_path: Path) -> None:
    """Every structure of the stand-in is as large as nvidia-ml-py's, its fields lie where they do, versions agree."""
    sizes = [f"sizeof({name})" for name in PAIRS]
    offsets = [f"offsetof({name}, {field})" for name, field in OFFSETS]
    found = compiled([*sizes, *offsets, *VERSIONS], tmp_path)

    expected = [ctypes.sizeof(pair) for pair in PAIRS.values()] + [*OFFSETS.values(), *VERSIONS.values()]
    assert expected == found


def test_reader_unpacks_field_values_as_nvidia_lays_them_out() -> None:
    """The byte layout that the reader unpacks is that of nvidia-ml-py's structure."""
    assert ctypes.sizeof(pynvml.c_nvmlFieldValue_t) == FieldBatch._ROW.size


def test_error_codes_have_nvidias_numbers() -> None:
    """Each NVML_ERROR of the stand-in's header is nvidia-ml-py's number."""
    header = (build.HERE / "nvml_abi.h").read_text()
    ours = dict(re.findall(r"(NVML_ERROR_\w+) = (\d+)", header))

    assert {name: getattr(pynvml, name) for name in ours} == {name: int(code) for name, code in ours.items()}


def test_second_build_is_the_first_one(tmp_path: Path) -> None:
    """Building twice into a folder compiles once; the file is the very same."""
    first = build.build(tmp_path).stat()

    assert first == build.build(tmp_path).stat()
