"""Figures and phases of a burn-in in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_PREFIXES = ("", "k", "M", "G", "T", "P")
_PHASES: Mapping[str, str] = {
    "memory.copy": "memory copy",
    "memory.read": "memory read",
    "memory.pattern": "memory check",
    "host.to_device": "host to device",
    "host.from_device": "device to host",
    "allreduce.node": "all-reduce inside the node",
    "allreduce.all": "all-reduce across nodes",
    "sustained": "sustained load",
    "ecc": "ECC errors",
}


def phase_words(phase: str) -> str:
    """A phase for people: `bf16`, `memory copy`."""
    return _PHASES.get(phase) or phase.removeprefix("matmul.")


def figure(value: float, unit: str) -> str:
    """Three figures and an SI prefix: `743 TFLOP/s`, `2.91 TB/s`; a count as it is."""
    if not unit.endswith("/s"):
        return f"{value:,.0f} {unit}"
    step = 0
    while abs(value) >= 999.5 and step < len(_PREFIXES) - 1:
        value /= 1000
        step += 1
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f} {_PREFIXES[step]}{unit}"
