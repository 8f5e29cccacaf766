"""RunPod's rate limits: what its headers say is left, and how long to wait because of it. Pure; time is an argument.

Every authenticated answer says `RateLimit: "minute";r=12;t=33, "hour";r=2900;t=1800` (what is left, seconds until it is
full again) and `RateLimit-Policy: "minute";q=60;w=60` (how many in how long). The limits are the user's: Terraform, the
console and everybody's scripts use them up, too, so the last quarter is spent slowly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.domain.frozen import frozen

RESERVE = 0.25
"""Share of a limit from which on our looks are spread over the rest of its window."""
_ITEM = re.compile(r'"(?P<name>[\w-]{1,32})"(?P<rest>(?:\s*;\s*[a-z]{1,8}\s*=\s*-?\d{1,9})*)', re.ASCII)
_PARAMETER = re.compile(r"([a-z]{1,8})\s*=\s*(-?\d{1,9})", re.ASCII)
_MOST = 16
"""Windows of one answer that are looked at."""


@frozen
class Window:
    """One limit, as the last answer told of it."""

    name: str
    """`minute`, `hour`, `day`."""
    left: int
    ends_at: float
    """Monotonic seconds when it is full again."""
    quota: int | None = None

    @property
    def is_short(self) -> bool:
        """Little is left; where no quota is told, a handful is little."""
        return self.left < (RESERVE * self.quota if self.quota else 10)


@frozen
class Limits:
    """All limits together."""

    windows: tuple[Window, ...] = ()

    def must_wait(self, now: float) -> tuple[float, str]:
        """Seconds until a request may be sent at all, and the name of the limit; 0 where nothing is used up."""
        used_up = [(window.ends_at - now, window.name) for window in self.windows if window.left <= 0]
        return max((pair for pair in used_up if pair[0] > 0), default=(0.0, ""))

    def should_wait(self, now: float) -> float:
        """Seconds that a look should keep from the one before: what is left, spread over what remains of the window."""
        short = [window for window in self.windows if window.is_short and window.ends_at > now]
        return max(((window.ends_at - now) / (max(0, window.left) + 1) for window in short), default=0.0)


def parse_limits(headers: Mapping[str, str], now: float) -> Limits | None:
    """What an answer's headers say; None where they say nothing that is understood."""
    quotas = {name: said.get("q") for name, said in _items(headers.get("ratelimit-policy", ""))}
    windows = tuple(
        Window(name, said["r"], now + max(0, said["t"]), quotas.get(name))
        for name, said in _items(headers.get("ratelimit", ""))
        if "r" in said and "t" in said
    )
    return Limits(windows) if windows else None


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of `Retry-After`; None where it says none."""
    told = headers.get("retry-after", "").strip()
    return float(told) if told.isascii() and told.isdigit() and len(told) < 7 else None


def _items(header: str) -> list[tuple[str, dict[str, int]]]:
    found = []
    for number, item in enumerate(_ITEM.finditer(header[:4096])):
        if number >= _MOST:
            break
        found.append((item["name"], {key: int(value) for key, value in _PARAMETER.findall(item["rest"])}))
    return found
