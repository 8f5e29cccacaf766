"""Following a run of `deploy` that goes on in another process, through its journal."""

from __future__ import annotations

from app.cli.deploy_told import Teller
from app.domain.deployment import DeployEvent, Told, Trouble
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.journal import follow
from app.services.deploy.lock import holder
from app.transport.clock import Clock

POLL_S = 0.5


async def follow_run(folder: DeploymentFolder, teller: Teller, clock: Clock) -> bool:
    """Tell the last run from its beginning to its end; False: there was none.

    A run whose process is gone without an end is over, too: nobody holds the lock any more.
    """
    events, offset = _all(folder)
    run = last_run(events)
    for event in run:
        teller.event(event)
    while not run or run[-1].told is not Told.ENDED:
        is_held = bool(holder(folder))
        new, offset = follow(folder.events, offset)
        for event in new:
            teller.event(event)
        run = [*run, *new][-1:]
        if not new and not is_held:
            return bool(run)
        await clock.sleep(0.0 if new else POLL_S)
    return True


def began_at(folder: DeploymentFolder, now: float) -> float:
    """When the last run began; `now` where there was none."""
    return next((event.at for event in last_run(_all(folder)[0])), now)


def failure(folder: DeploymentFolder) -> Trouble | None:
    """Why the last run failed, as it told; one that changed nothing leaves no word in the record."""
    failed = [event for event in last_run(_all(folder)[0]) if event.told is Told.FAILED]
    if not failed:
        return None
    event = failed[-1]
    details = event.data.get("details")
    told = tuple(str(one) for one in details) if isinstance(details, list) else ()
    code, then = str(event.data.get("code", "")), str(event.data.get("next", ""))
    return Trouble(event.text, then, event.step, event.node, told, code)


def last_run(events: list[DeployEvent]) -> list[DeployEvent]:
    """Those of the last run: behind the end of the one before."""
    ends = [at for at, event in enumerate(events[:-1]) if event.told is Told.ENDED]
    return events[ends[-1] + 1 :] if ends else events


def _all(folder: DeploymentFolder) -> tuple[list[DeployEvent], int]:
    """Everything that is written so far, and where that ends."""
    events: list[DeployEvent] = []
    offset = 0
    while True:
        new, after = follow(folder.events, offset)
        if after == offset:
            return events, offset
        events += new
        offset = after
