"""NVIDIA's Xids in plain words: the registry `xids.toml`, read once, with the gravity that `app.domain.xids` gives.

A code the registry does not know is handed back with an honest sentence, never dropped.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from app.domain.frozen import frozen
from app.domain.series import Severity
from app.domain.xids import RECOVERY_ACTIONS, xid_severity

By = Literal["app", "driver", "hardware", "fabric", "symptom", "verdict", "info", "unknown"]
_PLACE = Path(__file__).parent / "xids.toml"


@frozen
class XidAction:
    """What to do about an Xid."""

    key: str
    text: str
    changes: bool
    """It stops or changes something, so it is asked for before it is done."""


@frozen
class Xid:
    """One code, explained."""

    code: int
    name: str
    by: By
    """Whose fault it tends to be."""
    means: str
    action: XidAction
    note: str = ""
    source: str = ""

    @property
    def is_known(self) -> bool:
        """The registry has it."""
        return self.by != "unknown"

    @property
    def is_app_caused(self) -> bool:
        """The program's own doing, unless it comes back on one GPU whatever runs there."""
        return self.by == "app"

    def severity(self, text: str = "", recovery: int | None = None) -> Severity:
        """How grave it is, with its line's own words where these decide."""
        return xid_severity(self.code, text, recovery)


UNKNOWN_ACTION = XidAction("watch", "keep the line, and look it up at docs.nvidia.com/deploy/xid-errors", changes=False)


def xid(code: int) -> Xid:
    """What a code means."""
    return xids().get(code) or Xid(code, "", "unknown", "a code this version has no words for", UNKNOWN_ACTION)


def recovery_text(action: int) -> str:
    """What the driver asks for, in words, by the number that Xid 154 tells."""
    return RECOVERY_ACTIONS.get(action, f"recovery action {action}, which this version has no words for")


@lru_cache(maxsize=1)
def xids() -> Mapping[int, Xid]:
    """Every code there are words for."""
    with _PLACE.open("rb") as file:
        raw = tomllib.load(file)
    actions = {key: XidAction(key, one["text"], one["changes"]) for key, one in raw["action"].items()}
    return {
        code: Xid(
            code=code,
            name=row["name"],
            by=row["by"],
            means=row["means"],
            action=actions[row["do"]],
            note=row.get("note", ""),
            source=row["source"],
        )
        for row in raw["xid"]
        for code in row["codes"]
    }
