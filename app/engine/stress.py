"""Judging a burn-in: which GPUs are slow or faulty, and why, in words. Pure.

A GPU is held against what its model should reach and against its siblings: GPUs of the same model in the same run.
Wrong results are faults whatever the speed; a GPU that was not tested is `unknown`, never fine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Literal

from app.domain.frozen import frozen
from app.engine.stress_groups import Group, groups_of
from app.engine.stress_models import model_of
from app.engine.stress_results import Device, Heard, Result
from app.engine.stress_words import figure, phase_words

State = Literal["ok", "slow", "faulty", "unknown"]
COMPARED = ("matmul.", "memory.copy", "memory.read", "host.", "sustained")
"""Beginnings of phases whose figures are compared."""
_TOLERANCE: Mapping[str, float] = {"host": 0.25}
"""How much below its siblings a GPU may be, by the first part of a phase: not all share their bus alike."""
_OTHERWISE = 0.08
_CPU_TOLERANCE = 0.67
"""Processors share cores and memory with whatever else runs there."""
_MAD_TIMES = 5 * 1.4826
"""Five standard deviations, were the figures spread like a bell."""
_CLOCK_FALL = 0.9
_HARDWARE = re.compile(
    r"uncorrectable|\bECC\b|hardware|fallen off|is lost|illegal (?:memory|instruction)|launch failure|NVLink",
    re.IGNORECASE,
)
_HOT_SHARE = 0.05
"""Of the looks at a GPU: as long as heat or hardware must have held it back to be the reason for its clocks."""


@frozen
class Measure:
    """One figure of a GPU, and what it is held against."""

    phase: str
    value: float
    unit: str
    expected: float | None = None
    """The model's peak; None where none is known."""
    wanted: float | None = None
    """Share of the peak from which it is as it should be."""
    median: float | None = None
    """Of its siblings; None without any."""
    siblings: int = 0
    is_behind: bool = False
    """It falls short of its siblings."""

    @property
    def share(self) -> float | None:
        """Of the peak."""
        return None if self.expected is None else self.value / self.expected

    @property
    def is_short(self) -> bool:
        """It falls short of what the model should reach."""
        return self.share is not None and self.wanted is not None and self.share < self.wanted


@frozen
class Verdict:
    """What is to be thought of one GPU."""

    device: Device
    state: State
    reasons: tuple[str, ...] = ()
    """The worst first; empty for one that is fine."""
    measures: tuple[Measure, ...] = ()


@frozen
class Report:
    """The whole burn-in, judged."""

    verdicts: tuple[Verdict, ...]
    groups: tuple[Group, ...]
    """All-reduces: figures of several GPUs together."""
    notes: tuple[str, ...]

    @property
    def is_bad(self) -> bool:
        """Something is slow or faulty."""
        return bool({"slow", "faulty"} & self._states)

    @property
    def is_incomplete(self) -> bool:
        """Something was not tested, or nothing was."""
        return not self.verdicts or "unknown" in self._states

    @property
    def _states(self) -> set[State]:
        return {one.state for one in self.verdicts} | {one.state for one in self.groups}


def judge(heard: Heard, expected: Sequence[tuple[str, Sequence[int]]] = ()) -> Report:
    """The verdicts; `expected` names the nodes that were to speak, with the GPUs that the job has there."""
    verdicts = [_verdict(device, heard.devices) for device in heard.devices]
    known = {(one.host, one.index) for one in heard.devices}
    silent: list[tuple[str, int]] = []
    for host, indices in expected:
        missing = len(indices) - sum(1 for one in heard.devices if one.host == host)
        silent += [(host, at) for at in indices if (host, at) not in known][: max(0, missing)]
    verdicts += [
        Verdict(Device(host, at, -1), "unknown", ("nothing was heard of it: its process did not start or broke off",))
        for host, at in silent
    ]
    return Report(tuple(verdicts), groups_of(heard.devices), tuple(_model_notes(heard.devices)) + heard.notes)


