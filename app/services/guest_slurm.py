"""Slurm for somebody who asks from elsewhere: with a slurmrestd token of their own, for one call, and nothing of ours.

The daemon's own token is never used here. A slurmrestd on a unix socket may take the login of who connects for the
caller's, so only one over TCP is asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from app.config.secret import Secret
from app.config.settings import Slurm
from app.services.slurm_access import SlurmAccess
from app.sources.slurm.rest import SlurmRest
from app.transport.clock import Clock
from app.transport.ssh import open_forwards

NO_WAY = "the daemon acts on no cluster: act from your own login, or set slurm.rest_url to a slurmrestd over TCP"


class GuestError(Exception):
    """The caller cannot act from here; the message is for a person."""


@contextlib.asynccontextmanager
async def guest_access(
    slurm: Slurm, token: Secret, user: str, state_dir: Path, clock: Clock
) -> AsyncIterator[SlurmAccess]:
    """The way to slurmrestd with a caller's token, for one call. Raises GuestError where there is none."""
    if not slurm.rest_url or slurm.rest_url.startswith("unix:"):
        raise GuestError(NO_WAY)
    forwards = open_forwards(state_dir, clock)
    rest = SlurmRest(replace(slurm, user=user, token_file=""), forwards, token)
    try:
        yield SlurmAccess("rest", rest.where, rest.user(), rest=rest)
    finally:
        await rest.close()
        await forwards.close()
