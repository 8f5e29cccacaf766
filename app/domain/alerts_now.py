"""What an evaluation of the alert rules left. Before there is an alert nobody pays for its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from app.domain.frozen import frozen

if TYPE_CHECKING:  # the codec finds them by name
    from app.domain.alert import Ack, Alert, Silence


@frozen
class AlertsNow:
    """What an evaluation left: every alert, and what people have said of them."""

    at: float = 0.0
    """Epoch seconds of the evaluation; 0: there was none."""
    interval_s: float = 5.0
    alerts: tuple[Alert, ...] = ()
    muted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Id → why nobody is told."""
    acks: tuple[Ack, ...] = ()
    silences: tuple[Silence, ...] = ()
    troubles: Mapping[str, str] = field(default_factory=dict)
    """Rule → why it cannot be evaluated; a file's place → what is wrong there."""

    def is_current(self, now: float) -> bool:
        """Whether somebody evaluated within three intervals."""
        return self.at > 0 and now - self.at <= 3 * max(self.interval_s, 1.0) + 1.0

    def find(self, alert_id: str) -> Alert | None:
        """The alert with an id, or with an id that begins so and is the only one."""
        found = [one for one in self.alerts if one.id == alert_id] or [
            one for one in self.alerts if alert_id and one.id.startswith(alert_id)
        ]
        return found[0] if len(found) == 1 else None


NO_ALERTS = AlertsNow()
