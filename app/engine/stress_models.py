"""What each model of GPU should reach in a burn-in: the registry `stress_models.toml`, read once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.domain.frozen import frozen

_FILE = Path(__file__).with_name("stress_models.toml")
_NOISE = re.compile(r"^(?:(?:NVIDIA|Tesla|GeForce)\s+)+", re.IGNORECASE)


@frozen
class Model:
    """One model and its peaks."""

    names: tuple[str, ...]
    source: str
    peaks: Mapping[str, float]
    """By phase, in the unit of its results: FLOP/s or B/s."""
    ok: Mapping[str, float] = field(default_factory=dict)
    """By the first part of a phase: the share of the peak from which a figure is as it should be."""

    def share_wanted(self, phase: str) -> float | None:
        """The share that a phase should reach; None where nothing is asked of it."""
        return self.ok.get(phase.partition(".")[0])


def model_of(name: str) -> Model | None:
    """The model behind the driver's name; None for one that is not listed, and for slices of one (MIG)."""
    wanted = _NOISE.sub("", name.strip()).lower()
    return next((one for one in models() if wanted in one.names), None)


@lru_cache(maxsize=1)
def models() -> tuple[Model, ...]:
    """Every model of the registry."""
    told = tomllib.loads(_FILE.read_text("utf-8"))
    lanes = {int(key): float(value) for key, value in told["pcie_gb_s_per_lane"].items()}
    return tuple(_model(one, told["ok"], lanes) for one in told["model"])


def _model(told: Mapping[str, Any], ok: Mapping[str, float], lanes: Mapping[int, float]) -> Model:
    peaks = {f"matmul.{precision}": value * 1e12 for precision, value in told["tflops"].items()}
    peaks["memory.copy"] = peaks["memory.read"] = told["memory_gb_s"] * 1e9
    if "pcie" in told:
        generation, width = told["pcie"]
        peaks["host.to_device"] = peaks["host.from_device"] = lanes[generation] * width * 1e9
    if "nvlink_gb_s" in told:
        peaks["allreduce.node"] = told["nvlink_gb_s"] * 1e9
    names = tuple(name.lower() for name in told["names"])
    return Model(names, told["source"], peaks, {**ok, **told.get("ok", {})})
