"""Rate limits of the emulated API: requests a window, and the two headers that tell of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from tests.standins.runpod.problems import ProblemError

WINDOWS = {"minute": 60, "hour": 3600, "day": 86400}
"""Seconds of each."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Requests that one user may make."""

    minute: int
    hour: int
    day: int

    def of(self, window: str) -> int:
        """Requests of a window."""
        return {"minute": self.minute, "hour": self.hour, "day": self.day}[window]

    @property
    def policy(self) -> str:
        """The header `RateLimit-Policy`."""
        return ", ".join(f'"{name}";q={self.of(name)};w={seconds}' for name, seconds in WINDOWS.items())


DOCUMENTED = Quota(60, 3000, 50000)
"""The example of RunPod's documentation."""
AMPLE = Quota(6000, 300_000, 5_000_000)
"""So much that a test that is not about limits never meets them."""


@dataclass
class Limiter:
    """Counts requests in windows that begin with their first one."""

    quota: Quota | None = AMPLE
    """None: exempt from limits, and no headers."""
    _begun: dict[str, float] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=dict)

    def spend(self, now: float) -> dict[str, str]:
        """Count one request and return the headers of its answer; ProblemError 429 when a window is used up."""
        if self.quota is None:
            return {}
        for name, seconds in WINDOWS.items():
            if now - self._begun.get(name, float("-inf")) >= seconds:
                self._begun[name], self._used[name] = now, 0
        full = next((name for name in WINDOWS if self._used[name] >= self.quota.of(name)), None)
        if full is None:
            for name in WINDOWS:
                self._used[name] += 1
        headers = {"RateLimit": self._state(now, self.quota), "RateLimit-Policy": self.quota.policy}
        if full is not None:
            wait = str(self._left_s(full, now))
            detail = f"rate limit exceeded for the {full} window"
            raise ProblemError(429, detail, headers=headers | {"Retry-After": wait})
        return headers

    def _left_s(self, name: str, now: float) -> int:
        return max(1, ceil(self._begun[name] + WINDOWS[name] - now))

    def _state(self, now: float, quota: Quota) -> str:
        return ", ".join(
            f'"{name}";r={quota.of(name) - self._used[name]};t={self._left_s(name, now)}' for name in WINDOWS
        )
