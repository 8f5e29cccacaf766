"""How grave an incident is, as a sign and a tone; how many there are; whom it names. Pure, and needed by every page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.domain.diagnosis import GRAVITY, Diagnosis, Incident
from app.domain.series import Severity
from app.present.cells import Cell, Tone, tidy
from app.present.look import Look

TONES: Mapping[Severity, Tone] = {"critical": "bad", "warning": "look", "info": "info"}


def severity_cell(severity: Severity, look: Look) -> Cell:
    """One column: how grave it is."""
    signs = {"critical": look.glyphs.critical, "warning": look.glyphs.warning, "info": look.glyphs.info}
    return Cell(signs[severity], TONES[severity])


def counts(diagnosis: Diagnosis) -> tuple[int, int]:
    """Open incidents that are critical, and those that are warnings."""
    grave = [one.severity for one in diagnosis.incidents]
    return grave.count("critical"), grave.count("warning")


def worst(incidents: Iterable[Incident]) -> Incident | None:
    """The gravest, of equals the first; None where nothing is worse than information."""
    found = max(incidents, key=lambda one: GRAVITY[one.severity], default=None)
    return found if found is not None and found.severity != "info" else None


def named(words: Sequence[str], most: int = 3) -> str:
    """The first of them, and how many more."""
    shown = " ".join(tidy(word, 24) for word in words[:most])
    return f"{shown} +{len(words) - most}" if len(words) > most else shown
