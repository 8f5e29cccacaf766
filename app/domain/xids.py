"""How grave each Xid and SXid is: what a log line, an event and a diagnosis must agree on. Pure, and nothing else.

What a code means and what to do about it is in `app/engine/xids.toml`. The classes follow NVIDIA's catalogue of Xids;
where its table and other tools disagree, our choice stands here with its reason.
"""

from __future__ import annotations

from app.domain.series import Severity

RECOVERY_ACTIONS: dict[int, str] = {
    0: "nothing",
    1: "reset the GPU",
    2: "reboot the node",
    3: "drain P2P work",
    4: "drain and reset the GPU",
    5: "recover the IMEX domain",
}
"""The driver's own verdict: numbers of Xid 154's text, of NVML's field 230 and of DCGM's recovery action."""

_NVLINK5 = range(144, 151)
"""NVLink 5's subsystems; whether one is grave its own text says."""

_CRITICAL = frozenset(
    (
        46,
        48,
        54,
        62,
        64,
        74,
        79,
        95,
        109,
        110,
        119,
        120,
        136,
        140,
        143,
        151,
    )  # 62: a halt, not heat as DCGM's text has it
    + (156, 157, 158, 167, 169, 171, 172)  # 64: AWS isolates, NVIDIA resets; both stop work
)
"""Work on the GPU is dead or not to be trusted until somebody acts."""
_INFO = frozenset(
    (
        8,
        32,
        37,
        43,
        44,
        45,
        66,
        67,
        68,
    )  # a process was stopped, the GPU is well; 45 told 16,000 times for each real one
    + (
        63,
        106,
        107,
        121,
        141,
        152,
        153,
        160,
        162,
        176,
    )  # 63 is a repair that worked: what waits for a reset, NVML tells
)
"""No action needed by itself; mostly echoes of another Xid, or the end of a process."""

_FATAL_SXIDS = frozenset(
    (10003, 11001, 11009, 11013, 11018, 11019, 11020, 12001, 12002, 12020, 12022, 12024, 12025, 12026, 12027, 12030)
    + (12031, 12032, 14017, 15001, 15006, 15009, 15010, 15012, 15013, 19047, 19048, 19054, 19056, 19058, 19060, 19061)
    + (19063, 19064, 19066, 19067, 19069, 19070, 20034, 22003, 22011, *range(23001, 23018), 24004, 24005, 24006, 24007)
    + (26006, 26007, 26008)
)
"""SXids of NVIDIA's Fabric Manager guide that are or can be fatal (26006 … 26008: the switch's own controller stopped),
for lines whose own word (`Fatal`, `Non-fatal`) is missing."""
HARMLESS_SXIDS = frozenset(
    (11012, 11021, 11022, 11023, 12021, 12023, 15008, 15011, 19049, 19055, 19057, 19059, 19062, 19065, 19068, 19071)
    + (22013, 24001, 24002, 24003, 10005, 11004, 12028, 19084, 20001, 20009, 20012)
)
"""Corrected ECC errors, link retries and the like: healthy machines say them; only their rate can mean something."""


def xid_severity(code: int, text: str = "", recovery: int | None = None) -> Severity:
    """How grave an Xid is; a code that the catalogue does not have is a warning.

    `text` is the line's own, which decides for NVLink 5; `recovery` the action that Xid 154 tells.
    """
    if code == 154:
        return "info" if not recovery else ("warning" if recovery == 3 else "critical")
    if code in _NVLINK5:
        words = text.casefold()
        return "info" if "nonfatal" in words else ("critical" if "fatal" in words else "warning")
    if code in _CRITICAL:
        return "critical"
    return "info" if code in _INFO else "warning"


def sxid_severity(code: int, text: str = "") -> Severity:
    """How grave an SXid is: by its line's own word, else by the list of fatal ones; register dumps are information."""
    words = text.casefold().lstrip()
    if words.startswith(("non-fatal", "nonfatal", "severity 0", "data")) or code in HARMLESS_SXIDS:
        return "info"
    if words.startswith(("fatal", "severity 1")) or code in _FATAL_SXIDS:
        return "critical"
    return "warning"