def _verdict(device: Device, all_of_them: Sequence[Device]) -> Verdict:
    siblings = [
        one for one in all_of_them if one is not device and (one.kind, one.model) == (device.kind, device.model)
    ]
    measures = tuple(_measures(device, siblings))
    faults = list(_faults(device))
    slow = list(_short(device, measures)) + list(_throttled(device)) + list(_bus(device))
    gaps = list(_gaps(device, measures, siblings))
    state: State = "faulty" if faults else "slow" if slow else "unknown" if gaps else "ok"
    if slow and (told := _clocks(device)) and not any(told in one for one in slow):
        slow.append(told)
    return Verdict(device, state, (*faults, *slow, *gaps), measures)


def _measures(device: Device, siblings: Sequence[Device]) -> Iterator[Measure]:
    """Every figure that can be compared."""
    model = model_of(device.model) if device.kind == "cuda" else None
    for result in device.results:
        if result.value is None or not result.phase.startswith(COMPARED):
            continue
        others = [found.value for one in siblings if (found := one.result(result.phase)) and found.value is not None]
        phase = _as_phase(result)
        yield Measure(
            phase=result.phase,
            value=result.value,
            unit=result.unit,
            expected=model.peaks.get(phase) if model else None,
            wanted=model.share_wanted(phase) if model else None,
            median=median(others) if others else None,
            siblings=len(others),
            is_behind=_is_behind(result.value, others, _tolerance(device, result.phase)),
        )


def _as_phase(result: Result) -> str:
    """The phase whose peak counts: the sustained load is a multiplication in its precision."""
    return f"matmul.{result.detail.get('precision', '')}" if result.phase == "sustained" else result.phase


def _tolerance(device: Device, phase: str) -> float:
    return _CPU_TOLERANCE if device.kind == "cpu" else _TOLERANCE.get(phase.partition(".")[0], _OTHERWISE)


def _is_behind(value: float, others: Sequence[float], tolerance: float) -> bool:
    """Below the others by more than may be, and by more than they differ among themselves.

    Of two nobody knows which one is as it should be, so the slower one must be far below.
    """
    if not others:
        return False
    middle = median(others)
    if len(others) == 1:
        return value < middle * (1 - min(_CPU_TOLERANCE, 2 * tolerance))
    spread = median(abs(other - middle) for other in others)
    return value < middle * (1 - tolerance) and value < middle - _MAD_TIMES * spread


def _faults(device: Device) -> Iterator[str]:
    """What no speed makes good."""
    for result in device.results:
        found = result.value or 0
        if result.phase == "memory.pattern" and found > 0:
            where = ", ".join(result.words("first")[:2])
            yield f"memory: {found:,.0f} words do not hold what was written" + (f" ({where})" if where else "")
        if result.phase == "ecc" and found > 0:
            yield f"{found:,.0f} uncorrectable ECC error{'' if found == 1 else 's'} during the run"
        if differences := result.number("differences"):
            yield f"{phase_words(result.phase)}: the same multiplication gave {differences:,.0f} other elements"
    if device.end == "hung":
        said = device.errors[-1] if device.errors else ("", "it did not come back")
        yield f"{phase_words(said[0])} {said[1]}".strip()
    yield from (
        f"{phase_words(phase)}: {text}"
        for phase, text in device.errors
        if device.kind == "cuda" and not phase.startswith("allreduce") and _HARDWARE.search(text)
    )


def _short(device: Device, measures: Sequence[Measure]) -> Iterator[str]:
    """Figures below the model's, or the siblings'."""
    for one in measures:
        words = phase_words(one.phase)
        if one.is_behind and one.median:
            below = round(100 * (1 - one.value / one.median))
            whom = f"its {one.siblings} siblings" if one.siblings > 1 else "its only sibling"
            own, theirs = figure(one.value, one.unit), figure(one.median, one.unit)
            yield f"{words} {below} % below {whom} ({own}, theirs {theirs})"
        elif one.is_short and one.expected and one.share is not None:
            reached = f"{figure(one.value, one.unit)}, {100 * one.share:.0f} % of the {figure(one.expected, one.unit)}"
            yield f"{words} {reached} that a {device.model} has"


