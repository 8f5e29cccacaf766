"""When this user looked last: one small file in their state folder, for `digest`."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from app.config.paths import private_dir

FILE = "looked.json"


def looked_at(state_dir: Path) -> float | None:
    """Epoch seconds of the last look; None where nobody has looked, or the file says nothing."""
    try:
        at = json.loads((state_dir / FILE).read_text("utf-8"))["at"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return float(at) if isinstance(at, int | float) and math.isfinite(at) and at > 0 else None


def looked(state_dir: Path, now: float) -> None:
    """Take down that somebody looks now. Raises OSError."""
    private_dir(state_dir)
    beside = state_dir / f".{FILE}.{os.getpid()}"
    beside.write_text(json.dumps({"at": round(now, 3)}), "utf-8")
    beside.replace(state_dir / FILE)
