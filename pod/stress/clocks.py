"""Clocks, heat and power while a device works, sampled beside the load: what they were first, last and at worst.

GPUs are asked through the exporter's own driver module, where it and pynvml can be imported; the host by /proc/cpuinfo.
What is not told is left out.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REASONS = {
    0x8: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "hardware power brake",
    0x4: "software power cap",
    0x2: "clocks set by an application",
    0x10: "sync boost",
    0x100: "display clock setting",
}
"""NVML's clock event reasons (nvml.h, nvmlClocksEventReason*); idle is none."""
_HELD_BACK = 0x8 | 0x20 | 0x40 | 0x80
"""Heat and hardware, as against a power cap, which is how a GPU is meant to work."""
_MHZ = re.compile(r"^cpu MHz\s*:\s*([\d.]+)", re.MULTILINE)
_CPUINFO = Path("/proc/cpuinfo")
_SM, _GPU_TEMPERATURE, _UNCORRECTED, _VOLATILE = 1, 0, 1, 0
"""NVML's numbers for what is asked."""


@dataclass(frozen=True)
class Sample:
    """One look."""

    clock_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    reasons: int = 0


class Meter:
    """Where samples come from; this one is the host's."""

    def sample(self) -> Sample:
        """How it stands now."""
        try:
            found = [float(one) for one in _MHZ.findall(_CPUINFO.read_text("utf-8", "replace"))]
        except OSError:
            found = []
        return Sample(clock_mhz=max(found) if found else None)

    def bus(self) -> dict[str, float]:
        """The PCIe link as it is now and as it could be."""
        return {}

    def uncorrected_errors(self) -> float | None:
        """ECC errors of the memory that could not be mended, since the driver was loaded."""
        return None


class GpuMeter(Meter):
    """The driver's word for one GPU."""

    def __init__(self, driver: Any, handle: Any) -> None:  # noqa: ANN401 - imported late
        self._driver = driver
        self._handle = handle

    def sample(self) -> Sample:
        power_mw = self._ask("nvmlDeviceGetPowerUsage")
        reasons = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        if reasons is None:  # before driver 535 by its old name
            reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        return Sample(
            clock_mhz=self._ask("nvmlDeviceGetClockInfo", _SM),
            temperature_c=self._ask("nvmlDeviceGetTemperature", _GPU_TEMPERATURE),
            power_w=None if power_mw is None else power_mw / 1000,
            reasons=int(reasons or 0),
        )

    def bus(self) -> dict[str, float]:
        asked = {
            "pcie_gen": "nvmlDeviceGetCurrPcieLinkGeneration",
            "pcie_width": "nvmlDeviceGetCurrPcieLinkWidth",
            "pcie_gen_max": "nvmlDeviceGetMaxPcieLinkGeneration",
            "pcie_width_max": "nvmlDeviceGetMaxPcieLinkWidth",
        }
        told = {key: self._ask(function) for key, function in asked.items()}
        return {key: value for key, value in told.items() if value is not None}

    def uncorrected_errors(self) -> float | None:
        return self._ask("nvmlDeviceGetTotalEccErrors", _UNCORRECTED, _VOLATILE)

    def _ask(self, function: str, *words: int) -> float | None:
        try:
            return float(self._driver.call(function, self._handle, *words))
        except Exception:  # noqa: BLE001 - whatever the driver will not say is left out, also by an old pynvml
            return None


def meter_of(uuid: str | None, bus_id: str | None, index: int) -> tuple[Meter | None, str]:
    """The meter of a GPU, or None and why there is none."""
    try:
        from pod import driver  # noqa: PLC0415 - late: needs pynvml, and a newer Python than the rest

        driver.initialise()
        if uuid is not None:
            return GpuMeter(driver, driver.call("nvmlDeviceGetHandleByUUID", uuid)), ""
        if bus_id is not None:
            return GpuMeter(driver, driver.call("nvmlDeviceGetHandleByPciBusId", bus_id)), ""
        return GpuMeter(driver, driver.handle(index)), ""
    except Exception as error:  # noqa: BLE001 - clocks are a help; without them the load is still measured
        return None, f"no clocks: {error}"


class Watch:
    """Samples a meter from a thread of its own until it is closed."""

    def __init__(self, meter: Meter, every_s: float) -> None:
        self._meter = meter
        self._every_s = every_s
        self._samples: list[Sample] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clocks", daemon=True)

    def __enter__(self) -> Watch:  # noqa: PYI034 - Self is not in the nodes' Python
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            self._samples.append(self._meter.sample())

    def summary(self) -> dict[str, Any]:
        """What the samples say together."""
        return summary_of(self._samples)


def summary_of(samples: list[Sample]) -> dict[str, Any]:
    """First and last are means of a fifth of the samples: a single one would be chance. Pure."""
    told: dict[str, Any] = {}
    clocks = [one.clock_mhz for one in samples if one.clock_mhz is not None]
    if clocks:
        fifth = max(1, len(clocks) // 5)
        told["clock_first_mhz"] = round(sum(clocks[:fifth]) / fifth)
        told["clock_last_mhz"] = round(sum(clocks[-fifth:]) / fifth)
        told["clock_min_mhz"] = round(min(clocks))
    _most(told, "temperature_max_c", [one.temperature_c for one in samples])
    _most(told, "power_max_w", [one.power_w for one in samples])
    if seen := [text for bit, text in REASONS.items() if any(one.reasons & bit for one in samples)]:
        told["slowed_by"] = seen
        told["hot_share"] = round(sum(1 for one in samples if one.reasons & _HELD_BACK) / len(samples), 3)
    return told


def _most(told: dict[str, Any], key: str, values: list[float | None]) -> None:
    known = [value for value in values if value is not None]
    if known:
        told[key] = round(max(known))
