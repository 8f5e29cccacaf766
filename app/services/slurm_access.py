"""The way to Slurm for front ends: what jobs are looked up and acted on with, on demand and as the invoking user.

Readings come from the source (`app.sources.slurm.source`); this is for questions and actions, in the front end's own
process. An exporter lists no jobs and takes no orders, so it gives no access.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.paths import deployments_dir
from app.config.settings import Slurm
from app.domain.frozen import frozen
from app.sources.deployed import deployed
from app.sources.slurm_ways import Way, way_of

if TYPE_CHECKING:  # a cluster without Slurm does not pay for its modules
    from app.sources.slurm.commands import SlurmCommands
    from app.sources.slurm.rest import SlurmRest
    from app.transport.clock import Clock
    from app.transport.runner import Runner


@frozen
class SlurmAccess:
    """What can be asked and done here. Either commands or slurmrestd, never both."""

    way: Way
    where: str
    """For people: `this machine`, `ana@head`, `unix:///run/slurmrestd.sock`."""
    user: str
    """Whom actions run as."""
    commands: SlurmCommands | None = None
    """Slurm's commands in an environment that makes them print the same for everybody."""
    runner: Runner | None = None
    """Runs commands in the user's own environment: for sbatch and srun, whose jobs inherit it."""
    rest: SlurmRest | None = None


@contextlib.asynccontextmanager
async def open_access(
    slurm: Slurm, state_dir: Path, clock: Clock, environ: Mapping[str, str], deployment: str = ""
) -> AsyncIterator[SlurmAccess | None]:
    """The way to Slurm until the context is left; None where there is none that takes questions.

    Opening asks nothing of the cluster; ssh logs in with the first command. Raises ValueError with a sentence for
    settings that cannot be used. Where no way is configured, that of this user's deployment is taken, `deployment`
    being `[discover] terraform`.
    """
    way = way_of(slurm, environ)
    if way is None and slurm.via == "auto":
        slurm = deployed(deployments_dir(state_dir), deployment).slurm or slurm
        way = way_of(slurm, environ)
    match way:
        case "local":
            yield await _local(slurm, environ)
        case "ssh":
            async with _ssh(slurm, state_dir, clock) as access:
                yield access
        case "rest":
            async with _rest(slurm, state_dir, clock) as access:
                yield access
        case "exporter" | None:
            yield None


async def _local(slurm: Slurm, environ: Mapping[str, str]) -> SlurmAccess:
    from app.sources.slurm.commands import local_commands  # noqa: PLC0415 - late: Slurm's modules are for its users
    from app.transport.runner import LocalRunner  # noqa: PLC0415 - late: as above

    own = LocalRunner(environ)
    return SlurmAccess("local", own.where, await own.user(), commands=local_commands(slurm, environ), runner=own)


@contextlib.asynccontextmanager
async def _ssh(slurm: Slurm, state_dir: Path, clock: Clock) -> AsyncIterator[SlurmAccess]:
    from app.sources.slurm.commands import ssh_commands  # noqa: PLC0415 - late: Slurm's modules are for its users
    from app.transport.destination import parse_destination  # noqa: PLC0415 - late: as above
    from app.transport.runner import SshRunner  # noqa: PLC0415 - late: as above
    from app.transport.ssh import open_forwards  # noqa: PLC0415 - late: as above

    forwards = open_forwards(state_dir, clock)
    own = SshRunner(parse_destination(slurm.ssh), forwards, {})
    try:
        yield SlurmAccess("ssh", own.where, await own.user(), commands=ssh_commands(slurm, forwards), runner=own)
    finally:
        await forwards.close()


@contextlib.asynccontextmanager
async def _rest(slurm: Slurm, state_dir: Path, clock: Clock) -> AsyncIterator[SlurmAccess]:
    from app.sources.slurm.rest import SlurmRest  # noqa: PLC0415 - late: Slurm's modules are for its users
    from app.transport.ssh import open_forwards  # noqa: PLC0415 - late: as above

    forwards = open_forwards(state_dir, clock)
    rest = SlurmRest(slurm, forwards)
    try:
        yield SlurmAccess("rest", rest.where, rest.user(), rest=rest)
    finally:
        await rest.close()
        await forwards.close()
