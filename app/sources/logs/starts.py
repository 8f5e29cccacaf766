"""Follows a model server's start through its log: which phase, how far, since when, and how it ended. No I/O.

A phase is never left backwards: with several workers each says everything once more, and the last to say it counts. A
new start is told by the lines a start begins with, or by whatever restarts the server (`pod/vllm`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from app.domain.model_start import ModelStart, Phase, PhaseName, Standing, is_before
from app.domain.naming import clean
from app.sources.logs.line import LogLine
from app.sources.logs.moments import Moment
from app.sources.logs.start_signs import START_SIGNS, StartSign
from app.sources.logs.work_lines import is_echo, vllm_find

_FATAL = frozenset(
    ("vllm.init_failed", "vllm.no_model", "vllm.kv_too_small", "vllm.no_kv_memory", "vllm.gpu_not_empty")
    + ("vllm.port_in_use", "vllm.no_access", "vllm.engine_dead", "vllm.worker_dead", "cuda.oom")
)
"""What ends a start; the first of them is the cause, what follows are its consequences."""
_GUARD = re.compile(r"^vllm guard: (?:start (?P<attempt>\d{1,6})|(?P<end>giving up|ended)\b)")
"""Our own start script, before each start and at its end."""
_ASLEEP = re.compile(r"It took [\d.]{1,12} seconds to fall asleep")
_AWAKE = re.compile(r"It took [\d.]{1,12} seconds to wake up")
_MOST_DETAIL = 120


class StartReader:
    """Reads one log's lines in their order."""

    def __init__(self) -> None:
        self.start = ModelStart()

    def read(self, lines: Sequence[LogLine], when: Sequence[Moment], now: float, *, is_live: bool) -> ModelStart:
        """The newest start after these lines; `is_live`: they came now, whatever their stamps say."""
        for line, moment in zip(lines, when, strict=True):
            # A line without a time is as old as the one before it; where there is none, its time is not known.
            at = moment.at if is_live or moment.origin != "read" or moment.at < now else None
            self._take(line.text, at, now if is_live else at)
        return self.start

    def _take(self, text: str, at: float | None, moved_at: float | None) -> None:
        guard = _GUARD.match(text)
        if guard:
            self._guard(guard, text, at, moved_at)
            return
        if is_echo(text) or self._told_end(text):
            return
        for sign in START_SIGNS:
            if sign.needle not in text:
                continue
            match = sign.pattern.search(text)
            if match:
                self._sign(sign, match, at, moved_at)
                return

    def _guard(self, guard: re.Match[str], text: str, at: float | None, moved_at: float | None) -> None:
        if guard["attempt"]:
            self._begin(at, moved_at)
        else:
            why = self.start.why or clean(text, _MOST_DETAIL)
            standing: Standing = "failed" if guard["end"] == "giving up" else "stopped"
            self.start = replace(self.start, standing=standing, why=why)

    def _begin(self, at: float | None, moved_at: float | None) -> None:
        """Another start; what was known of the one before is over."""
        before = self.start
        self.start = ModelStart("starting", (Phase("start", at),), moved_at, attempts=before.attempts + 1)

    def _told_end(self, text: str) -> bool:
        """Whether the line tells how a start or a server ended, or that it sleeps."""
        start = self.start
        if _ASLEEP.search(text) or _AWAKE.search(text):
            self.start = replace(start, standing="asleep" if _ASLEEP.search(text) else "ready")
            return True
        found = vllm_find(text)
        if found is None:
            return False
        if found.kind == "vllm.shutdown" and start.standing in ("starting", "ready", "asleep"):
            self.start = replace(start, standing="stopped")
            return True
        if found.kind not in _FATAL or start.standing == "failed":
            return False
        if start.standing in ("starting", "ready"):
            self.start = replace(start, standing="failed", why=clean(text, 300))
        return True

    def _sign(self, sign: StartSign, match: re.Match[str], at: float | None, moved_at: float | None) -> None:
        start = self.start
        is_over = start.standing in ("failed", "stopped")
        is_new = sign.is_begin and len(start.phases) > 1
        if start.standing == "unknown" or is_new or (is_over and sign.phase != "ready"):
            self._begin(at, moved_at)
        said = match.groupdict()
        self._name(said)
        self._move(sign.phase, at)
        self._note(sign, said, at)
        ready = sign.phase == "ready"
        self.start = replace(self.start, moved_at=moved_at, standing="ready" if ready else self.start.standing)

    def _name(self, said: dict[str, str | None]) -> None:
        model, version = said.get("model"), said.get("version")
        if model:
            self.start = replace(self.start, model=clean(model, 160))
        if version:
            self.start = replace(self.start, version=clean(version, 40))

    def _move(self, name: PhaseName, at: float | None) -> None:
        """Go on to a phase, if it is one after those seen."""
        phases = self.start.phases
        if phases and not is_before(phases[-1].name, name):
            return
        if phases:
            phases = (*phases[:-1], replace(phases[-1], until=at if at is not None else phases[-1].until))
        self.start = replace(self.start, phases=(*phases, Phase(name, at)))

    def _note(self, sign: StartSign, said: dict[str, str | None], at: float | None) -> None:
        """Keep what a line says of its phase; a phase that is over is still told how long it took."""
        phases = list(self.start.phases)
        place = next((number for number, one in enumerate(phases) if one.name == sign.phase), None)
        if place is None:  # of a phase that was passed over
            return
        one = phases[place]
        done, of, percent, took = (said.get(name) for name in ("done", "of", "percent", "took"))
        changed = replace(
            one,
            since=one.since if one.since is not None else at,
            done=int(done) if done else one.done,
            of=int(of) if of else one.of,
            percent=float(percent) if percent else one.percent,
            told_s=max(float(took), one.told_s or 0.0) if took and sign.is_end else one.told_s,
            detail=clean(said.get("what") or one.detail, _MOST_DETAIL),
        )
        phases[place] = replace(changed, percent=100.0, done=changed.of) if sign.is_end and changed.of else changed
        self.start = replace(self.start, phases=tuple(phases))
