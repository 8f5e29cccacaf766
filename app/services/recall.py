"""Remembering the run before: at a start, what the store knows is put under what was heard meanwhile."""

from __future__ import annotations

from collections import deque

from app.domain.restore import restore
from app.domain.snapshot import Snapshot
from app.services.board import Arrival, Board
from app.services.targets import Targets
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

    async def bring_back(self, targets: Targets, history: History, oldest: float) -> None:
        """Give the board the GPUs and counts of the run before, back to `oldest`, as far as the targets are the same.

        Must be through before anything is drained for the store: what is not on the board then is kept as gone.
        """
        try:
            past = await history.last(oldest)
            if past is not None and past.nodes:
                heard = [(one.spec, one.reading, one.missed_slots) for one in self._heard]
                self._board.restore(restore(self._start, past, heard, targets.names, oldest))
        finally:
            self._stop()
            self._heard.clear()