def _throttled(device: Device) -> Iterator[str]:
    """Clocks that heat or hardware pulled down; a power cap alone is how such GPUs are meant to work."""
    found = device.result("sustained")
    if found is None or (found.number("hot_share") or 0) < _HOT_SHARE:
        return
    first, last = found.number("clock_first_mhz"), found.number("clock_last_mhz")
    rate_first, rate_last = found.number("rate_first"), found.number("rate_last")
    is_down = bool(first and last and last < _CLOCK_FALL * first)
    is_slower = bool(rate_first and rate_last and rate_last < _CLOCK_FALL * rate_first)
    if is_down or is_slower:
        yield _clocks(device)


def _clocks(device: Device) -> str:
    """What clocks did under the sustained load: `SM clock fell from 1980 to 1200 MHz at 88 °C: …`; empty: nothing."""
    found = device.result("sustained")
    if found is None or device.kind != "cuda":
        return ""
    first, last = found.number("clock_first_mhz"), found.number("clock_last_mhz")
    why = ", ".join(found.words("slowed_by"))
    heat = found.number("temperature_max_c")
    if first is None or last is None or (last >= _CLOCK_FALL * first and not why):
        return ""
    moved = f"fell from {first:.0f} to {last:.0f} MHz" if last < _CLOCK_FALL * first else f"stayed at {last:.0f} MHz"
    return f"SM clock {moved}" + (f" at {heat:.0f} °C" if heat is not None else "") + (f": {why}" if why else "")


def _bus(device: Device) -> Iterator[str]:
    """A link that is narrower or older than it could be, while data goes over it."""
    found = device.result("host.to_device")
    if found is None:
        return
    now = found.number("pcie_gen"), found.number("pcie_width")
    best = found.number("pcie_gen_max"), found.number("pcie_width_max")
    if None in now or None in best:
        return
    if now[0] < best[0] or now[1] < best[1]:  # type: ignore[operator]  # none of them is None
        yield f"its bus runs as PCIe {now[0]:.0f} × {now[1]:.0f} instead of {best[0]:.0f} × {best[1]:.0f}"


def _gaps(device: Device, measures: Sequence[Measure], siblings: Sequence[Device]) -> Iterator[str]:
    """What was not tested."""
    if device.kind == "cpu" and device.expects_gpu:
        yield "no GPU was tested here, only the processor" + (f": {device.note}" if device.note else "")
        if "No module named" in device.note:
            yield "--python FILE names a Python that has torch"
    for phase, text in device.errors:
        is_told = device.kind == "cuda" and _HARDWARE.search(text)
        if not phase.startswith("allreduce") and not is_told and device.end != "hung":
            yield f"{phase_words(phase)} could not be measured: {text}"
    if device.end is None or device.end == "terminated":
        how = "was ended" if device.end else "broke off"
        last = device.results[-1].phase if device.results else ""
        yield f"its process {how}" + (f" after {phase_words(last)}" if last else " before its first result")
    elif (
        measures
        and not siblings
        and not (device.kind == "cpu" and device.expects_gpu)
        and all(one.expected is None for one in measures)
    ):
        yield "there is nothing to compare it with: no figures of its model are known, and it has no siblings"


def _model_notes(devices: Sequence[Device]) -> Iterator[str]:
    """Which models are held against their siblings only."""
    for model in dict.fromkeys(one.model for one in devices if one.kind == "cuda"):
        if model_of(model) is None:
            yield f"no figures are known for {model}: it is compared with its siblings only"
