"""Work on several nodes goes as far as it comes on each, and then tells what went wrong."""

import asyncio

import pytest

from app.domain.deployment import Node, Offer, Trouble
from app.services.deploy.crowd import on_each, told_meanwhile
from app.services.deploy.ports import DeployError
from tests.tools.fake_clock import FakeClock

NODES = tuple(Node(f"w{number}", f"lab-w{number}", Offer("H100", 1, "", "SECURE", None)) for number in range(1, 6))


async def test_one_that_fails_stops_nobody() -> None:
    """All are worked on; the first failure is raised, with what happened on the others among its details."""
    done = list[str]()

    async def work(node: Node) -> None:
        await asyncio.sleep(0)
        if node.key in ("w2", "w4"):
            raise DeployError(Trouble(f"{node.name} broke.", "Mend it.", node=node.name, code="broke"))
        done.append(node.key)

    with pytest.raises(DeployError, match=r"lab-w2 broke\.") as caught:
        await on_each(NODES, work)

    assert ["w1", "w3", "w5"] == sorted(done)
    assert ("lab-w4 broke.",) == caught.value.trouble.details


async def test_only_a_few_are_worked_on_at_once() -> None:
    """The bound holds, however many there are."""
    now = most = 0

    async def work(_: Node) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1

    await on_each(NODES, work, at_once=2)

    assert 2 == most


async def test_long_work_is_spoken_of_meanwhile() -> None:
    """Every so often it is told how long it has taken; what it raises comes through, and the reminders end with it."""
    clock, told = FakeClock(), list[float]()
    done = asyncio.Event()

    async def work() -> str:
        await done.wait()
        return "done"

    async with asyncio.TaskGroup() as group:
        task = group.create_task(told_meanwhile(work(), clock, 10.0, told.append))
        await clock.advance(25.0)
        done.set()
    await clock.advance(100.0)

    assert ("done", [10.0, 20.0]) == (task.result(), told)
