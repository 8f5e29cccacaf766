"""The file that says who is told (`[alerts] notify_file`), read from disk, and again whenever it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.config.secret import SecretError, read_private_text
from app.config.settings import Settings
from app.engine.notifying.policy import Policy
from app.engine.notifying.policy_file import PolicyFile, parse_policy

NOBODY = PolicyFile(Policy())


class NotifyFile:
    """The file of a configuration. One that turns bad while the program runs leaves who was told before."""

    def __init__(self, settings: Settings) -> None:
        self.path = _path(settings)
        self._mark: tuple[int, int, int, int] | None = None
        self._read = NOBODY

    def follow(self, settings: Settings) -> None:
        """Read the file that another configuration names from now on."""
        if _path(settings) != self.path:
            self.path, self._mark = _path(settings), None

    def current(self) -> PolicyFile:
        """What it says; a look at its time costs some microseconds."""
        if self.path is None:
            return NOBODY
        try:
            at = self.path.stat()
            mark = (at.st_mtime_ns, at.st_size, at.st_ino, at.st_mode)
        except OSError:
            mark = (0, 0, 0, 0)
        if mark != self._mark:
            self._mark = mark
            self._read = self._fresh(self.path)
        return self._read

    def _fresh(self, path: Path) -> PolicyFile:
        try:
            found = parse_policy(read_private_text(path), str(path))
        except SecretError as error:
            found = PolicyFile(Policy(), (str(error),))
        if not found.policy.channels and found.problems:
            return replace(found, policy=self._read.policy)
        return found


def _path(settings: Settings) -> Path | None:
    named = settings.alerts.notify_file
    base = Path(settings.origin).parent if settings.origin else Path()
    return base / Path(named).expanduser() if named else None
