"""A run of `deploy` as it goes: a picture that is drawn over itself, plain lines, or JSON, for who reads it.

A teller never raises and never waits: where its reader has gone away, the run goes on, and its log has everything.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from app.cli.deploy_sight import LineSight, Sight, question_lines
from app.cli.output import Output
from app.domain.deployment import DeployEvent, Told
from app.services.deploy.plans import Question
from app.services.queries_deploy import event_json, question_json
from app.transport.clock import Clock
from app.transport.tasks import Tasks

REDRAW_S = 0.5
"""Seconds between two pictures while nothing happens: the time on them goes on."""
LEAST_S = 0.1
"""Seconds between two pictures however much happens."""


class Teller(Protocol):
    """Tells a run to whoever reads."""

    def event(self, event: DeployEvent) -> None:
        """One thing happened."""

    def question(self, question: Question) -> None:
        """Show what is to be decided; what is written next stands beneath it."""

    def resume(self) -> None:
        """It was decided."""

    def note(self, text: str) -> None:
        """A line of our own."""

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """While the run goes on."""


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """A reader that has gone away (a closed pipe, a lost terminal), or a value no writer takes, ends no run."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        yield


class _StreamTeller:
    """What tells thing by thing has in common: nothing is drawn over, so that nothing is held back either."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def resume(self) -> None:
        """Nothing was held back."""

    def note(self, text: str) -> None:
        with _unheard():
            self._output.note(text)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield


class JsonTeller(_StreamTeller):
    """An object a line on stdout; questions are among them, and their words on stderr."""

    def event(self, event: DeployEvent) -> None:
        with _unheard():
            self._output.json_line(event_json(event))

    def question(self, question: Question) -> None:
        with _unheard():
            self._output.json_line(question_json(question))


class LineTeller(_StreamTeller):
    """A line on stderr for each thing that happens; progress of one thing every ten seconds at most."""

    def __init__(self, output: Output, sight: LineSight, now: Callable[[], float]) -> None:
        super().__init__(output)
        self._sight = sight
        self._now = now

    def event(self, event: DeployEvent) -> None:
        with _unheard():
            if (told := self._sight.line(event)) is not None:
                self._output.note(told)

    def question(self, question: Question) -> None:
        with _unheard():
            for one in question_lines(question, self._now(), self._output.note_size()[0], ascii_only=True):
                self._output.note("".join(cell.text for cell in one).rstrip())


class LiveTeller:
    """A picture of all steps on the terminal of stderr, drawn over the one before; what lasts is left above it."""

    def __init__(self, output: Output, sight: Sight, clock: Clock) -> None:
        self._output = output
        self._sight = sight
        self._clock = clock
        self._rows = 0
        """Lines of the picture that stands there now."""
        self._drawn_at = 0.0
        self._is_paused = True

    def event(self, event: DeployEvent) -> None:
        """Take it into the picture; a warning, and what belongs to no step, is left above it."""
        with _unheard():
            lasting = self._sight.add(event, self._width())
            if lasting:
                self._above([self._output.render(one) for one in lasting])
            elif event.told not in (Told.PROGRESS, Told.NOTE) or self._is_due():
                self._draw()

    def question(self, question: Question) -> None:
        with _unheard():
            self._output.note_over([], self._rows)  # the picture goes on beneath the answer
            self._is_paused, self._rows = True, 0
            lines = question_lines(question, self._clock.now(), self._width(), ascii_only=not self._output.is_unicode)
            for one in lines:
                self._output.note(self._output.render(one))

    def resume(self) -> None:
        self._is_paused = False

    def note(self, text: str) -> None:
        with _unheard():
            self._above([text])

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._is_paused = False
        async with Tasks() as tasks:
            tasks.start(self._tick(), "deploy-picture")
            yield
        with _unheard():
            self._is_paused = False
            self._draw()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(REDRAW_S)
            with _unheard():
                self._draw()

    def _is_due(self) -> bool:
        return self._clock.monotonic() - self._drawn_at >= LEAST_S

    def _width(self) -> int:
        return max(8, self._output.note_size()[0] - 1)  # the last column stays free: some terminals wrap on it

    def _above(self, lines: list[str]) -> None:
        """Lines that last, in place of the picture; the picture beneath them."""
        picture = [] if self._is_paused else self._picture()
        self._output.note_over([*lines, *picture], self._rows)
        self._rows = len(picture)

    def _draw(self) -> None:
        if self._is_paused:
            return
        picture = self._picture()
        self._output.note_over(picture, self._rows)
        self._rows = len(picture)
        self._drawn_at = self._clock.monotonic()

    def _picture(self) -> list[str]:
        height = self._output.note_size()[1] - 1
        return [self._output.render(one) for one in self._sight.lines(self._clock.now(), self._width(), height)]
