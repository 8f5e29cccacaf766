"""A process that answers for ever, and says when something of it was kept; it is given a folder."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from itertools import count
from pathlib import Path

from app.agent.brain import Asked, Looker
from app.agent.events import Event, TextAdded
from tests.agent.session.desks import Scripted, desk


async def _talk(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
    for number in count():
        await asyncio.sleep(0.005)
        yield TextAdded(f"word {number} ")


async def main(folder: Path) -> None:
    """Ask, and follow for ever."""
    async with desk(folder, Scripted(_talk)) as one:
        async for _ in one.session.ask("what is wrong?"):
            found = await one.session.conversation(one.session.begun())
            if found is not None and found.exchanges[0].answer:
                os.write(1, b"kept\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
