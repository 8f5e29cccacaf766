"""Checks of `doctor` about the members of a view: whether each daemon answers, and how one acts on its jobs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.cli.checks import Check
from app.config.settings import Settings
from app.runtime.options import RuntimeOptions
from app.runtime.reach import open_client
from app.services.action_targets import ActionError
from app.services.joined.acting import clusters_of, slurm_of
from app.services.joined.member import Link, links_of

GROUP = "members"


async def member_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    """One for each member, and one for each cluster of several."""
    base = Path(settings.origin).parent if settings.origin else Path()
    async with open_client(options, settings.serve.user) as client:
        try:
            links = links_of(settings.member, base, client, options.clock)
        except ValueError as error:
            return [Check(GROUP, "[[member]]", "failed", str(error), "see docs/many.md")]
        await asyncio.gather(*(one.look() for one in links))
    return [*map(_answers, links), *(_acts(settings, cluster) for cluster in clusters_of(settings.member))]


def _answers(link: Link) -> Check:
    state = link.state
    if state.error is not None:
        return Check(GROUP, link.name, "failed", state.error, f"see that `gpu-watchdog serve` runs at {link.feed.door}")
    return Check(GROUP, link.name, "ok", f"answers at {link.feed.door} in {1000 * (state.duration_s or 0.0):.0f} ms")


def _acts(settings: Settings, cluster: str) -> Check:
    try:
        way = slurm_of(settings, cluster)
    except ActionError:
        return Check(GROUP, f"Slurm of {cluster}", "note", "looked at only: no way to act on its jobs is named")
    return Check(GROUP, f"Slurm of {cluster}", "ok", f"acted on by {way.via} {way.ssh or way.rest_url}".rstrip())
