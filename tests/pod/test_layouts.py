"""Structures that are unpacked as bytes have the layout that pynvml gives them."""

import ctypes

import pynvml
import pytest

from pod import driver
from pod.fields import FieldBatch


@pytest.mark.parametrize(
    ("size", "structure"),
    [
        (driver._PROCESS.size, pynvml.c_nvmlProcessInfo_v2_t),
        (driver._PROCESS.size, pynvml.c_nvmlProcessInfo_v3_t),
        (driver.GpmSamples._ROW.size, pynvml.c_nvmlGpmMetric_t),
        (FieldBatch._ROW.size, pynvml.c_nvmlFieldValue_t),
        (FieldBatch._TOLD.size, pynvml.c_nvmlFieldValue_t),
    ],
)
def test_rows_are_as_long_as_pynvml_says(size: int, structure: type[ctypes.Structure]) -> None:
    """A row read as bytes is as long as the structure it stands for, so that the next one begins where it should."""
    assert ctypes.sizeof(structure) == size


def test_parts_of_a_process_are_where_pynvml_has_them() -> None:
    """Process, memory and GPU instance come out as they were put into pynvml's own structure."""
    row = pynvml.c_nvmlProcessInfo_v2_t(pid=4711, usedGpuMemory=2**40 + 3, gpuInstanceId=9, computeInstanceId=1)

    assert (4711, 2**40 + 3, 9) == driver._PROCESS.unpack(bytes(row))


def test_parts_of_a_metric_are_where_pynvml_has_them() -> None:
    """Return code and value come out as they were put into pynvml's own structure."""
    row = pynvml.c_nvmlGpmMetric_t(metricId=5, nvmlReturn=3, value=0.625)

    assert (3, 0.625) == driver.GpmSamples._ROW.unpack(bytes(row))
