"""The phases of a burn-in: what is done, for how long, and what is printed of it. Each one is timed and bounded."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Callable, Iterator  # noqa: UP035 - the nodes' Python may be 3.8

from pod.stress import patterns
from pod.stress.clocks import Meter, Watch
from pod.stress.engine import BLOCK_BYTES, Engine, Load, Reduction
from pod.stress.lines import Lines
from pod.stress.settings import Settings

HUNG = 4
"""Exit status of a process whose device did not come back."""
FLOPS, BYTES_S, WORDS = "FLOP/s", "B/s", "words"
_NO_BUS = "there is no device behind a bus"
_ALONE = "there is one process only"
_ONE_NODE = "there is one node only"
_SAMPLES = 200


class Stopped(BaseException):
    """SIGTERM came; what was measured so far stands."""


class Run:
    """One process's way through the phases."""

    def __init__(self, settings: Settings, engine: Engine, meter: Meter | None, lines: Lines) -> None:
        self._settings = settings
        self._engine = engine
        self._meter = meter or Meter()
        self._lines = lines
        self._has_met = False

    def all(self) -> int:
        """Every phase that is wanted; returns how many failed."""
        errors_before = self._meter.uncorrected_errors()
        failed = sum([self._bounded(name, seconds, work) for name, seconds, work in self._plan()])
        errors = self._meter.uncorrected_errors()
        if errors is not None and errors_before is not None:
            self._lines.result("ecc", max(0.0, errors - errors_before), "errors", {})
        return failed

    def _plan(self) -> Iterator[tuple[str, float, Callable[[str, float], None]]]:
        """Name, seconds and work of each step."""
        seconds, wanted = self._settings.phase_s, self._settings.phases
        if "matmul" in wanted:
            for precision in self._engine.precisions():
                yield f"matmul.{precision}", seconds, self._matmul
        if "memory" in wanted:
            yield "memory.copy", seconds, lambda name, time_s: self._load(name, time_s, self._engine.copy())
            yield "memory.read", seconds, lambda name, time_s: self._load(name, time_s, self._engine.read())
        if "pattern" in wanted:
            yield "memory.pattern", seconds, self._pattern
        if "host" in wanted:
            yield "host.to_device", seconds, lambda name, time_s: self._bus(name, time_s, self._engine.to_device())
            yield "host.from_device", seconds, lambda name, time_s: self._bus(name, time_s, self._engine.from_device())
        if "sustained" in wanted:
            yield "sustained", self._settings.sustained_s, self._sustained
        if "allreduce" in wanted:  # last: NCCL ends the process when another one does not come
            yield "allreduce.node", seconds, self._reduction
            yield "allreduce.all", seconds, self._reduction

    def _bounded(self, name: str, seconds: float, work: Callable[[str, float], None]) -> int:
        """One step; what fails is told, and the others go on.

        What hangs ends the process: a device that does not come back cannot be taken by the next step either.
        """
        meets = self._settings.meet_s if name.startswith("allreduce") else 0.0
        limit_s = 3 * seconds + 60 + 2 * meets
        guard = threading.Timer(limit_s, self._give_up, (name, limit_s))
        guard.daemon = True
        guard.start()
        try:
            work(name, seconds)
        except Exception as error:  # noqa: BLE001 - torch raises what it likes; the step failed, the rest goes on
            self._lines.error(name, f"{type(error).__name__}: {error}")
            return 1
        finally:
            guard.cancel()
            self._engine.forget()
        return 0

    def _give_up(self, name: str, limit_s: float) -> None:
        self._lines.error(name, f"did not end within {limit_s:.0f} s: the device hangs")
        self._lines.end({"reason": "hung"})
        os._exit(HUNG)

    def _matmul(self, name: str, seconds: float) -> None:
        work = self._engine.matmul(name.partition(".")[2])
        rate, detail = timed(work, seconds)
        self._lines.result(name, rate, FLOPS, {**detail, "differences": work.differences()})

    def _load(self, name: str, seconds: float, load: Load) -> None:
        rate, detail = timed(load, seconds)
        self._lines.result(name, rate, BYTES_S, detail)

    def _bus(self, name: str, seconds: float, load: Load | None) -> None:
        if load is None:
            self._lines.result(name, None, BYTES_S, {"text": _NO_BUS})
            return
        rate, detail = timed(load, seconds)
        self._lines.result(name, rate, BYTES_S, {**detail, **self._meter.bus()})

    def _pattern(self, name: str, seconds: float) -> None:
        memory = self._engine.memory()
        said = patterns.check(memory, seconds, time.monotonic)
        size = memory.blocks * BLOCK_BYTES
        detail = {"bytes": size, "passes": said.passes, "is_whole": said.is_whole, "first": list(said.first)}
        self._lines.result(name, said.mismatches, WORDS, detail)

    def _reduction(self, name: str, seconds: float) -> None:
        place, scope = self._settings.place, name.partition(".")[2]
        if scope == "node" and place.local_size < 2:
            self._lines.result(name, None, BYTES_S, {"text": _ALONE})
        elif scope == "all" and place.size == place.local_size:
            self._lines.result(name, None, BYTES_S, {"text": _ONE_NODE})
        else:
            if not self._has_met:
                self._engine.meet(place, self._settings.meeting)
                self._has_met = True
            work = self._engine.reduction(scope, place, self._settings.meeting)
            try:
                rate, detail = timed_together(work, place.local_size if scope == "node" else place.size, seconds)
                self._lines.result(name, rate, BYTES_S, {**detail, "wrong": work.wrong()})
            finally:
                work.close()

    def _sustained(self, name: str, seconds: float) -> None:
        work = self._engine.matmul(self._engine.precisions()[-1])
        with Watch(self._meter, max(0.1, seconds / _SAMPLES)) as watch:
            rate, detail = timed(work, seconds)
        more = {"precision": self._engine.precisions()[-1], "differences": work.differences(), **watch.summary()}
        self._lines.result(name, rate, FLOPS, {**detail, **more})


def timed(load: Load, seconds: float) -> tuple[float, dict[str, Any]]:
    """How much a second, over the whole time; the rates of its first and last fifth show what heat does."""
    load.step()
    began = now = time.perf_counter()
    marks: list[tuple[float, float]] = []
    total = 0.0
    while now - began < seconds:
        total += load.step()
        now = time.perf_counter()
        marks.append((now - began, total))
    return total / (now - began), {"seconds": round(now - began, 2), **_ends(marks)}


def _ends(marks: list[tuple[float, float]]) -> dict[str, Any]:
    """Rates of the first and the last fifth of the steps. Pure."""
    fifth = len(marks) // 5
    if not fifth:
        return {}
    (first_s, first), (last_s, last), (before_s, before) = marks[fifth - 1], marks[-1], marks[-fifth - 1]
    return {"rate_first": first / first_s, "rate_last": (last - before) / (last_s - before_s)}


def timed_together(work: Reduction, size: int, seconds: float) -> tuple[float, dict[str, Any]]:
    """The same, with a number of steps that all agree on: who stopped earlier would leave the others waiting."""
    work.step()
    began = time.perf_counter()
    amount = work.step()
    mine_us = max(1, int((time.perf_counter() - began) * 1e6))
    steps = max(1, min(100_000, int(seconds * 1e6 * size / work.agree(mine_us))))
    began = time.perf_counter()
    for _ in range(steps):
        work.step()
    took = time.perf_counter() - began
    return amount * steps / took, {"seconds": round(took, 2), "ranks": size}
