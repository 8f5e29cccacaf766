"""A model server's start as lines: every phase with its time and progress, or all of it on one line. Pure."""

from __future__ import annotations

from app.domain.model_start import PHASES, ModelStart, Phase, PhaseKind, stuck
from app.present.cells import Cell, Line, Tone, cells, fit, line, wrap
from app.present.look import Look
from app.present.units import format_age

_TITLE, _TIME, _BAR = 12, 9, 16
TONES: dict[str, Tone] = {
    "unknown": "quiet",
    "starting": "info",
    "ready": "plain",
    "failed": "bad",
    "stopped": "quiet",
    "asleep": "quiet",
}


def start_title(start: ModelStart, look: Look) -> Line:
    """`starting · CUDA graphs 23/51 · 1 min · start 2`, then model and release."""
    said: list[Cell | str | Line] = [Cell(start.standing, TONES[start.standing])]
    phase = start.current
    if phase is not None and start.standing == "starting":
        said += [Cell(f" {look.glyphs.dot} ", "quiet"), Cell(_titled(phase)), Cell(_progress(phase), "strong")]
    began = start.began()
    if began is not None and start.standing == "starting":
        said.append(Cell(f" {look.glyphs.dot} {format_age(look.now - began)}", "quiet"))
    if start.attempts > 1:
        said.append(Cell(f" {look.glyphs.dot} start {start.attempts}", "look"))
    if start.model:
        said += [Cell("  "), *cells(start.model, "strong")]
    if start.version:
        said.append(Cell(f"  vLLM {start.version}", "quiet"))
    return line(*said)


def phase_lines(start: ModelStart, look: Look) -> tuple[Line, ...]:
    """One line a phase: those seen with what they took, those to come quiet, those left out not at all."""
    known = {phase.name: phase for phase in start.phases}
    newest = start.current
    found: list[Line] = []
    is_past = newest is not None
    for kind in PHASES:
        phase = known.get(kind.name)
        if phase is not None:
            found.append(_phase(kind, phase, start, look, is_now=phase is newest))
        elif not is_past and start.standing == "starting":
            found.append(line(Cell(f"{look.glyphs.dot} {fit(kind.title, _TITLE)}", "old")))
        if newest is not None and kind.name == newest.name:
            is_past = False
    return tuple(found)


def _phase(kind: PhaseKind, phase: Phase, start: ModelStart, look: Look, *, is_now: bool) -> Line:
    if kind.name == "ready":
        at = look.clock(phase.since) if phase.since is not None else ""
        return line(
            Cell(_sign(start, look, is_now=is_now)), Cell(fit(" ready", _TITLE + 1), "strong"), Cell(at, "quiet")
        )
    tone: Tone = "strong" if is_now and start.standing == "starting" else "plain"
    seconds = phase.seconds(look.now if start.standing == "starting" else start.moved_at or look.now)
    return line(
        Cell(_sign(start, look, is_now=is_now), TONES[start.standing] if is_now else "plain"),
        Cell(" " + fit(kind.title, _TITLE), tone),
        Cell(fit(format_age(seconds) if seconds is not None else "", _TIME, "right"), tone),
        _bar(phase, look),
        Cell(fit(_progress(phase), 12), tone),
        *cells(phase.detail, "quiet"),
    )


def strip_line(start: ModelStart, look: Look) -> Line:
    """All phases seen on one line: `✓ weights 41 s  ▸ compile 12 s`."""
    said: list[Cell] = []
    for phase in start.phases:
        is_now = phase is start.current
        seconds = phase.seconds(look.now if start.standing == "starting" else start.moved_at or look.now)
        took = f" {format_age(seconds)}" if seconds and phase.name != "ready" else ""
        tone: Tone = "strong" if is_now else "quiet"
        said.append(
            Cell(
                f"{_sign(start, look, is_now=is_now)} {_titled(phase)}{took}{_progress(phase) if is_now else ''}  ",
                tone,
            )
        )
    return tuple(said)


def trouble_lines(start: ModelStart, look: Look, width: int) -> tuple[Line, ...]:
    """Why it failed, or which phase is stuck and of what such phases are stuck typically; nothing where all is well."""
    more: tuple[str, ...] = ()
    if start.standing == "failed":
        sign, text = look.glyphs.critical, f"the start failed: {start.why}"
    else:
        found = stuck(start, look.now)
        if found is None:
            return ()
        sign = look.glyphs.warning
        text = f"{found.phase.title}: no progress for {format_age(found.for_s)}"
        more = found.phase.causes
    tone: Tone = "bad" if start.standing == "failed" else "look"
    head = wrap(text, max(20, width - 3))
    lines = [line(Cell(f"{sign} " if at == 0 else "  ", tone), *cells(part, tone)) for at, part in enumerate(head[:2])]
    lines += [line(Cell(f"  {look.glyphs.dot} ", "quiet"), *cells(cause)) for cause in more]
    return tuple(lines)


def _titled(phase: Phase) -> str:
    return next(kind.title for kind in PHASES if kind.name == phase.name)


def _progress(phase: Phase) -> str:
    """` 23/51` or ` 40 %`, with a space before it; empty where nothing counts."""
    if phase.of:
        return f" {phase.done or 0}/{phase.of}"
    return f" {phase.percent:.0f} %" if phase.percent is not None else ""


def _bar(phase: Phase, look: Look) -> Cell:
    """How far it is; blank where nothing counts."""
    share = (phase.done or 0) / phase.of if phase.of else phase.percent / 100 if phase.percent is not None else None
    if share is None:
        return Cell(" " * (_BAR + 2))
    full = max(0, min(_BAR, round(share * _BAR)))
    return Cell(f"  {look.glyphs.fill * full}{look.glyphs.rest * (_BAR - full)}", "accent")


def _sign(start: ModelStart, look: Look, *, is_now: bool) -> str:
    """Done, going on, or broken off."""
    if not is_now or start.standing in ("ready", "asleep"):
        return look.glyphs.done
    if start.standing == "failed":
        return look.glyphs.critical
    return look.glyphs.onward
