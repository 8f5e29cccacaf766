"""What commands do to reach Slurm itself: the way there, opened for one command, with the audit log beside it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeVar

from app.cli.command import Context
from app.cli.errors import UNAVAILABLE, USAGE, CliError
from app.config import paths
from app.config.settings import Settings, Slurm
from app.services.action_targets import ActionError
from app.services.jobs import Jobs
from app.services.joined.acting import at_home, cluster_meant, clusters_of, slurm_of
from app.services.open_jobs import open_jobs
from app.services.slurm_access import SlurmAccess, open_access
from app.transport.clock import SystemClock

T = TypeVar("T")
_NAMED = ("ids", "nodes", "id")
"""Arguments that name jobs or nodes."""

NO_SLURM = (
    "there is no way to Slurm: no squeue on the PATH, and the configuration names none "
    "(settings: slurm.bin_dir, slurm.ssh, slurm.rest_url)"
)


@contextlib.asynccontextmanager
async def slurm_jobs(args: argparse.Namespace, context: Context, settings: Settings) -> AsyncIterator[Jobs]:
    """Slurm's verbs until the context is left. Raises CliError where there is no way to Slurm.

    Where several clusters are in view these are the verbs of the one that the arguments name, which are put into its
    own words.
    """
    settings = of_cluster(args, settings)
    state = paths.state_dir(context.environ, context.home)
    read_only = bool(getattr(args, "read_only", False))
    which, face = settings.discover.terraform, "command line"
    opened = open_jobs(
        settings.slurm, state, SystemClock(), context.environ, face=face, read_only=read_only, deployment=which
    )
    async with _opened(opened) as jobs:
        if jobs is None:
            raise CliError(why_no_way(settings.slurm), UNAVAILABLE)
        yield jobs


@contextlib.asynccontextmanager
async def jobs_if_any(
    context: Context, settings: Settings, face: str, *, read_only: bool = False
) -> AsyncIterator[Jobs | None]:
    """Slurm's verbs for who can do without; None where there is no way to Slurm. Raises CliError for wrong settings.

    Where several clusters are in view there is none either: nobody has named one.
    """
    if clusters_of(settings.member):
        yield None
        return
    state = paths.state_dir(context.environ, context.home)
    which = settings.discover.terraform
    opened = open_jobs(
        settings.slurm, state, SystemClock(), context.environ, face=face, read_only=read_only, deployment=which
    )
    async with _opened(opened) as jobs:
        yield jobs


def of_cluster(args: argparse.Namespace, settings: Settings) -> Settings:
    """The settings with the way to the Slurm of the cluster that the arguments name, out of several in view.

    Ids and nodes among the arguments are turned into those that the cluster itself knows. Raises CliError where no
    cluster or more than one is named, or none of its ways.
    """
    clusters = clusters_of(settings.member)
    if not clusters:
        return settings
    try:
        cluster = _cluster(args, clusters)
        way = slurm_of(settings, cluster)
    except ActionError as error:
        raise CliError(str(error), USAGE) from error
    for name in _NAMED:
        told = getattr(args, name, None)
        if isinstance(told, str):
            setattr(args, name, at_home(told, cluster))
        elif isinstance(told, list):
            setattr(args, name, [at_home(str(one), cluster) for one in told])
    return replace(settings, slurm=way, member=())


def _cluster(args: argparse.Namespace, clusters: tuple[str, ...]) -> str:
    """The cluster that is meant. Raises ActionError."""
    chosen = getattr(args, "cluster", None)
    if chosen in clusters:
        return str(chosen)
    if hasattr(args, "cluster"):
        raise ActionError(f"which cluster? Add --cluster NAME; in view are {', '.join(clusters)}")
    told = [getattr(args, name, None) or () for name in _NAMED]
    texts = [text for one in told for text in ([one] if isinstance(one, str) else one if isinstance(one, list) else [])]
    return cluster_meant(texts or [""], clusters)


def why_no_way(slurm: Slurm) -> str:
    """Why there is no way to ask Slurm or to act, for a person."""
    if slurm.via == "off":
        return "Slurm is turned off (settings: slurm.via)"
    if slurm.via == "exporter" or slurm.exporter_url:
        return "an exporter only counts: this needs Slurm's commands, ssh or slurmrestd (settings: slurm.via)"
    return NO_SLURM


@contextlib.asynccontextmanager
async def slurm_access(context: Context, settings: Settings) -> AsyncIterator[SlurmAccess | None]:
    """The way to Slurm, or None; None where several clusters are in view. Raises CliError for useless settings."""
    if clusters_of(settings.member):
        yield None
        return
    state = paths.state_dir(context.environ, context.home)
    which = settings.discover.terraform
    async with _opened(open_access(settings.slurm, state, SystemClock(), context.environ, which)) as access:
        yield access


@contextlib.asynccontextmanager
async def _opened(opening: contextlib.AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """What is opened, until the context is left. Raises CliError where the settings are wrong."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            found = await stack.enter_async_context(opening)
        except ValueError as error:
            raise CliError(f"[slurm]: {error}") from error
        yield found
