"""Remembering the run before: at a start, what the store knows is put under what was heard meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from app.domain.restore import restore
from app.domain.snapshot import Snapshot
from app.services.board import Arrival, Board
from app.services.targets import Readable
from app.store.history import History

HEARD_LIMIT = 8192
"""Readings held while the store opens; where a disk hangs so long that there are more, the oldest go."""


class Recall:
    """Listens to a new board from its first reading, until the store can be asked for the past."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._start: Snapshot = board.snapshot
        self._heard: deque[Arrival] = deque(maxlen=HEARD_LIMIT)
        self._stop = board.listen(self._heard.append)

    async def bring_back(
        self, targets: Readable, history: History, oldest: float, looked: Mapping[str, float] | None = None
    ) -> None:
        """Give the board the GPUs and counts of the run before, back to `oldest`, as far as the targets are the same.

        `looked` says when the run before, where it went on until now, last looked at each source: what was heard here
        until then is in the store already.
        Must be through before anything is drained for the store: what is not on the board then is kept as gone.
        """
        try:
            past = await history.last(oldest)
            if past is not None and past.nodes:
                known = looked or {}
                heard = [(one.spec, one.reading, one.missed_slots) for one in self._heard if not _is_known(one, known)]
                self._board.restore(restore(self._start, past, heard, targets.names, oldest))
        finally:
            self._stop()
            self._heard.clear()


def _is_known(one: Arrival, looked: Mapping[str, float]) -> bool:
    """Whether the look of the same slot was kept by the run before: its clock and its slots are ours."""
    last = looked.get(one.spec.name)
    return last is not None and one.reading.at <= last + one.spec.interval_s / 2
