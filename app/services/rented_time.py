"""Keeps rented clusters to their time, and goes on with their runs. Loads nothing of it where nobody has rented."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.config.paths import deployments_dir
from app.config.settings import Settings
from app.transport.clock import Clock

AGAIN_S = 60.0
"""Between two looks whether something has been rented."""
SOON_S = 2.0
"""The same for who goes on with what is left: a first deployment may be left in its first minute."""


async def keep_rented(settings: Settings, state_dir: Path, environ: Mapping[str, str], clock: Clock) -> None:
    """End rented clusters that have lived long enough, until cancelled."""
    while not deployments_dir(state_dir).is_dir():
        await clock.sleep(AGAIN_S)
    from app.services.deploy.keeper import keep  # noqa: PLC0415 - late: few have rented anything

    await keep(settings, state_dir, environ, clock)


async def carry_left(settings: Settings, state_dir: Path, environ: Mapping[str, str], clock: Clock) -> None:
    """Go on with runs whose program has left, until cancelled."""
    while not deployments_dir(state_dir).is_dir():
        await clock.sleep(SOON_S)
    from app.services.deploy.carrying import carry  # noqa: PLC0415 - late: few have rented anything

    await carry(settings, state_dir, environ, clock)
