"""The line to the terminal: how fast it is, and whether it has room for another frame. Pure; time is an argument.

What is written goes into buffers of ssh and the kernel that hold megabytes, so nobody who writes too much is ever told.
Therefore a question follows a frame ("are you well?", which every terminal answers): until the answer is here the frame
is not, and new numbers wait. Keys are answered at once, whatever is on its way.
"""

from __future__ import annotations

from dataclasses import dataclass

QUESTION, ANSWER = "\x1b[5n", "\x1b[0n"
BUDGET_BYTES_S = 6000.0
"""New numbers alone may fill so much of a slow line, on average."""
SLOW_BYTES_S, SLOW_S = 100_000.0, 0.08
"""Below this rate bytes are what one waits for; a way there and back of more than this is no local line either."""
LONGEST_S = 3.0
"""New numbers wait no longer than this for what was spent before them."""
LEAST_WEIGHED, BURST_S = 1500, 0.05
"""So many bytes must have gone, within so short a time, for their way to tell the line's rate."""
LEAST_S = 0.01
"""Less than this a clock on a busy machine cannot tell."""
MUTE_S = 10.0
"""A terminal that has answered nothing for so long never will."""
LOST_S = 30.0
"""After so long an answer is not waited for any more."""
LAST_WORDS_S = 1.5
"""So long an answer is waited for before the terminal is given back: the shell would take it for something typed."""
_WEIGHT = 0.3
"""Of a new measurement beside those before it."""


@dataclass(slots=True)
class Link:
    """What is known of the line; one for each terminal."""

    began_slow: bool = False
    """Whether it is taken for slow until it has been measured."""
    said: bool | None = None
    """Whether the user says that it is slow; None: it is measured."""
    rate: float | None = None
    """Bytes a second; None: not measured."""
    round_trip_s: float | None = None
    """The shortest from question to answer; None: none was answered."""
    _asked_at: float | None = None
    _first_asked_at: float | None = None
    _burst_at: float | None = None
    _burst: int = 0
    _weighed: int = 0
    _due_at: float = 0.0

    @property
    def is_slow(self) -> bool:
        """Whether bytes are worth saving."""
        if self.said is not None:
            return self.said
        if self.round_trip_s is not None and self.round_trip_s >= SLOW_S:
            return True
        return self.began_slow if self.rate is None else self.rate < SLOW_BYTES_S

    @property
    def is_asked(self) -> bool:
        """Whether an answer is on its way."""
        return self._asked_at is not None

    def wrote(self, now: float, count: int) -> None:
        """So many bytes went to the terminal."""
        if self._burst_at is None:
            self._burst_at = now
        self._burst += count
        if self.is_slow:
            budget = BUDGET_BYTES_S if self.rate is None else min(BUDGET_BYTES_S, self.rate / 2)
            self._due_at = min(max(now, self._due_at) + count / budget, now + LONGEST_S)

    def asks(self, now: float) -> bool:
        """Whether to put the question behind what was written; then it counts as asked."""
        if self._asked_at is not None and now - self._asked_at < LOST_S:
            return False
        if self._is_mute(now):
            return False
        self._asked_at = now
        self._first_asked_at = now if self._first_asked_at is None else self._first_asked_at
        is_burst = self._burst_at is not None and now - self._burst_at < BURST_S
        self._weighed = self._burst if is_burst and self._burst >= LEAST_WEIGHED else 0
        self._burst_at, self._burst = None, 0
        return True

    def heard(self, now: float) -> None:
        """The answer has come."""
        if self._asked_at is None:
            return
        took_s, self._asked_at = max(1e-4, now - self._asked_at), None
        self.round_trip_s = took_s if self.round_trip_s is None else min(self.round_trip_s * 1.02, took_s)
        if self._weighed:
            rate = self._weighed / max(LEAST_S, took_s - self.round_trip_s)
            self.rate = rate if self.rate is None else (1 - _WEIGHT) * self.rate + _WEIGHT * rate

    def has_room(self, now: float, *, is_awaited: bool = False) -> bool:
        """Whether new numbers may be painted: the frame before has arrived, and the budget allows it.

        For what somebody waits for (`is_awaited`) there is no budget.
        """
        if self._asked_at is not None and self.round_trip_s is not None and now - self._asked_at < LOST_S:
            return False
        return is_awaited or now >= self._due_at

    def last_words_s(self, now: float) -> float:
        """How long an answer is still waited for before the terminal is given back."""
        if self._asked_at is None or self._is_mute(now):
            return 0.0
        return max(0.0, min(LAST_WORDS_S, self._asked_at + LOST_S - now))

    def _is_mute(self, now: float) -> bool:
        first = self._first_asked_at
        return self.round_trip_s is None and first is not None and now - first > MUTE_S
