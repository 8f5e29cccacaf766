"""The one writer of stdout, and of hints on stderr.

Data goes to stdout, all else to stderr. Colour is for meaning only, on a terminal only, never with NO_COLOR or on a
dumb terminal; the text alone says the same. Callers make text from outside harmless; all that is added here is SGR.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # types only: the JSON path needs no presenters
    from app.present.cells import Line, Tone

_SGR: Mapping[str, str] = {
    **dict.fromkeys(("head", "quiet", "unit", "old"), "2"),
    **dict.fromkeys(("bad", "alarm"), "1;31"),
    "strong": "1",
    "accent": "36",
    "info": "34",
    "look": "33",
    "lost": "31",
}
"""Tones in the terminal's own sixteen colours; those not named are plain."""
_FALLBACK_WIDTH, _FALLBACK_HEIGHT = 100, 30


class Output:
    """Where a command writes: data, notes, and how wide and colourful the terminal lets it be."""

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._environ = environ
        self.is_terminal = out.isatty()
        self.has_reader = err.isatty()
        """Whether a person sees the notes as they come: who waits is told how it goes on."""
        dumb = environ.get("TERM", "") in ("", "dumb")
        self.can_redraw = self.has_reader and not dumb
        """Whether notes may be drawn over those before."""
        self.is_unicode = (out.encoding or "").lower().replace("-", "") == "utf8"
        """Whether the output takes more than ASCII."""
        self.has_colour = self.is_terminal and not environ.get("NO_COLOR") and not dumb

    def line(self, text: str = "") -> None:
        """One line of data."""
        self._out.write(text + "\n")

    def lines(self, lines: tuple[str, ...] | list[str]) -> None:
        """Several lines of data at once."""
        if lines:
            self._out.write("\n".join(lines) + "\n")

    def text(self, text: str) -> None:
        """Data exactly as it is."""
        self._out.write(text)

    def json(self, value: object) -> None:
        """One JSON object on one line; indented for a person who looks at it on a terminal."""
        if self.is_terminal:
            import json  # noqa: PLC0415 - late: the screen writes none

            self.line(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False))
        else:
            self.json_line(value)

    def json_line(self, value: object) -> None:
        """One JSON object on one line, always."""
        import json  # noqa: PLC0415 - late: as above

        self.line(json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False))
        self._out.flush()

    def note(self, text: str) -> None:
        """A hint or a progress line for a person, on stderr."""
        self._err.write(text + "\n")
        self._err.flush()

    def redraw(self, lines: list[str]) -> None:
        """Draw over the picture before, on a terminal: from the top, each line cleared to its end, then the rest."""
        height = self.size()[1]
        shown = lines if len(lines) < height else [*lines[: height - 2], f"… {len(lines) - height + 2} more lines"]
        self._out.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in shown) + "\x1b[J")
        self._out.flush()

    def note_over(self, lines: list[str], rows: int) -> None:
        """Hints drawn over the last `rows` lines of them, on a terminal; what was below them is cleared."""
        up = f"\x1b[{rows}A" if rows else ""
        self._err.write(f"\r{up}" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        self._err.flush()

    def paint(self, text: str, tone: Tone) -> str:
        """The text in the colour of its tone, where colours are allowed."""
        code = _SGR.get(tone)
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_colour and code and text else text

    def render(self, line: Line) -> str:
        """A presenter's line as text, without blanks at its end."""
        while line and not line[-1].text.strip():
            line = line[:-1]
        if not line:
            return ""
        parts = [self.paint(cell.text, cell.tone) for cell in line[:-1]]
        return "".join([*parts, self.paint(line[-1].text.rstrip(), line[-1].tone)])

    def size(self) -> tuple[int, int]:
        """(columns, lines) of the terminal; COLUMNS and LINES count first, as for every tool."""
        return self._size(self._out)

    def note_size(self) -> tuple[int, int]:
        """The same of the terminal that the notes go to."""
        return self._size(self._err)

    def _size(self, stream: TextIO) -> tuple[int, int]:
        columns, rows = self._environ.get("COLUMNS", ""), self._environ.get("LINES", "")
        try:
            real = os.get_terminal_size(stream.fileno())
            found = (real.columns or _FALLBACK_WIDTH, real.lines or _FALLBACK_HEIGHT)
        except (OSError, ValueError):  # not a terminal, or not even a file
            found = (_FALLBACK_WIDTH, _FALLBACK_HEIGHT)
        return (
            int(columns) if columns.isdigit() and int(columns) > 0 else found[0],
            int(rows) if rows.isdigit() and int(rows) > 0 else found[1],
        )

    def flush(self) -> None:
        """Everything written so far is on its way. Raises BrokenPipeError when nobody reads any more."""
        self._out.flush()


def standard_output(environ: Mapping[str, str]) -> Output:
    """The process's own stdout and stderr; a character that their encoding lacks becomes `?`, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return Output(sys.stdout, sys.stderr, environ)


def abandon_stdout() -> None:
    """After a broken pipe: let the interpreter's last flush go nowhere instead of complaining."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError):
        return
