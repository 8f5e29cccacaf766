"""Opening Slurm's verbs for a front end: the way there, the audit log and the list of submissions, for one process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from app.config.settings import Slurm
from app.services.audit import Audit, actor_of
from app.services.jobs import Jobs
from app.services.slurm_access import open_access
from app.services.submissions import Submissions
from app.transport.clock import Clock
from app.transport.runner import invoking_user


@contextlib.asynccontextmanager
async def open_jobs(
    slurm: Slurm,
    state_dir: Path,
    clock: Clock,
    environ: Mapping[str, str],
    *,
    face: str,
    read_only: bool = False,
    deployment: str = "",
) -> AsyncIterator[Jobs | None]:
    """Slurm's verbs until the context is left; None where there is no way that takes questions.

    `face` is what the audit log calls the front end: `screen`, `command line`. Asks nothing of the cluster. Raises
    ValueError with a sentence for settings that cannot be used.
    """
    async with open_access(slurm, state_dir, clock, environ, deployment) as access:
        if access is None:
            yield None
            return
        actor = actor_of(environ, invoking_user(), runs_as=access.user, where=access.where, face=face)
        yield Jobs(access, Audit(state_dir, actor), clock.now, Submissions(state_dir), read_only=read_only)
