"""What a run of `deploy` looks like: the picture of its steps, its plain lines, and what is asked about. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.deployment import HEAD, STEPS, DeployEvent, Deployment, InfraPlan, Told
from app.domain.naming import clean
from app.present.cells import Cell, Line, Tone, cells, fit_line, line, spread, tidy, wrap
from app.present.glyphs import ASCII, UNICODE
from app.present.infra_ladder import ladder, ladder_lines
from app.present.infra_plan import plan_lines
from app.present.infra_view import dollars, money
from app.present.look import Look
from app.present.units import format_elapsed, format_money
from app.services.deploy.plans import Question, Removal

CHOSEN_BY = ("gpu_type_id", "gpu_count", "data_center_ids", "image", "size")
"""Attributes of a new resource that are shown."""
_SIGNS = {Told.FAILED: "FAILED: ", Told.WARNING: "warning: ", Told.SKIPPED: "skipped: "}
QUIET_S = 10.0
"""Seconds between two plain lines of progress about the same thing."""


ROLL = "one at a time: each is drained when the one before has joined"
QUEUE = "with it go the queue and its waiting jobs; all that run end first"


class Sight:
    """The picture of a run: its title with time and money, and a line a step."""

    def __init__(
        self, title: str, deployment: Deployment, began_at: float, *, is_whole: bool, ascii_only: bool
    ) -> None:
        """`is_whole`: the run goes through all steps, so those to come are shown; else only those it touches."""
        self._title = title
        self._deployment = deployment
        self._began_at = began_at
        self._is_whole = is_whole
        self._glyphs = ASCII if ascii_only else UNICODE
        self._events: list[DeployEvent] = []
        self._money = _Money()
        self._said = ""
        """What was told last of no step."""

    def add(self, event: DeployEvent, width: int) -> list[Line]:
        """Take an event in; gives the lines that it leaves above the picture."""
        self._money.add(event)
        if event.told is Told.ENDED or (event.told is Told.FAILED and event.step is None):
            return []
        if event.step is not None:
            self._events.append(event)
            self._deployment = _gone_on(self._deployment, event)
        else:
            self._said = tidy(event.text, 300) if event.told is Told.PROGRESS else ""
        is_lasting = event.step is None and event.told is not Told.PROGRESS
        # A failure stands in the picture, and is told at length at the end.
        return self._lasting(event, width) if is_lasting or event.told is Told.WARNING else []

    def _lasting(self, event: DeployEvent, width: int) -> list[Line]:
        tone: Tone = "look" if event.told is Told.WARNING else "plain"
        time = f"{format_elapsed(event.at - self._began_at):>7}  "
        parts = wrap(tidy(_said(event), 1000), max(10, width - len(time)))
        return [line(Cell(" " * len(time) if at else time, "quiet"), Cell(part, tone)) for at, part in enumerate(parts)]

    def lines(self, now: float, width: int, height: int) -> list[Line]:
        """The picture in at most so many lines and columns: where not all fits, the steps over go first."""
        look = Look(now, self._glyphs)
        rungs = ladder(self._deployment, self._events, is_running=True)
        if not self._is_whole:
            touched = {event.step for event in self._events}
            rungs = tuple(rung for rung in rungs if rung.step in touched)
        if len(rungs) > max(1, height - 2):
            rungs = tuple(rung for rung in rungs if rung.state in ("under way", "failed"))[-max(1, height - 2) :]
        shown = [self._head(now, width), *ladder_lines(rungs, look, width)]
        if not rungs and self._said:
            shown.append(fit_line(line("   ", self._said), width))
        return [fit_line(one, width) for one in shown]

    def _head(self, now: float, width: int) -> Line:
        elapsed = format_elapsed(now - self._began_at)
        return spread(cells(self._title, "strong"), line(elapsed, Cell(self._money.words(now))), width)


class LineSight:
    """A run as plain lines."""

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._money = _Money()
        self._told_at: dict[tuple[str, str], float] = {}

    def line(self, event: DeployEvent) -> str | None:
        """An event's line; None for progress that was told a moment ago, and for the end, which is told apart."""
        self._money.add(event)
        what = (event.step.value if event.step else "", event.node)
        if event.told is Told.ENDED:
            return None
        if event.told is Told.PROGRESS and event.at - self._told_at.get(what, -QUIET_S) < QUIET_S:
            return None
        self._told_at[what] = event.at
        said, sign = _said(event), _SIGNS.get(event.told, "")
        if said in (f"{what[0]} begins", f"{what[0]} is done", f"{what[0]} was done before"):
            said = said.removeprefix(f"{what[0]} ")  # the step stands before it already
        elif event.told is Told.DONE:
            sign = "done: "
        is_part = event.fraction is not None and 0 < event.fraction < 1
        share = f" ({(event.fraction or 0) * 100:.0f} %)" if is_part else ""
        paid = self._money.words(event.at) if event.told is Told.DONE else ""
        elapsed = format_elapsed(event.at - self._began_at)
        return f"{elapsed:>7}  {what[0]:<8}{sign}{said}{share}{paid}"


