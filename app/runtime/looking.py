"""What a command looks at once or a few times and leaves; nothing is written."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.domain.snapshot import Snapshot
from app.runtime.options import RuntimeOptions, empty_snapshot
from app.runtime.past import open_past
from app.runtime.reach import open_client, targets_for
from app.services import monitor
from app.services.board import Board
from app.services.feed import Feed

if TYPE_CHECKING:
    from app.agent.desk import ChatDesk
    from app.services.diagnose_once import Ground
    from app.services.jobs import Jobs

_ONE_LOOK_S = 2.0
"""A source that is looked at once may answer as slowly as one read this often."""


async def look_once(settings: Settings, options: RuntimeOptions) -> Snapshot:
    """One bounded round of every source, in parallel; nothing is written."""
    board = Board(empty_snapshot(settings))
    async with open_client(options) as client:
        targets = targets_for(_unhurried(settings), options, client)
        await monitor.look_once(board, targets, options.clock)
    return board.snapshot


def _unhurried(settings: Settings) -> Settings:
    """For a single round, where no next look waits: short intervals make neither short time-outs nor stale answers."""
    cluster = replace(settings.cluster, interval_s=max(settings.cluster.interval_s, _ONE_LOOK_S))
    targets = tuple(
        replace(one, interval_s=max(one.interval_s, _ONE_LOOK_S)) if one.interval_s else one for one in settings.target
    )
    return replace(settings, cluster=cluster, target=targets)


@contextlib.asynccontextmanager
async def looking(settings: Settings, options: RuntimeOptions) -> AsyncIterator[Ground]:
    """What a command looks at a few times and leaves, with the stored past; nothing is written."""
    from app.services.diagnose_once import Ground  # noqa: PLC0415 - late: for one command only
    from app.services.looks import Looks  # noqa: PLC0415 - likewise

    board = Board(empty_snapshot(settings))
    async with contextlib.AsyncExitStack() as stack:
        targets = targets_for(settings, options, await stack.enter_async_context(open_client(options)))
        looks = Looks(board, targets, options.clock)
        stack.push_async_callback(looks.close)
        history = await open_past(settings, options)
        if history is not None:
            stack.push_async_callback(history.close)
        yield Ground(board, targets, looks, options.clock, settings.cluster.interval_s, history)


def chat_desk(settings: Settings, options: RuntimeOptions, feed: Feed, jobs: Jobs | None) -> ChatDesk:
    """Where who runs this program asks about the cluster; files and servers are opened when they are first needed.

    The screen's start must not pay for the agent: nothing of it is loaded before this is called. `close` gives back
    what it holds.
    """
    from app.agent.opening import open_desk  # noqa: PLC0415 - late: see above

    return open_desk(settings, options.state_dir, feed, jobs, options.clock)
