"""A vLLM server under request arrivals: a queue, a running batch, a KV cache, and what they add up to.

Unlike everything else here a queue has a memory, so it is stepped; but always over the same grid of moments, so its
state at a second depends on that second alone, not on who asked when. Request sizes are the means of Azure's
conversation trace (2023): 1,155 tokens of context, 211 generated.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.domain.frozen import frozen
from app.sim.layout import SimService
from app.sim.loads import Run
from app.sim.waves import HUM_S, Wave

SLOTS = 64
"""Most requests in the running batch (`--max-num-seqs`)."""
TOKENS_IN, TOKENS_OUT = 1155, 211
FIRST_TOKEN_S, TOKEN_S = 0.085, 0.018
"""Time to a first token and between tokens when the server is alone with one request."""
CROWDING = 1.2
"""How much longer a token takes in a full batch."""
CAPACITY_S = SLOTS / (TOKENS_OUT * TOKEN_S * (1.0 + CROWDING))
"""Requests a second that a full batch answers."""
KV_TOKENS = SLOTS * (TOKENS_IN + TOKENS_OUT / 2)
OVERLOAD = 2.4
PATIENCE = 900
"""Longest queue; whoever comes on top of it has a client that gives up."""
HIT_SHARE = 0.35
"""Share of prompt tokens found in the prefix cache."""
COARSE_S, FINE_S, FINE_FROM_S = 5.0, 1.0, -600.0
"""The grid: coarse in the past, a second at a time from ten minutes before the start."""

_SPREAD = (0.55, 0.8, 1.1, 1.55)
"""Requests of one step around their mean: a quarter each."""

LATENCY_S = (
    0.3,
    0.5,
    0.8,
    1.0,
    1.5,
    2.0,
    2.5,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    40.0,
    50.0,
    60.0,
    120.0,
    240.0,
    480.0,
    960.0,
    1920.0,
    7680.0,
)
FIRST_S = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
    20.0,
    40.0,
    80.0,
    160.0,
    640.0,
    2560.0,
)
BETWEEN_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0)


@dataclass(slots=True)
class Histogram:
    """Counts under bounds, not yet cumulative."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, mean: float, number: int) -> None:
        """Count `number` observations spread around a mean; the sum keeps the mean exactly."""
        self.total += mean * number
        for place, share in enumerate(_SPREAD):
            part = (number + place) // len(_SPREAD)
            if part:
                self.counts[bisect_left(self.bounds, mean * share)] += part

    def copy(self) -> Histogram:
        """A histogram of its own with the same counts."""
        return Histogram(self.bounds, self.counts.copy(), self.total)


@dataclass(slots=True)
class ServerState:
    """What the server knows of itself; gone when it goes down."""

    started: float
    """When its process started, simulated seconds."""
    running: float = 0.0
    waiting: float = 0.0
    kv_share: float = 0.0
    preemptions: float = 0.0
    prompt_tokens: float = 0.0
    generated_tokens: float = 0.0
    stopped: int = 0
    """Requests finished by themselves."""
    cut: int = 0
    """Requests that ran into their length limit."""
    aborted: float = 0.0
    """Requests whose client gave up."""
    owed: float = 0.0
    """Part of a request finished that is not yet a whole one."""
    first: Histogram = field(default_factory=lambda: Histogram(FIRST_S))
    between: Histogram = field(default_factory=lambda: Histogram(BETWEEN_S))
    latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    queued: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))
    sizes_in: Histogram = field(default_factory=lambda: Histogram(SIZES))
    sizes_out: Histogram = field(default_factory=lambda: Histogram(SIZES))

    def copy(self) -> ServerState:
        """A state of its own, which later steps do not touch."""
        return replace(self, **{name: getattr(self, name).copy() for name in HISTOGRAMS})


HISTOGRAMS = ("first", "between", "latency", "queued", "sizes_in", "sizes_out")


@frozen
class Trouble:
    """Which faults the server has at a moment."""

    is_down: bool = False
    is_overloaded: bool = False


class Server:
    """One server's state at any second. Asking for earlier moments is allowed and starts over from the beginning."""

    def __init__(self, service: SimService, run: Run, hum: Wave, trouble: Callable[[float], Trouble]) -> None:
        """`trouble` says which faults hold at a moment; it may change for the future only."""
        self.service, self._run, self._hum, self._trouble = service, run, hum, trouble
        self.begins = self._now = math.floor(run.start / COARSE_S) * COARSE_S
        self._state = ServerState(self.begins)

    def state(self, t: float) -> ServerState:
        """The state at the last step at or before `t`, the caller's to keep."""
        if t < self._now:
            self._now, self._state = self.begins, ServerState(self.begins)
        while (after := self._now + (COARSE_S if self._now < FINE_FROM_S else FINE_S)) <= t:
            self._step(after - self._now)
            self._now = after
        return self._state.copy()

    def _step(self, seconds: float) -> None:
        trouble = self._trouble(self._now)
        if trouble.is_down:
            self._state = ServerState(self._now + seconds)
            return
        state = self._state
        wanted = CAPACITY_S * max(0.05, self._run.activity(self._now)) * (OVERLOAD if trouble.is_overloaded else 1.0)
        noise = self._hum.values[(int(self._now) + self.service.offset) & (HUM_S - 1)]
        state.waiting += max(0.0, wanted * seconds + noise * math.sqrt(wanted * seconds))
        token_s = TOKEN_S * (1.0 + CROWDING * state.running / SLOTS)
        served = 1.0 - math.exp(-seconds / (TOKENS_OUT * token_s))
        admitted = min(state.waiting, max(0.0, SLOTS - state.running * (1.0 - served)))
        # What comes in during a step has half of it to be served in.
        finished = (state.running + admitted / 2.0) * served
        state.waiting -= admitted
        given_up = max(0.0, state.waiting - PATIENCE)
        state.waiting -= given_up
        state.aborted += given_up
        state.running = min(SLOTS, state.running + admitted - finished)
        state.kv_share = min(1.0, state.running * (TOKENS_IN + TOKENS_OUT / 2) / KV_TOKENS)
        if trouble.is_overloaded and state.waiting > 1:
            state.kv_share = 1.0
            state.preemptions += 1.5 * seconds
        queue_s = state.waiting * seconds / finished if state.waiting > 1 and finished else 0.0
        _account(state, finished, admitted, token_s, queue_s)


def _account(state: ServerState, finished: float, admitted: float, token_s: float, queue_s: float) -> None:
    """Add one step to the counters and histograms."""
    state.owed += finished
    done = int(state.owed)
    state.owed -= done
    state.prompt_tokens += admitted * TOKENS_IN
    state.generated_tokens += finished * TOKENS_OUT
    first_s = FIRST_TOKEN_S * (1.0 + state.running / SLOTS) + queue_s
    state.cut += done // 12
    state.stopped += done - done // 12
    state.first.add(first_s, done)
    state.queued.add(queue_s, done)
    state.latency.add(first_s + TOKENS_OUT * token_s, done)
    state.between.add(token_s, done * TOKENS_OUT)
    state.sizes_in.add(TOKENS_IN, done)
    state.sizes_out.add(TOKENS_OUT, done)
