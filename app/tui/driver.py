"""Reading the terminal without waking up for nothing.

Textual's thread for input wakes ten times a second to see whether it is to end and whether an escape has stood alone
for long enough; that is an eighth of a per cent of a core, more than reading eight GPUs costs. This one sleeps until
something is typed or somebody ends it.
"""

from __future__ import annotations

import os
import re
import select
import threading
from codecs import getincrementaldecoder
from time import monotonic
from typing import Any

from textual import constants
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

from app.tui.pacing import ANSWER, QUESTION, Link
from app.tui.terminal import is_remote

READ_BYTES = 4096
_ALT_ENTER, _NEW_LINE = "\x1b\r", "\n"
"""How most terminals send alt+enter, of which Textual makes a plain enter; and ctrl+j, which means the same to us."""
_HELD_BACK = (SYNC_START, SYNC_END)
"""With these a terminal shows a frame once it is whole; on a slow line one would rather see it come."""
_TRIAL, _PLACE, _REPEATED = "\x1b[1;1H\u00a0\x1b[4b\x1b[6n", re.compile(r"\x1b\[1;(\d+)R"), "6"
"""A blank and four more, if it can; where the cursor stands then; the column it stands at if it could.

A blank that is not ASCII, as rules are not: tmux repeats no others."""
_BEGUN = re.compile(r"\x1b\[(?:0|1(?:;\d*)?)?\Z")
"""The beginning of either answer."""
GLANCE_S = 0.1
"""Between two looks at the clock while an escape may stand alone; also how long the last words are waited for."""
GLANCES = 10
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
            os.read(self.hears, READ_BYTES)
        super().clear()

    def __del__(self) -> None:
        os.close(self.hears)
        os.close(self._rings)


class Listener:
    """Hears the terminal's answers among what is typed."""

    def __init__(self) -> None:
        self.link = Link(began_slow=is_remote(os.environ))
        self.repeats = False
        """Whether it writes a letter again when told how often (REP); terminfo says so of many that do not."""
        self._answered = threading.Event()
        self._is_trying = False
        self._kept = ""

    def question(self) -> str:
        """What to send behind a frame; empty: nothing now."""
        if not self.link.asks(monotonic()):
            return ""
        self._answered.clear()
        return QUESTION

    def trial(self) -> str:
        """What shows, sent before the first frame, whether blanks are repeated: where the cursor is then."""
        self._is_trying = True
        return _TRIAL

    def typed(self, text: str) -> str:
        """What was typed, without the answers; what may be the beginning of one is kept until more comes."""
        text, self._kept = self._kept + text, ""
        if self._is_trying and (place := _PLACE.search(text)):
            self._is_trying, self.repeats = False, place[1] == _REPEATED
            text = text.replace(place[0], "", 1)
        if self.link.is_asked and ANSWER in text:
            self.link.heard(monotonic())
            self._answered.set()
            text = text.replace(ANSWER, "")
        begun = _BEGUN.search(text) if self.link.is_asked or self._is_trying else None
        if begun is not None:
            self._kept, text = begun[0], text[: begun.start()]
        return text

    def waited(self) -> str:
        """What was kept, once nothing more has come."""
        text, self._kept = self._kept, ""
        return text

    def last_words(self) -> None:
        """Wait for an answer that is on its way: a shell would take it for something typed."""
        left_s = self.link.last_words_s(monotonic())
        if left_s:
            self._answered.wait(left_s)


class PatientDriver(LinuxDriver):
    """Textual's driver for Unix, but for how it waits for input. Its names are Textual's, which is pinned exactly."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(*arguments, **options)
        self.exit_event: Bell = Bell()
        self.listener = Listener()

    def write(self, data: str) -> None:
        """Write to the terminal."""
        if data in _HELD_BACK and self.listener.link.is_slow:
            return
        self.listener.link.wrote(monotonic(), len(data))
        super().write(data)

    def frame_sent(self) -> None:
        """A frame has been written: ask whether it has arrived."""
        question = self.listener.question()
        if question:
            super().write(question)

    def _sigcont_application(self, *_: object) -> None:
        # Only after a Ctrl-Z: Textual begins anew also where it was never left, with a second reader of the same keys.
        if self._must_signal_resume:
            super()._sigcont_application()

    def disable_input(self) -> None:
        """Disable further input, with the terminal's answers heard."""
        if not self.exit_event.is_set():
            self.listener.last_words()
        super().disable_input()

    def run_input_thread(self) -> None:
        """Pass on what is typed until the bell rings."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        glances = 0
        try:
            while not self.exit_event.is_set():
                waits = [self.fileno, self.exit_event.hears]
                ready = select.select(waits, [], [], GLANCE_S if glances else None)[0]
                glances = GLANCES if self.fileno in ready else max(0, glances - 1)
                self._take(parser, decode, is_there=self.fileno in ready)
            self._take(parser, decode, is_there=bool(select.select([self.fileno], [], [], GLANCE_S)[0]), final=True)
        finally:
            try:
                for _ in parser.feed(""):
                    pass
            except (EOFError, ParseError):
                pass

    def _take(self, parser: XTermParser, decode: Any, *, is_there: bool, final: bool = False) -> None:  # noqa: ANN401
        """Read once, and tell the app what that was and what has waited for long enough."""
        if is_there:
            text = decode(os.read(self.fileno, READ_BYTES), final=final)
            if not text:
                self.exit_event.wait(GLANCE_S)  # nobody is at the other end any more: do not spin until that is seen
            text = self.listener.typed(text)
        else:
            text = self.listener.waited()
        if text:
            for event in parser.feed(text.replace(_ALT_ENTER, _NEW_LINE)):
                self.process_message(event)
        for event in parser.tick():
            self.process_message(event)


def driver_class() -> type[Driver] | None:
    """The driver to use; None where the environment names another, as a browser's does."""
    return None if constants.DRIVER else PatientDriver
