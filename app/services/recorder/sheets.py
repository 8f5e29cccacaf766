"""Answers that come as sheets, as a recording holds them: mostly the words that are others than in the one before.

Written as `BodyWriter` writes their text, without making it: what a form says was looked through for secrets once.
"""

from __future__ import annotations

from app.services.recorder.bodies import BodyWriter, Mode
from app.sources.told import Sheet, Told


class SheetWriter:
    """The answers of one part of one source, sheets and bytes."""

    def __init__(self, text: BodyWriter) -> None:
        self._text = text
        """Writes what is not just other words."""
        self._before: Sheet | None = None
        """The last answer, where it was a sheet without secrets; it is not held as text then."""

    @property
    def at(self) -> float:
        """Epoch seconds of the last answer; 0 before the first."""
        return self._text.at

    def write(self, told: Told, at: float, segment: int) -> tuple[Mode, bytes]:
        """As `BodyWriter.write`."""
        if isinstance(told, bytes):
            self._settle()
            return self._text.write(told, at, segment)
        sheet, before = told.sheet(), self._before
        if before is None or sheet.starts is not before.starts:
            self._settle()
            made = self._text.write(sheet.text(), at, segment)
            if self._text.is_clean:
                self._before = sheet
                self._text.forget()
            return made
        self._before = sheet
        if self._text.turn_to(at, segment):
            return "full", sheet.text()
        pairs = zip(sheet.words, before.words, strict=True)
        return "values", "\n".join(["" if now == was else str(now) for now, was in pairs]).encode()

    def stands(self, told: Told, segment: int) -> bool:
        """As `BodyWriter.stands`."""
        return isinstance(told, bytes) and self._text.stands(told, segment)

    def resume(self, segment: int) -> None:
        """As `BodyWriter.resume`."""
        self._text.resume(segment)

    def last(self) -> bytes:
        """As `BodyWriter.last`."""
        return self._text.last() if self._before is None else self._before.text()

    def _settle(self) -> None:
        """Let the text be the last answer again: what comes may lean on its lines."""
        if self._before is not None:
            self._text.lean_on(self._before.text())
            self._before = None
