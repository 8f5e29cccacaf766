"""Calling for attention while somebody looks elsewhere: bell, desktop notification and the window's title.

Only what begins, or grows worse, while this screen is open calls; what was there before, the past and a simulated
cluster do not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from app.domain.diagnosis import GRAVITY, NO_DIAGNOSIS, Diagnosis, Incident
from app.domain.snapshot import Mode
from app.present.terminal_signals import alarm_title, notification, way_of, window_title

FROM: Mapping[str, int] = {"critical": GRAVITY["critical"], "warning": GRAVITY["warning"]}
"""What `screen.call` may say, beside `never`."""
SAVE_TITLE, RESTORE_TITLE = "\x1b[22;2t", "\x1b[23;2t"
"""xterm's stack of window titles; terminals that do not know it do nothing."""
_PLAIN = ("linux", "dumb", "vt100", "vt102", "vt220")
"""Terminals without a window."""


class Caller:
    """What to write to the terminal, diagnosis by diagnosis."""

    def __init__(self, call: str, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._from = FROM.get(call)
        self._way = way_of(environ)
        self._in_tmux = bool(environ.get("TMUX"))
        self._has_window = environ.get("TERM", "") not in _PLAIN
        self._before: Diagnosis = NO_DIAGNOSIS
        self._title = ""

    def heard(self, diagnosis: Diagnosis, cluster: str, mode: Mode) -> str:
        """The bytes for a diagnosis of now; empty where nothing is to be said."""
        before, self._before = self._before, diagnosis
        if self._from is None or mode != "live" or diagnosis.at == before.at:
            return ""
        called = self._new(before, diagnosis) if before.at else None
        return self._renamed(diagnosis, cluster) + (self._told(called, cluster) if called is not None else "")

    def _new(self, before: Diagnosis, after: Diagnosis) -> Incident | None:
        """The gravest incident that is new, or worse than it was."""
        old = {one.id: GRAVITY[one.severity] for one in before.incidents}
        least = self._from or 0
        fresh = [
            one
            for one in after.incidents
            if GRAVITY[one.severity] >= least and GRAVITY[one.severity] > old.get(one.id, -1)
        ]
        return max(fresh, key=lambda one: GRAVITY[one.severity], default=None)

    def _told(self, incident: Incident, cluster: str) -> str:
        return notification(
            f"{cluster or 'GPU Watchdog'}: {incident.severity}", incident.title, self._way, in_tmux=self._in_tmux
        )

    def _renamed(self, diagnosis: Diagnosis, cluster: str) -> str:
        if not self._has_window:
            return ""
        grave = [one.severity for one in diagnosis.incidents]
        title = alarm_title(cluster, grave.count("critical"), grave.count("warning"))
        if title == self._title:
            return ""
        save = "" if self._title else SAVE_TITLE
        self._title = title
        return f"{save}{window_title(title)}"

    def farewell(self) -> str:
        """What gives the window its own title back."""
        return RESTORE_TITLE if self._title else ""
