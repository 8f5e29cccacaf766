"""The Infra page over the real verbs, with provider, Terraform and pods in memory: from a form to the proof."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from app.config.settings import Deploy
from app.domain.deployment import State
from app.services.deploy.deploying import Deploys
from app.services.deploy.folder import folder_of
from app.services.deploy.record import read_record
from app.tui.infra_looks import InfraGround
from tests.services.deploy.stage import Stage
from tests.tui.driving import driving
from tests.tui.infra_driving import fill, row, said, settled


def ground_of(stage: Stage) -> Callable[[], InfraGround]:
    """The real verbs on a world in memory."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Deploys]:
        yield stage.deploys

    return lambda: InfraGround(opened, Deploy(nodes=3), {"PATH": "", "RUNPOD_API_KEY": "set"})


async def test_cluster_comes_and_goes_from_the_page(tmp_path: Path) -> None:
    """Form, plan, yes, ten steps; one more node; all of it destroyed and proved: nothing of ours is listed after it."""
    stage = Stage(tmp_path)
    async with driving(tmp_path, None, (200, 60), infra=ground_of(stage)) as drive:
        await drive.press("6", "N")
        await fill(drive, name="lab", ttl="12h")
        await drive.press("enter")
        await drive.shows("3 to rent")
        assert [] == stage.world.billed()
        await drive.press("y")
        await drive.shows("lab is ready")
        await settled(drive)
        assert "ready" in row(drive, "●  lab ")
        assert 3 == len(stage.world.billed())
        assert "running" in row(drive, "lab-w2")

        await drive.press("s")
        await fill(drive, nodes="4")
        await drive.press("enter")
        await drive.shows("1 to rent")
        await drive.press("y")
        await drive.shows("lab has 4 nodes")
        drive.app.bridge.infra.ask_anew("lab")  # type: ignore[union-attr]  # it was opened
        await settled(drive)

        await drive.press("X")
        await fill(drive, name="lab")
        await drive.press("enter")
        await drive.shows("lab is destroyed, and nothing of it is left")
        await settled(drive)
        assert "lists no pod" in said(drive)

    assert [] == stage.world.billed()
    assert State.DESTROYED is read_record(folder_of(tmp_path, "lab")).state


async def test_no_to_a_plan_rents_nothing_and_goes_on_later(tmp_path: Path) -> None:
    """The deployment is kept as planned; `g` asks again."""
    stage = Stage(tmp_path)
    async with driving(tmp_path, None, (120, 40), infra=ground_of(stage)) as drive:
        await drive.press("6", "N")
        await fill(drive, name="lab", ttl="12h")
        await drive.press("enter")
        await drive.shows("3 to rent")
        await drive.press("escape")
        await drive.shows("nothing was done")
        await settled(drive)
        assert [] == stage.world.billed()

        await drive.press("g")
        await drive.shows("3 to rent;")
        await drive.press("y")
        await drive.shows("lab is ready")

    assert 3 == len(stage.world.billed())
