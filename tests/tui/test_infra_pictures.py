"""Pictures of the Infra page in each phase of a deployment, at each size, compared stroke by stroke."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.tui.app import Watchdog
from tests.tui.boards import full
from tests.tui.driving import Drive, options
from tests.tui.fake_feed import FakeFeed, connection
from tests.tui.infra_phases import PHASES, come_to, in_phase
from tests.tui.test_pictures import MEDIUM, SIZES, settle

Compare = Callable[..., bool]
ONCE = frozenset({"question", "mending", "destroy"})
"""Painted at one size: at the others they differ in nothing that another phase does not show."""


def cases() -> list[object]:
    """Every phase at every size."""
    return [
        pytest.param(phase.name, size, id=f"{phase.name}-{size[0]}x{size[1]}")
        for phase in PHASES
        for size in ((MEDIUM,) if phase.name in ONCE else SIZES)
    ]


@pytest.mark.parametrize(("phase", "size"), cases())
def test_infra_picture(snap_compare: Compare, tmp_path: Path, phase: str, size: tuple[int, int]) -> None:
    """Every phase of a deployment has its picture."""
    feed = FakeFeed(full())
    with in_phase(phase, tmp_path) as (infra, wanted):
        app = Watchdog(connection(feed), options(tmp_path, infra=infra))

        async def shown(drive: Drive) -> None:
            """What comes a moment later has come."""
            await come_to(drive, wanted)

        assert snap_compare(app, terminal_size=size, run_before=settle(feed, ":infra", then=shown))
