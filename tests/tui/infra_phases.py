"""The phases of a deployment as the pictures show them: what is on disk and at the provider, and what is pressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.deployment import State
from app.services.deploy.folder import folder_of
from app.services.deploy.lock import locked
from app.tui.infra_looks import InfraGround
from tests.tui.deployments import (
    CHECKED,
    ENDING,
    MENDING,
    PLAN,
    FakeDeploys,
    astray,
    deployment,
    failed,
    gone,
    ground,
    ready,
    standing,
    under_way,
    write,
)
from tests.tui.driving import Drive


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase."""

    name: str
    make: Callable[[Path], FakeDeploys]
    """Writes it down, and says what the provider lists."""
    held_by: str = ""
    """The verb of another process that works on it; empty: nobody does."""
    keys: tuple[str, ...] = ()
    awaits: str = ""
    """What is shown once that which they begin has come; empty: it comes at once."""


def empty(folder: Path) -> FakeDeploys:
    """Nothing was ever deployed, and no Terraform is there."""
    return FakeDeploys(folder)


def planned(folder: Path) -> FakeDeploys:
    """A plan was made; nothing is rented yet."""
    one = deployment(State.PLANNED, 2, 0, age_s=40)
    write(folder, one, CHECKED)
    made = FakeDeploys(folder, {"lab": standing(one)})
    made.plan_made = PLAN
    return made


def deploying(folder: Path) -> FakeDeploys:
    """Scripts are being brought, by another process."""
    return FakeDeploys(folder, {"lab": standing(under_way(folder))})


def broken(folder: Path) -> FakeDeploys:
    """There was no capacity for the last node."""
    return FakeDeploys(folder, {"lab": standing(failed(folder))})


def drifted(folder: Path) -> FakeDeploys:
    """It is ready; one pod was terminated outside, one is billed for nothing; another deployment is gone."""
    gone(folder, "old", 90_000)
    gone(folder, "tiny", 600)
    made = FakeDeploys(folder, {"lab": astray(ready(folder))})
    made.plan_made = MENDING
    return made


def ending(folder: Path) -> FakeDeploys:
    """Three of four pods have ended, by another process."""
    one = replace(ready(folder), state=State.DESTROYING)
    write(folder, one, ENDING, has_ssh=True)
    left = standing(replace(one, nodes=one.nodes[:1]))
    return FakeDeploys(folder, {"lab": replace(left, deployment=one)})


def ended(folder: Path) -> FakeDeploys:
    """Nothing is left."""
    return FakeDeploys(folder, {"lab": standing(gone(folder))})


PHASES = (
    Phase("empty", empty),
    Phase("form", empty, keys=("N",)),
    Phase("plan", planned, keys=("p",), awaits="lab: 4 changes"),
    Phase("question", planned, keys=("g",), awaits="4 to rent;"),
    Phase("under-way", deploying, "deploy"),
    Phase("failed", broken),
    Phase("ready", drifted),
    Phase("mending", drifted, keys=("p",), awaits="lab: 2 changes"),
    Phase("destroy", drifted, keys=("X",)),
    Phase("destroying", ending, "destroy"),
    Phase("destroyed", ended),
)


@contextmanager
def in_phase(name: str, folder: Path) -> Iterator[tuple[Callable[[], InfraGround] | None, Phase]]:
    """What the screen deploys with in a phase, and the phase; without a name, nothing and a phase that asks nothing."""
    phase = next((one for one in PHASES if one.name == name), None)
    if phase is None:
        yield None, Phase("", empty)
        return
    with ExitStack() as stack:
        fake = phase.make(folder)
        if phase.held_by:
            stack.enter_context(locked(folder_of(folder, "lab"), phase.held_by))
        yield ground(fake, home=folder), phase


async def come_to(drive: Drive, phase: Phase) -> None:
    """Press what leads to the phase, and wait until it is shown."""
    await drive.app.workers.wait_for_complete()
    drive.app.on_fresh()
    await drive.press(*phase.keys)
    if phase.awaits:
        await drive.shows(phase.awaits)
    await drive.pilot.pause()  # what has just got its place is laid out by its width only now
    drive.app.on_fresh()
