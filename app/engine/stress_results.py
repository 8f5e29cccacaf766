"""What the processes of a burn-in printed, read back into values. Pure; every text in it comes from outside.

Lines that are none of ours (srun's errors, a warning of torch) are kept as notes, since they often say why a process
is silent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Literal

from app.domain.frozen import frozen
from app.domain.naming import clean, natural

Kind = Literal["cuda", "cpu"]
MOST_NOTES = 20
MOST_DEVICES = 10_000
_LONGEST_LINE = 4096


@frozen
class Result:
    """What one phase brought."""

    phase: str
    value: float | None
    """FLOP/s, B/s, or a count; None where the phase was left out."""
    unit: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def number(self, key: str) -> float | None:
        """A number of the detail; None where it holds none."""
        return number_of(self.detail.get(key))

    def words(self, key: str) -> tuple[str, ...]:
        """Words of the detail, cleaned."""
        value = self.detail.get(key)
        return tuple(clean(str(one), 80) for one in value[:10]) if isinstance(value, list) else ()

    @property
    def text(self) -> str:
        """What it says in words, cleaned."""
        return clean(str(self.detail.get("text", "")), 300)


@frozen
class Device:
    """One process's device, and all that was heard of it."""

    host: str
    index: int
    rank: int
    kind: Kind = "cpu"
    model: str = ""
    uuid: str | None = None
    results: tuple[Result, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    """Phase and what went wrong."""
    note: str = ""
    """Of its start: why torch was not used."""
    expects_gpu: bool = False
    """A GPU was to be tested here."""
    end: str | None = None
    """`done`, `terminated`, `hung`; None: it broke off."""

    @property
    def name(self) -> str:
        """`gpu-01/3`."""
        return f"{self.host}/{self.index}"

    def result(self, phase: str) -> Result | None:
        """What a phase brought, if it brought a value."""
        return next((one for one in self.results if one.phase == phase and one.value is not None), None)


@frozen
class Heard:
    """The whole output."""

    devices: tuple[Device, ...] = ()
    notes: tuple[str, ...] = ()
    """Lines that are none of ours, the first of them."""


class Reader:
    """Takes the lines one after the other, as they come."""

    def __init__(self) -> None:
        self._devices: dict[tuple[str, int], dict[str, Any]] = {}
        self._notes: dict[str, None] = {}
        self.last_phase = ""
        """Of the newest line, for who shows progress."""

    def feed(self, lines: Iterable[str]) -> None:
        """Take lines in."""
        for line in lines:
            told = _parsed(line)
            if told is not None:
                self._take(told)
            elif (text := clean(line.strip(), 300)) and len(self._notes) < MOST_NOTES:
                self._notes[text] = None

    def heard(self) -> Heard:
        """All that was heard so far, devices in their natural order."""
        made = [_device(of) for of in self._devices.values()]
        return Heard(tuple(sorted(made, key=lambda one: (natural(one.host), one.index))), tuple(self._notes))

    def _take(self, told: Mapping[str, Any]) -> None:
        host, index = clean(str(told["host"]), 64), int(told["device"])
        if len(self._devices) >= MOST_DEVICES and (host, index) not in self._devices:
            return
        of = self._devices.setdefault((host, index), {"results": {}, "errors": [], "end": None, "start": {}})
        of.update(host=host, index=index, rank=int(told["rank"]), told=told)
        phase, detail = clean(str(told["phase"]), 40), dict(told["detail"])
        self.last_phase = phase
        match told["event"]:
            case "start":
                of["start"] = detail
            case "result":
                of["results"][phase] = Result(phase, number_of(told["value"]), clean(str(told["unit"]), 10), detail)
            case "error":
                of["errors"].append((phase, clean(str(detail.get("text", "")), 300)))
            case "end":
                of["end"] = clean(str(detail.get("reason", "")), 40)


def _parsed(line: str) -> Mapping[str, Any] | None:
    """A line of ours; None for any other."""
    if '"stress":1' not in line or len(line) > _LONGEST_LINE:
        return None
    try:
        told = json.loads(line[line.index("{") :], parse_float=_finite, parse_constant=lambda _: None)
        whole = {"host", "device", "rank", "event", "phase", "value", "unit", "detail", "kind", "model", "uuid"}
        is_ours = isinstance(told, dict) and whole <= told.keys() and isinstance(told["detail"], dict)
        return {**told, "device": int(told["device"]), "rank": int(told["rank"])} if is_ours else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _finite(text: str) -> float | None:
    """A number that JSON can carry on; others (`1e999`) are none."""
    return number_of(float(text))


def number_of(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _device(of: Mapping[str, Any]) -> Device:
    told, start = of["told"], of["start"]
    return Device(
        host=of["host"],
        index=of["index"],
        rank=of["rank"],
        kind="cuda" if told["kind"] == "cuda" else "cpu",
        model=clean(str(told["model"]), 80),
        uuid=clean(str(told["uuid"]), 80) if told["uuid"] else None,
        results=tuple(of["results"].values()),
        errors=tuple(of["errors"][:20]),
        note=clean(str(start.get("text", "")), 300),
        expects_gpu=start.get("expects_gpu") is True,
        end=of["end"],
    )
