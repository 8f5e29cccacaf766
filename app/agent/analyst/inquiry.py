"""One answer in the making: looks, each made once, and what they are cited as."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.agent.analyst.known import Known
from app.agent.analyst.reading import Reading
from app.agent.brain import Looker
from app.domain.chat import ToolUse
from app.domain.frozen import frozen


@frozen
class Seen:
    """What one look brought."""

    use: ToolUse
    found: Mapping[str, Any]
    """Empty where it brought nothing; `use.error` says why."""

    @property
    def is_there(self) -> bool:
        """It brought something."""
        return not self.use.error

    @property
    def cite(self) -> str:
        """`[2]`."""
        return f"[{self.use.number}]"

    def rows(self, key: str) -> list[Mapping[str, Any]]:
        """A list of objects; empty where there is none."""
        return rows(self.found, key)

    def text(self, key: str) -> str:
        """A text; empty where there is none."""
        return text(self.found, key)

    def number(self, key: str) -> float | None:
        """A number, or None."""
        return number(self.found, key)

    def part(self, key: str) -> Mapping[str, Any]:
        """An object; empty where there is none."""
        return part(self.found, key)


@dataclass
class Inquiry:
    """What an answer is made with."""

    reading: Reading
    looker: Looker
    known: Known
    now: float
    """The moment that is asked about, epoch seconds."""
    is_past: bool = False
    """A past moment is asked about as a whole (the screen stands there)."""
    _made: dict[str, asyncio.Task[Seen]] = field(default_factory=dict)

    async def look(self, tool: str, **arguments: Any) -> Seen:  # noqa: ANN401 - JSON has no better name
        """One look; the same one again gives what the first brought."""
        given = {name: value for name, value in arguments.items() if value is not None}
        key = json.dumps([tool, given], sort_keys=True)
        if key not in self._made:
            return await self._look(key, tool, given)
        return await self._made[key]

    async def _look(self, key: str, tool: str, given: Mapping[str, Any]) -> Seen:
        async with asyncio.TaskGroup() as tasks:
            self._made[key] = tasks.create_task(self._asked(tool, given))
        return self._made[key].result()

    async def _asked(self, tool: str, given: Mapping[str, Any]) -> Seen:
        use = await self.looker.look(tool, given)
        try:
            found = json.loads(use.result) if use.result and not use.error else {}
        except ValueError:
            found = {}
        return Seen(use, found if isinstance(found, Mapping) else {})

    async def look_at(self, *wanted: tuple[str, Mapping[str, Any]]) -> tuple[Seen, ...]:
        """Several looks at the same time."""
        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(self.look(tool, **arguments)) for tool, arguments in wanted]
        return tuple(one.result() for one in started)


def rows(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of objects of a result; empty where there is none."""
    value = found.get(key)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def texts(found: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts of a result."""
    value = found.get(key)
    return [str(one) for one in value] if isinstance(value, list) else []


def text(found: Mapping[str, Any], key: str) -> str:
    """A text of a result; empty where there is none."""
    value = found.get(key)
    return "" if value is None else str(value)


def number(found: Mapping[str, Any], key: str) -> float | None:
    """A number of a result, or None."""
    value = found.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def part(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object of a result; empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, Mapping) else {}
