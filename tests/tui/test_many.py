"""Home over more GPUs than one look shows in one go: the newest moment is shown, whole."""

from __future__ import annotations

from pathlib import Path

from app.domain.snapshot import Snapshot
from tests.present.fleets import changed, fleet, lost
from tests.tui.driving import Drive, driving
from widgets.gpu_grid import GpuGrid


async def test_the_newest_of_several_moments_is_shown(tmp_path: Path) -> None:
    """One that comes while another is being made ready takes its place."""
    async with driving(tmp_path, without(), events=()) as drive:
        await drive.until(lambda: len(drive.app.screen.query(GpuGrid)) == 1 and grid(drive).zoom == "heat")

        drive.feed.push(without(3))
        drive.app.on_fresh()
        drive.feed.push(without(3, 5))
        drive.app.on_fresh()

        await drive.until(lambda: crosses(drive) == 2)


def without(*indexes: int) -> Snapshot:
    """Two hundred nodes, the first of which has lost these of its GPUs."""
    found = fleet(200, 8)
    for index in indexes:
        found = changed(found, next(iter(found.nodes)), index, lost)
    return found


def grid(drive: Drive) -> GpuGrid:
    """The map."""
    return drive.app.screen.query_one(GpuGrid)


def crosses(drive: Drive) -> int:
    """GPUs that the map shows as lost."""
    lines = range(grid(drive).scrollable_content_region.height)
    return sum(grid(drive).render_line(line).text.count("x") for line in lines)
