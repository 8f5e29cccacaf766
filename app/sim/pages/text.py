"""Pages as text with slots: what never changes is made once and shared, values go in between.

A page of 8 GPUs has some 400 series whose labels alone are 80 kB. Keeping the labels once a GPU and the names once a
program makes a node cost a list of references, and rendering one format and one join.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from app.domain.frozen import frozen

SIMULATED = (
    "# HELP gpu_watchdog_simulated Says that nothing on this page is real.\n"
    "# TYPE gpu_watchdog_simulated gauge\n"
    "gpu_watchdog_simulated 1\n"
)
"""The family that every page carries, so that whoever shows it can say so."""


@frozen
class Family:
    """A metric as it stands on a page."""

    name: str
    kind: str
    """`gauge`, `counter` or `histogram`."""
    help: str
    form: str = "%d"
    """How its values are written."""
    source: str | None = None
    """The field of the state that it shows."""
    fixed: str | None = None
    """The attribute of the board that it shows, or the number itself, where that never changes."""


@frozen
class Series:
    """One line of a page: its name with whatever stands above it, its labels, how its value is written."""

    lead: str
    labels: str
    form: str


class Sheet:
    """A page's skeleton, with a slot for each value."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._parts: list[str] = []
        forms = []
        for one in series:
            self._parts += (one.lead, one.labels, "")
            forms.append(one.form)
        if self._parts:
            self._parts[0] = self._parts[0].removeprefix("\n")
        self._form = "\n".join(forms)

    def fill(self, values: tuple[object, ...]) -> str:
        """The page with these values in its slots, in order. Raises TypeError when there are too few or too many."""
        parts = self._parts.copy()
        if not parts:
            return SIMULATED
        parts[2::3] = (self._form % values).split("\n")
        return f"{''.join(parts)}\n{SIMULATED}"


@cache
def lead(family: Family, suffix: str = "", *, is_first: bool) -> str:
    """What stands before a series' labels: the family's HELP and TYPE above its first series, then the name.

    Cached so that all nodes share one text.
    """
    head = f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n" if is_first else ""
    return f"\n{head}{family.name}{suffix}"


def labelled(labels: Iterable[tuple[str, str]]) -> str:
    """Labels in braces and the blank before the value; values are ours and hold nothing to escape."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "} "
