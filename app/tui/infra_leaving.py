"""Leaving the program while it deploys: asks first, then stops every run where it is safe, and waits for that.

Where there is a daemon of the same user, it goes on with what a person has agreed to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from app.domain.job_actions import Outcome, Plan
from app.present.infra_told import billed_text
from app.tui.dialogue import Dialogue

if TYPE_CHECKING:
    from textual.app import App

    from app.tui.desk import Desk
    from app.tui.infra_desk import InfraDesk


def leave_plan(desk: Desk, infra: InfraDesk) -> Plan:
    """What leaving stops, or who goes on with it; what is billed on, how to go on."""
    names = tuple(run.name for run in infra.runs)
    held = {one.name: one for one in infra.held()}

    def billed(name: str) -> str:
        return billed_text(held[name], desk.moment.now) if name in held else "nothing of it is known yet"

    left = [run.name for run in infra.runs if infra.carrier and run.agreement is not None and not run.is_stopping]
    hits = tuple(
        f"{run.name}: the daemon ({infra.carrier}) goes on {run.doing} it; {billed(run.name)}"
        if run.name in left
        else f"{run.name} is stopped while {run.doing}; {billed(run.name)}"
        for run in infra.runs
    )
    if len(left) == len(names):
        return Plan(
            "leave", names, tuple(("gpu-watchdog", "deploy", name, "--follow") for name in names),
            "leave; what goes on here is handed to the daemon", hits,
            "opening the screen again: the page infra shows how far it is, and x stops it",
        )  # fmt: skip
    return Plan(
        "leave", names, tuple(("gpu-watchdog", "deploy", name) for name in names if name not in left),
        "leave, and stop what goes on here first", hits,
        "deploying it again, which goes on at the step that was not done", is_severe=True,
        warnings=("pods that are there stay, and are billed, until you go on or destroy them",),
    )  # fmt: skip


def ask_to_leave(desk: Desk, infra: InfraDesk) -> None:
    """Ask once; a second wish to leave while the question stands, or while runs are being stopped, changes nothing."""
    app = cast("App[None]", desk)
    if any(isinstance(screen, Leaving) for screen in app.screen_stack):
        return

    async def perform() -> Outcome:
        await infra.leave_all()
        desk.quit()
        return Outcome(True, "left")

    app.push_screen(Leaving(leave_plan(desk, infra), perform))


class Leaving(Dialogue):
    """The question before leaving."""
