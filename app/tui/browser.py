"""The terminal that is a browser's: what `web` starts a window with. Named in the environment, never imported by name.

Keys and sizes come in packets over standard input, frames go out over standard output; when the server is gone, so is
the window.
"""

from __future__ import annotations

import os
import select
import sys
from codecs import getincrementaldecoder
from typing import Any

from textual import messages
from textual._xterm_parser import XTermParser
from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver, _ExitInput

from app.tui.driver import GLANCE_S, GLANCES, READ_BYTES, Bell


class BrowserDriver(WebDriver):
    """Textual's driver for browsers, but that it sleeps until something comes and ends with the server."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(*arguments, **options)
        self.exit_event: Bell = Bell()
        self._hears = sys.__stdin__.fileno() if sys.__stdin__ else 0

    def run_input_thread(self) -> None:
        """Pass on what the browser says until the bell rings or the server is gone."""
        parser, packets = XTermParser(self._debug), ByteStream()
        decode = getincrementaldecoder("utf-8")("replace").decode
        glances = 0
        try:
            while not self.exit_event.is_set():
                waits = [self._hears, self.exit_event.hears]
                ready = select.select(waits, [], [], GLANCE_S if glances else None)[0]
                glances = GLANCES if self._hears in ready else max(0, glances - 1)
                if self._hears in ready and not self._take(packets, parser, decode):
                    break
                for event in parser.tick():
                    self.process_message(event)
        except _ExitInput:
            return
        if not self.exit_event.is_set():
            self._app.post_message(messages.ExitApp())

    def _take(self, packets: ByteStream, parser: XTermParser, decode: Any) -> bool:  # noqa: ANN401 - codecs' own
        """Read once and tell the app; False where nobody is at the other end any more."""
        said = os.read(self._hears, READ_BYTES)
        for kind, payload in packets.feed(said):
            if kind == "D":
                for event in parser.feed(decode(payload)):
                    self.process_message(event)
            else:
                self._on_meta(kind, payload)
        return bool(said)
