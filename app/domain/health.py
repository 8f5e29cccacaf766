"""Health of a GPU and of a node, from their newest values alone; one pure function each.

Limits come from the vendors' own advice: DCGM's health watches and NVIDIA's clock-event reasons (a power cap and an
idle clock are everyday states, hardware slowdowns are not), row remapping and page retirement as the driver has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.frozen import frozen
from app.domain.snapshot import BUSY_PERCENT, Gpu, Health, Node
from app.domain.values import believed

HOT_CELSIUS = 90.0
"""Too hot where the board does not say at what temperature it slows down."""
MARGIN_CELSIUS = 3.0
"""Closer than this to the board's own slow-down point is too close."""

CLOCK_EVENTS: tuple[tuple[int, str], ...] = (
    (0x1, "gpu_idle"),
    (0x2, "clocks_setting"),
    (0x4, "power_cap"),
    (0x8, "hw_slowdown"),
    (0x10, "sync_boost"),
    (0x20, "sw_thermal"),
    (0x40, "hw_thermal"),
    (0x80, "hw_power_brake"),
    (0x100, "display_clocks"),
)
"""Bits of NVML's clock-event (throttle) reasons, and their names in JSON and in filters."""
_HARDWARE_EVENTS = ((0x80, "power brake"), (0x40, "hardware heat slowdown"), (0x8, "hardware slowdown"))
_RECOVERY = {1: "reset the GPU", 2: "reboot the node", 3: "drain P2P", 4: "drain and reset"}


@frozen
class Verdict:
    """A state, and why in a few words; the reason of `ok` is empty."""

    state: Health
    reason: str = ""


OK = Verdict("ok")
_SILENT = Verdict("unknown", "no values within their age")


def clock_events(mask: float | None) -> tuple[str, ...]:
    """Names of the clock-event bits set; empty for no bits or an unknown mask."""
    if mask is None or not 0 < mask < 2**63:
        return ()
    bits = int(mask)
    return tuple(name for bit, name in CLOCK_EVENTS if bits & bit)


def gpu_health(gpu: Gpu, now: float) -> Verdict:
    """A GPU's health by its values not past their age."""
    if gpu.is_lost:
        return Verdict("critical", gpu.note or "lost")
    values = believed(gpu.layers, now)
    return values_health(values) if values else _SILENT


def values_health(values: Mapping[str, float]) -> Verdict:
    """The verdict over one GPU's values.

    Whole fleets are judged every second and nearly all are well, so one look decides whether any sign is there at all.
    """
    get = values.get
    heat, width = get("gpu.temperature"), get("gpu.pcie_width")
    if (
        get("gpu.row_remap_failure")
        or get("gpu.ecc_dbe_volatile")
        or get("gpu.row_remap_pending")
        or get("gpu.retired_pages_pending")
        or get("gpu.recovery_action")
        or get("gpu.health_status")
        or get("gpu.clock_event_reasons", 0.0) >= 8
        or get("gpu.temperature_margin", 99.0) <= MARGIN_CELSIUS
        or (heat is not None and heat >= (get("gpu.temperature_slowdown") or HOT_CELSIUS) - MARGIN_CELSIUS)
        or (width is not None and width < get("gpu.pcie_width_max", 0.0))
        or get("gpu.amd_health") == 0
    ):
        return _critical(values) or _warning(values) or OK
    return OK


def _critical(values: Mapping[str, float]) -> Verdict | None:
    get = values.get
    if get("gpu.row_remap_failure"):
        return Verdict("critical", "row remapping failed: no spare rows left")
    uncorrected = get("gpu.ecc_dbe_volatile")
    if uncorrected:
        return Verdict("critical", f"{uncorrected:.0f} uncorrected ECC errors since the driver loaded")
    if get("gpu.health_status", 0.0) >= 20:
        return Verdict("critical", "DCGM health: failure")
    return None


def _warning(values: Mapping[str, float]) -> Verdict | None:
    get = values.get
    if get("gpu.row_remap_pending"):
        return Verdict("warning", "row remap pending: needs a GPU reset")
    if get("gpu.retired_pages_pending"):
        return Verdict("warning", "page retirement pending: needs a GPU reset")
    action = get("gpu.recovery_action")
    if action:
        return Verdict("warning", f"the driver asks: {_RECOVERY.get(int(action), 'recovery')}")
    limited = _slowdown(get("gpu.clock_event_reasons")) or heat_reason(values)
    if limited:
        return Verdict("warning", limited)
    if get("gpu.health_status", 0.0) >= 10:
        return Verdict("warning", "DCGM health: warning")
    if get("gpu.amd_health", 1.0) == 0:
        return Verdict("warning", "AMD exporter health: not healthy")
    width, widest = get("gpu.pcie_width"), get("gpu.pcie_width_max")
    if width and widest and width < widest and get("gpu.utilization", 0.0) >= BUSY_PERCENT:
        return Verdict("warning", f"PCIe ×{width:.0f} of ×{widest:.0f} while busy")
    return None


def _slowdown(mask: float | None) -> str:
    """What makes the hardware slow itself down, or an empty text."""
    if not mask or not 0 < mask < 2**63:
        return ""
    bits = int(mask)
    return next((name for bit, name in _HARDWARE_EVENTS if bits & bit), "")


def heat_reason(values: Mapping[str, float]) -> str:
    """Why it is too hot, or an empty text."""
    margin = values.get("gpu.temperature_margin")
    if margin is not None and margin <= MARGIN_CELSIUS:
        return f"{margin:.0f}° from its slow-down point"
    heat = values.get("gpu.temperature")
    if heat is None:
        return ""
    limit = values.get("gpu.temperature_slowdown") or None
    if limit is not None:
        return f"{heat:.0f}°, slows down at {limit:.0f}°" if heat >= limit - MARGIN_CELSIUS else ""
    return f"{heat:.0f}°" if heat >= HOT_CELSIUS and margin is None else ""


def node_health(node: Node, now: float) -> Verdict:
    """The worst of a node's GPUs; GPUs that should be there and are not are critical."""
    present = sum(not gpu.is_lost for gpu in node.gpus)
    if node.gpus_expected is not None and present < node.gpus_expected:
        return Verdict("critical", f"{present} of {node.gpus_expected} GPUs")
    verdicts = [(gpu, gpu_health(gpu, now)) for gpu in node.gpus]
    for state in ("critical", "warning"):
        found = [(gpu, verdict) for gpu, verdict in verdicts if verdict.state == state]
        if found:
            gpu, verdict = found[0]
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            return Verdict(verdict.state, f"GPU {gpu.index}{more}: {verdict.reason}")
    if verdicts and all(verdict.state == "unknown" for _, verdict in verdicts):
        return _SILENT
    return OK if verdicts or believed(node.layers, now) else _SILENT
