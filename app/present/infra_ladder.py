"""The steps of a deployment as a ladder: which are done, which is under way and how far, which failed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from app.domain.deployment import STEPS, DeployEvent, Deployment, State, Step, Told
from app.domain.frozen import frozen
from app.present.cells import Cell, Line, Tone, cells, fit_line, line, line_width, spread, tidy
from app.present.infra_view import Held, pieces
from app.present.look import Look
from app.present.scale import bar
from app.present.units import format_age

RungState = Literal["done", "under way", "failed", "waiting", "skipped", "stopped"]

MEANING: Mapping[Step, str] = {
    Step.CHECK: "key, Terraform, ssh, prices",
    Step.PLAN: "what changes, and its price",
    Step.PODS: "Terraform rents the pods",
    Step.REACH: "every pod runs and lets us in",
    Step.INSTALL: "scripts and exporter on all",
    Step.GPUS: "as many as paid for, healthy",
    Step.SLURM: "controller up, workers joined",
    Step.JOB: "a job on all nodes at once",
    Step.MODEL: "the model server answers",
    Step.WATCH: "watched by this program",
}
_PLAIN = frozenset({"", "begins", "is done", "was done before"})
NO_MODEL = "none is wished for"
_NAME = 8
_BAR = 10
_TIME = 7
_BAR_FROM = 66
"""Columns from which a step under way has a bar."""


@frozen
class Rung:
    """One step as it went last."""

    step: Step
    state: RungState = "waiting"
    began_at: float | None = None
    ended_at: float | None = None
    fraction: float | None = None
    said: str = ""
    """What was told of it last."""
    noted: str = ""
    """What was told of it for good, not only on the way."""

    def lasted(self, now: float) -> float | None:
        """Seconds it took, or takes so far; None: not known."""
        if self.began_at is None or self.state == "stopped":
            return None
        if self.ended_at is not None:
            return max(0.0, self.ended_at - self.began_at)
        return max(0.0, now - self.began_at) if self.state == "under way" else None


def ladder(deployment: Deployment, events: Sequence[DeployEvent], *, is_running: bool) -> tuple[Rung, ...]:
    """Every step in order, by the record and by what was told of each last.

    The record is the truth of what is done; events add the times. A step that was begun while nobody works on it any
    more is `stopped`: its program went away.
    """
    rungs = {step: Rung(step) for step in STEPS}
    for event in events:
        if event.step is not None:
            rungs[event.step] = _told(rungs[event.step], event)
    settled = [_settled(rungs[step], deployment, is_running=is_running) for step in STEPS]
    return tuple(settled)


def _told(rung: Rung, event: DeployEvent) -> Rung:
    match event.told:
        case Told.BEGUN:
            return Rung(rung.step, "under way", event.at)
        case Told.DONE:
            # That it is done shows; where no more is told, what was told before says more.
            said = rung.noted if is_plain(event) else event.text
            return replace(rung, state="done", ended_at=event.at, said=said, fraction=None)
        case Told.SKIPPED if is_plain(event):
            return rung if rung.state == "done" else Rung(rung.step, "done")
        case Told.SKIPPED:
            return replace(rung, state="skipped", ended_at=event.at, said=event.text, fraction=None)
        case Told.FAILED:
            return replace(rung, state="failed", ended_at=event.at, said=event.text, fraction=None)
        case Told.ENDED:
            return rung
        case Told.NOTE | Told.PROGRESS | Told.WARNING:
            said = f"{event.node}: {text_of(event)}" if event.node else event.text
            fraction = event.fraction if event.fraction is not None else rung.fraction
            noted = said if event.told is Told.NOTE else rung.noted
            return replace(rung, said=said, noted=noted, fraction=fraction)


def _settled(rung: Rung, deployment: Deployment, *, is_running: bool) -> Rung:
    is_done = rung.step in deployment.done
    if rung.state == "under way" and not is_running:
        return replace(rung, state="done") if is_done else replace(rung, state="stopped", fraction=None)
    if is_done and rung.state in {"waiting", "failed"}:
        return replace(rung, state="done")
    trouble = deployment.trouble
    if rung.state in {"waiting", "failed"} and deployment.state is State.FAILED and trouble is not None:
        # The trouble is told in full beside the steps.
        return replace(rung, state="failed", said="") if trouble.step is rung.step else rung
    if rung.step is Step.MODEL and not deployment.wish.model and rung.state in {"waiting", "done"}:
        return replace(rung, state="skipped" if is_done else "waiting", said=NO_MODEL)
    if rung.state in {"done", "skipped"} and not is_done and deployment.state is State.DESTROYED:
        return replace(rung, state="waiting")
    return rung


def ladder_lines(rungs: Sequence[Rung], look: Look, width: int) -> tuple[Line, ...]:
    """A line a step: a sign, its name, what was told of it, how long it took."""
    return tuple(_rung_line(rung, look, width) for rung in rungs)


def _rung_line(rung: Rung, look: Look, width: int) -> Line:
    sign, tone = _sign(rung.state, look)
    name_tone: Tone = "plain" if rung.state in {"done", "skipped"} else tone
    lasted = rung.lasted(look.now)
    time = Cell(format_age(lasted).rjust(_TIME) if lasted is not None else "", "quiet")
    right: Line = (time,) if lasted is not None else ()
    if rung.state == "under way" and rung.fraction:
        share = min(1.0, max(0.0, rung.fraction))
        drawn = bar(share, _BAR, look.glyphs) if width >= _BAR_FROM else ()
        right = line(drawn, Cell(f" {share * 100:3.0f} %", "info"), time)
    elif rung.state in {"skipped", "stopped"}:
        right = line(Cell(rung.state, "quiet" if rung.state == "skipped" else "look"), " ")
    head = line(Cell(f" {sign} ", tone), Cell(rung.step.value.ljust(_NAME), name_tone), "  ")
    said = cells(_said(rung), _said_tone(rung.state))
    room = max(0, width - line_width(head) - line_width(right) - bool(right))
    return spread(line(head, fit_line(said, room, cut=look.glyphs.more)), right, width, cut=look.glyphs.more)


def _said(rung: Rung) -> str:
    return tidy(rung.said, 300) or MEANING[rung.step]


def is_plain(event: DeployEvent) -> bool:
    """It says no more than that the step begins or is done."""
    return event.step is not None and event.text.removeprefix(f"{event.step.value} ") in _PLAIN


def text_of(event: DeployEvent) -> str:
    """An event's text without the name of its node or step, where that stands before it already."""
    if event.step is not None and event.text.removeprefix(f"{event.step.value} ") in _PLAIN:
        return event.text.removeprefix(f"{event.step.value} ")
    for head in (f"{event.node}: ", f"{event.node} "):
        if event.node and event.text.startswith(head):
            return event.text.removeprefix(head)
    return event.text


def _said_tone(state: RungState) -> Tone:
    match state:
        case "under way":
            return "plain"
        case "failed":
            return "bad"
        case "waiting":
            return "old"
        case _:
            return "quiet"


def _sign(state: RungState, look: Look) -> tuple[str, Tone]:
    glyphs = look.glyphs
    match state:
        case "done":
            return glyphs.done, "good"
        case "under way":
            return glyphs.onward, "info"
        case "failed":
            return glyphs.lost, "bad"
        case "stopped":
            return glyphs.stale, "look"
        case "skipped":
            return glyphs.rest, "quiet"
        case "waiting":
            return glyphs.dot, "old"


def ladder_state(held: Held, rungs: Sequence[Rung], look: Look) -> Line:
    """`4 of 10 · 3 min 12`, for the frame: how far it is, and since when this run goes on."""
    done = sum(rung.state in {"done", "skipped"} for rung in rungs)
    parts: list[Line] = [(Cell(f"{done} of {len(rungs)}", "quiet"),)] if rungs else []
    if held.run is not None:
        parts.append((Cell(format_age(look.now - held.run.began_at), "quiet"),))
    return pieces(parts, Cell(f" {look.glyphs.dot} ", "frame"))
