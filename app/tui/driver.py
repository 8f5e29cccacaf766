"""Reading the terminal without waking up for nothing.

Textual's thread for input wakes ten times a second to see whether it is to end and whether an escape has stood alone
for long enough; that is an eighth of a per cent of a core, more than reading eight GPUs costs. This one sleeps until
something is typed or somebody ends it.
"""

from __future__ import annotations

import os
import select
import threading
from codecs import getincrementaldecoder
from typing import Any

from textual import constants
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

_READ_BYTES = 4096
_ALT_ENTER, _NEW_LINE = "\x1b\r", "\n"
"""How most terminals send alt+enter, of which Textual makes a plain enter; and ctrl+j, which means the same to us."""
_GLANCE_S = 0.1
"""Between two looks at the clock while an escape may stand alone; also how long the last words are waited for."""
_GLANCES = 10
"""Looks after something was typed; the parser waits for less."""


class Bell(threading.Event):
    """An event that also wakes who waits for a file."""

    def __init__(self) -> None:
        super().__init__()
        self.hears, self._rings = os.pipe()

    def set(self) -> None:
        """Ring."""
        super().set()
        os.write(self._rings, b"!")

    def clear(self) -> None:
        """Be quiet again."""
        while select.select([self.hears], [], [], 0)[0]:
            os.read(self.hears, _READ_BYTES)
        super().clear()

    def __del__(self) -> None:
        os.close(self.hears)
        os.close(self._rings)


class PatientDriver(LinuxDriver):
    """Textual's driver for Unix, but for how it waits for input. Its names are Textual's, which is pinned exactly."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(*arguments, **options)
        self.exit_event: Bell = Bell()

    def run_input_thread(self) -> None:
        """Pass on what is typed until the bell rings."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        glances = 0
        try:
            while not self.exit_event.is_set():
                waits = [self.fileno, self.exit_event.hears]
                ready = select.select(waits, [], [], _GLANCE_S if glances else None)[0]
                glances = _GLANCES if self.fileno in ready else max(0, glances - 1)
                self._take(parser, decode, is_there=self.fileno in ready)
            self._take(parser, decode, is_there=bool(select.select([self.fileno], [], [], _GLANCE_S)[0]), final=True)
        finally:
            try:
                for _ in parser.feed(""):
                    pass
            except (EOFError, ParseError):
                pass

    def _take(self, parser: XTermParser, decode: Any, *, is_there: bool, final: bool = False) -> None:  # noqa: ANN401
        """Read once, and tell the app what that was and what has waited for long enough."""
        if is_there:
            text = decode(os.read(self.fileno, _READ_BYTES), final=final)
            if text:
                for event in parser.feed(text.replace(_ALT_ENTER, _NEW_LINE)):
                    self.process_message(event)
            else:
                self.exit_event.wait(_GLANCE_S)  # nobody is at the other end any more: do not spin until that is seen
        for event in parser.tick():
            self.process_message(event)


def driver_class() -> type[Driver] | None:
    """The driver to use; None where the environment names another, as a browser's does."""
    return None if constants.DRIVER else PatientDriver
