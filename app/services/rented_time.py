"""Keeps rented clusters to their time. Loads nothing that deploys where nobody has rented anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.config.paths import deployments_dir
from app.config.settings import Settings
from app.transport.clock import Clock

AGAIN_S = 60.0
"""Between two looks whether something has been rented."""


async def keep_rented(settings: Settings, state_dir: Path, environ: Mapping[str, str], clock: Clock) -> None:
    """End rented clusters that have lived long enough, until cancelled."""
    while not deployments_dir(state_dir).is_dir():
        await clock.sleep(AGAIN_S)
    from app.services.deploy.keeper import keep  # noqa: PLC0415 - late: few have rented anything

    await keep(settings, state_dir, environ, clock)
