"""The desk for model servers' logs: how the log page reaches what follows them, opened when first needed.

It runs in the screen's own process, as the user who opened the screen. What does the work is handed in by the
composition root.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from app.domain.naming import same_node
from app.domain.service_place import place_of
from app.tui.feed import RefusedError, sentence

if TYPE_CHECKING:
    from app.domain.job_actions import LogChunk
    from app.domain.slurm import SlurmJob
    from app.services.log_tail import LogTail, ModelLogs
    from app.tui.desk import Desk
    from app.tui.job_desk import Stream

log = logging.getLogger("gpu_watchdog.screen")
NO_LOGS = "no model server's log can be read here"
JOB = "job "
"""How a job's output is called among the logs."""


class LogLink:
    """Opens the logs once and keeps them until the screen ends."""

    def __init__(self) -> None:
        self._opened: asyncio.Future[ModelLogs] | None = None

    async def logs(self, desk: Desk) -> ModelLogs:
        """The logs. Raises RefusedError with why there are none."""
        if desk.options.model_logs is None:
            raise RefusedError(NO_LOGS)
        if self._opened is None or (self._opened.done() and self._opened.exception() is not None):
            if desk.bridge.tasks is None:
                raise RefusedError("not connected yet")
            self._opened = asyncio.get_running_loop().create_future()
            desk.bridge.tasks.create_task(self._hold(desk, self._opened), name="model logs")
        return await asyncio.shield(self._opened)

    async def _hold(self, desk: Desk, opened: asyncio.Future[ModelLogs]) -> None:
        """Keep them open until the screen ends, which cancels this."""
        assert desk.options.model_logs is not None  # noqa: S101 - the caller looked
        try:
            async with desk.options.model_logs() as found:
                opened.set_result(found)
                await asyncio.Event().wait()
        except Exception as error:  # whatever it is, who asked is told in one line
            log.warning("the model servers' logs failed", exc_info=error)
            if not opened.done():
                opened.set_exception(RefusedError(f"{NO_LOGS}: {sentence(error)}"))
        finally:
            if not opened.done():
                opened.cancel()


async def model_logs(desk: Desk) -> ModelLogs:
    """The model servers' logs. Raises RefusedError with why there are none."""
    if desk.bridge.logs is None:
        desk.bridge.logs = LogLink()
    return await desk.bridge.logs.logs(desk)


def choices(desk: Desk, logs: ModelLogs, about: str) -> tuple[str, ...]:
    """Names of the logs that may be meant, the likeliest first: of a server, of a job, or by name.

    Of a server its node's log, else the output of its job; behind these all the others.
    """
    moment = desk.moment
    services = moment.snapshot.services
    meant = [services[about]] if about in services else list(services.values())
    places = [place_of(one, moment.snapshot, moment.now) for one in meant]
    jobs = [f"{JOB}{job}" for place in places for job in place.jobs]
    near = [name for place in places for name in logs.names if place.node and same_node(place.node, logs.node_of(name))]
    named = [name for name in logs.names if name == about]
    if about and about not in services and not named:
        jobs = [f"{JOB}{about.removeprefix(JOB)}", *jobs]
        near = []
        return tuple(dict.fromkeys([*jobs[:1], *logs.names, *jobs[1:]]))
    return tuple(dict.fromkeys([*named, *near, *jobs, *logs.names]))


async def open_tail(desk: Desk, logs: ModelLogs, name: str) -> LogTail:
    """The log of a name among the choices, followed. Raises RefusedError."""
    if not name.startswith(JOB):
        return logs.tail(name)
    from app.tui.job_desk import job_desk  # noqa: PLC0415 - late: for those whose servers run in jobs

    picture = desk.moment.snapshot.slurm
    job = ((picture.jobs if picture is not None else None) or {}).get(name.removeprefix(JOB))
    if job is None:
        raise RefusedError(f"{name} is not in Slurm's queue")
    jobs = await job_desk(desk)
    stream: Stream = "stdout"

    def read(offset: int, inode: int | None, of: SlurmJob = job) -> asyncio.Future[LogChunk]:
        return asyncio.ensure_future(jobs.read_log(of, stream, offset, inode))

    return logs.job_tail(job.id, read)
