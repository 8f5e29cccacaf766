"""The daemon's log file: for its owner alone, begun anew when it has grown large, with some of those before kept."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from app.domain.naming import clean

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_MIB = 1024 * 1024
_LONGEST = 2000


class LogFile(RotatingFileHandler):
    """`path`, then `path.1`, `path.2`, … the older. Opened when first written to.

    A disk that is full costs lines, never the daemon: what cannot be written is left out.
    """

    def __init__(self, path: Path, most_mib: float, keep: int) -> None:
        super().__init__(path, maxBytes=max(1, int(most_mib * _MIB)), backupCount=keep, delay=True, encoding="utf-8")
        self.setFormatter(_OneLine(FORM))

    def _open(self) -> TextIO:  # type: ignore[override]  # the base says TextIOWrapper, which open() returns as TextIO
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(path, how, 0o600)
        if os.fstat(file).st_mode & 0o077:
            os.fchmod(file, 0o600)
        return os.fdopen(file, "a", encoding="utf-8", errors="backslashreplace")

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        """Begin a new one. With none to keep, the old one is emptied."""
        if self.backupCount:
            super().doRollover()
            return
        if self.stream:
            self.stream.close()
        os.truncate(self.baseFilename, 0)
        self.stream = self._open()  # type: ignore[assignment]  # as above

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing: a log that cannot be written must not fill the one that can."""
        del record


class _OneLine(logging.Formatter):
    """What a line says of the outside is made harmless; a traceback keeps its lines, each of them indented."""

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = super().format(record).splitlines() or [""]
        return "\n".join((clean(first, _LONGEST), *(f"  {clean(line, _LONGEST)}" for line in rest)))


def open_log(path: Path, most_mib: float, keep: int) -> LogFile:
    """A log file of what the program says at level INFO and above. Raises OSError where it cannot be written."""
    handler = LogFile(path, most_mib, keep)
    handler.setLevel(logging.INFO)
    handler.acquire()
    try:
        handler.stream = handler._open()  # type: ignore[assignment]  # noqa: SLF001 - now, so that trouble is told now
    finally:
        handler.release()
    return handler
