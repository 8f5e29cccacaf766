"""Work on several nodes at the same time: all are brought as far as they come, then the first failure is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from app.domain.deployment import Node
from app.services.deploy.patience import AT_ONCE
from app.services.deploy.ports import DeployError
from app.transport.clock import Clock

T = TypeVar("T")


async def on_each(nodes: Sequence[Node], work: Callable[[Node], Awaitable[None]], at_once: int = AT_ONCE) -> None:
    """Do some work on every node, a few at a time. Raises the first DeployError once all have ended."""
    room = asyncio.Semaphore(at_once)

    async def one(node: Node) -> DeployError | None:
        async with room:
            try:
                await work(node)
            except DeployError as error:
                return error
        return None

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(node), name=f"deploy {node.name}") for node in nodes]
    errors = [error for task in tasks if (error := task.result()) is not None]
    if errors:
        raise whole(errors)


async def told_meanwhile(
    work: Coroutine[Any, Any, T], clock: Clock, every_s: float, tell: Callable[[float], None]
) -> T:
    """The result of long work; while it goes on, `tell` is given how many seconds it has taken, now and then."""
    began = clock.monotonic()

    async def remind() -> None:
        while True:
            await clock.sleep(every_s)
            tell(clock.monotonic() - began)

    reminder = asyncio.create_task(remind(), name="reminder")
    try:
        return await work
    finally:
        reminder.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reminder


def whole(errors: Sequence[DeployError]) -> DeployError:
    """Several failures as one: the first, with what happened on the others among its details."""
    first, others = errors[0], errors[1:]
    if not others:
        return first
    more = tuple(error.trouble.what for error in others)
    return DeployError(replace(first.trouble, details=(*first.trouble.details, *more)))