class _Money:
    """What is billed, as events tell it."""

    def __init__(self) -> None:
        self._per_hour: float | None = None
        self._spent: float | None = None
        self._at = 0.0

    def add(self, event: DeployEvent) -> None:
        self._per_hour = self._per_hour if event.per_hour is None else event.per_hour
        if event.spent is not None:
            self._spent, self._at = event.spent, event.at

    def words(self, now: float) -> str:
        """`   $2.39/h   $0.04 so far`, or nothing where nothing was told."""
        if self._per_hour is None:
            return ""
        more = self._per_hour * max(0.0, now - self._at) / 3600
        so_far = "" if self._spent is None else f"   {dollars(self._spent + more)} so far"
        return f"   {format_money(self._per_hour)}{so_far}"


def _gone_on(deployment: Deployment, event: DeployEvent) -> Deployment:
    """What is done, in step with what is told: a step that begins anew is not, nor is any behind it."""
    if event.step is None:
        return deployment
    if event.told is Told.BEGUN:
        return replace(
            deployment, done=tuple(one for one in deployment.done if STEPS.index(one) < STEPS.index(event.step))
        )
    if event.told in (Told.DONE, Told.SKIPPED) and event.step not in deployment.done:
        return replace(deployment, done=(*deployment.done, event.step))
    return deployment


def _said(event: DeployEvent) -> str:
    text = clean(event.text, 1000)
    return f"{clean(event.node, 80)}: {text}" if event.node and event.node not in text else text


def question_lines(question: Question, now: float, width: int, *, ascii_only: bool) -> Sequence[Line]:
    """What is to be decided, for a person."""
    look = Look(now, ASCII if ascii_only else UNICODE)
    if isinstance(question, InfraPlan):
        return [(), *plan_lines(_brief(question), look, width), ()]
    return [(), *removal_lines(question, look, width), ()]


def _brief(plan: InfraPlan) -> InfraPlan:
    """Of what is new, only what a person chooses by; of everything else all that differs."""
    changes = []
    for change in plan.changes:
        told = {name: after for name, _, after in change.attributes}
        chosen = tuple((name, "", told[name]) for name in CHOSEN_BY if told.get(name))
        changes.append(replace(change, attributes=chosen) if change.action == "create" else change)
    return replace(plan, changes=tuple(changes))


def removal_lines(removal: Removal, look: Look, width: int) -> list[Line]:
    """Pods that are to be ended, what that hits, what it saves."""
    title = {
        "destroy": f"all of {removal.name} is to be destroyed",
        "scale": f"{removal.name} is to be smaller",
        "replace": f"a node of {removal.name} is to get another pod",
    }[removal.why]
    is_roll = removal.why == "replace" and len(removal.nodes) > 1
    if is_roll:
        title = f"{len(removal.nodes)} nodes of {removal.name} are to get other pods, one after another"
    lines: list[Line] = [line(" ", cells(title, "strong"))]
    for pod in removal.pods:
        what = f"{pod.gpus} {look.glyphs.times} {pod.gpu_type}  {pod.data_center}  {pod.status.value.lower()}"
        told = line(Cell(" - ", "bad"), cells(pod.name, "strong"), "  ", cells(f"{what}  {pod.id}", "quiet"))
        lines.append(spread(told, cells(money(pod.cost_per_hour)), width, cut=look.glyphs.more))
    keys = {pod.name.rpartition("-")[2] for pod in removal.pods}
    bare = [name for name in removal.nodes if name.rpartition("-")[2] not in keys]
    lines += [line(Cell(" - ", "bad"), cells(name, "strong"), Cell("  without a pod", "quiet")) for name in bare]
    if removal.jobs:
        fate = "are cancelled" if removal.how == "cancel" else "end first"
        named = ", ".join(removal.jobs[:8]) + (", …" if len(removal.jobs) > 8 else "")
        lines.append(line(Cell(" jobs ", "head"), cells(f"{len(removal.jobs)} on them ({named}) {fate}", "look")))
    for volume, name in removal.volumes:
        lines.append(line(Cell(" volume ", "head"), cells(f"{name} ({volume}) goes, with all that is on it", "bad")))
    if is_roll:
        lines.append(line(Cell(" turns ", "head"), cells(ROLL)))
    if removal.why == "replace" and any(name.endswith(f"-{HEAD}") for name in removal.nodes):
        lines.append(line(Cell(" head ", "head"), cells(QUEUE, "look")))
    saved = f"{money(removal.per_hour)} is no longer billed; {dollars(removal.spent)} so far"
    if removal.why == "replace":
        saved = f"{money(removal.per_hour)} now; a new pod is billed in place of each; {dollars(removal.spent)} so far"
    return [*(fit_line(one, width, cut=look.glyphs.more) for one in lines), (), line(" ", cells(saved))]
