"""What keys and `:` commands do on alerts and rules: open one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.tui.desk import Desk
from app.tui.feed import RefusedError

ALERTS, RULE = "alerts", "rule"


def open_alerts(desk: Desk, text: str) -> None:
    """Open the page; with an id or the beginning of one, at that alert."""
    wanted = "" if text.strip() == ALERTS else text.strip()
    found = desk.moment.alerts.find(wanted)
    if wanted and found is None:
        raise RefusedError(f"no alert is called {wanted[:40]!r}, or several are")
    desk.open_page(ALERTS)
    if found is not None and desk.page is not None:
        desk.page.point_at(found.id)


def open_rule(desk: Desk, text: str) -> None:
    """Open the editor on a rule; without a name, on a new one."""
    name = "" if text.strip() == RULE else text.strip()
    desk.open_page(RULE, name[:100])


VERBS: Mapping[str, Callable[[Desk, str], None]] = {"open_alerts": open_alerts, "open_rule": open_rule}
