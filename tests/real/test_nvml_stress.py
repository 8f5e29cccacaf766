"""The burn-in's clocks against NVML's own ABI."""

from pathlib import Path

import pytest

from pod.stress.clocks import Sample, meter_of
from tests.standins.nvml.state import FakeNvml

pytestmark = pytest.mark.real("gcc")
pytest_plugins = ("tests.standins.nvml.fixture",)

UUID = "GPU-fa4e0000-0000-4000-8000-000000000003"


@pytest.mark.parametrize(("uuid", "bus_id"), [(UUID, None), (None, "00000000:5D:00.0"), (None, None)])
def test_a_gpu_is_found_by_what_torch_tells_of_it(fake_nvml: FakeNvml, uuid: str | None, bus_id: str | None) -> None:
    """By UUID, by bus address, or by number: clocks, heat, power, reasons and the link are the right GPU's."""
    fake_nvml.busy()

    meter, trouble = meter_of(uuid, bus_id, 3)

    assert "" == trouble
    assert meter is not None
    assert Sample(1980, 59, 631.95, 4) == meter.sample()
    assert {"pcie_gen": 5, "pcie_width": 16, "pcie_gen_max": 5, "pcie_width_max": 16} == meter.bus()
    assert 0 == meter.uncorrected_errors()


def test_without_a_driver_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A GPU that NVML does not know has no clocks, and why is said."""
    meter, trouble = meter_of("GPU-none", None, 0)

    assert meter is None
    assert trouble.startswith("no clocks: ")
