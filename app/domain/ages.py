"""When a value is old: in intervals of its source, the same everywhere."""

from __future__ import annotations

STALE_INTERVALS = 2.0
"""Past this many intervals a value is shown grey with its age."""
EXPIRED_INTERVALS = 5.0
"""Past this many intervals a value is unknown."""
