"""Tells text, thought and calls apart in what a server streams as text, however the pieces are cut. Pure.

For servers whose parsers are off or do not fit the model: `<think>…</think>` and `<tool_call>…</tool_call>` stand in
the text then, and a `</think>` without its beginning says that all before it was thought (the chat template opened it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from app.agent.provider.call_text import read_written
from app.agent.provider.delta import Called, Delta, Reasoning, Text, Withdrawn

_OPENERS = ("<think>", "</think>", "<tool_call>", "<function=")
_IN_THOUGHT = ("</think>", "<tool_call>", "<function=")
_OPENER = re.compile("|".join(map(re.escape, _OPENERS)))
_FROM_THOUGHT = re.compile("|".join(map(re.escape, _IN_THOUGHT)))
_CALL_ENDS = {"<tool_call>": "</tool_call>", "<function=": "</function>"}
_LONGEST_DISGUISE = 20000
LONGEST_CALL = 40000
"""Characters after which an unclosed `<tool_call>` is taken for text."""

State = Literal["text", "thought", "call"]


@dataclass
class Splitter:
    """One reply's text on its way."""

    opens_in_thought: bool = False
    """The chat template opens a thought, as an earlier reply has shown: what comes first is one."""
    is_dangling: bool = False
    """A `</think>` came without its beginning."""

    def __post_init__(self) -> None:
        self._state: State = "thought" if self.opens_in_thought else "text"
        self._held = ""
        """What may be the beginning of a mark, or the call under way."""
        self._opener = ""
        self._back: State = "text"
        self._said = ""
        """Text that was told, as far as it may have to be withdrawn."""
        self._thought: list[str] = []
        self._has_closed = False
        self._calls = 0

    def feed(self, piece: str) -> list[Delta]:
        """What a piece brings; the end of it is held back where it may begin a mark."""
        self._held += piece
        found: list[Delta] = []
        while self._step(found):
            pass
        return found

    def end(self, *, is_cut: bool) -> list[Delta]:
        """What is left at the end of the reply; `is_cut`: the limit of tokens ended it."""
        found: list[Delta] = []
        while self._state == "call":
            rest, self._held, self._state = self._held, "", self._back
            self._call(rest, "", found, is_cut=is_cut)
            while self._step(found):
                pass
        if self._held:
            self._tell(self._held, found)
        if self.opens_in_thought and not self._has_closed and self._thought and not self._said and not is_cut:
            # It did not think this time: what was taken for thought is the answer.
            self._said = "".join(self._thought).strip()
            found.append(Text(self._said))
        if not self._calls:
            self._unmask(found)
        return found

    def _step(self, found: list[Delta]) -> bool:
        """Take one mark; False: nothing more can be told yet."""
        if self._state == "call":
            return self._step_in_call(found)
        marks = _OPENER if self._state == "text" else _FROM_THOUGHT
        mark = marks.search(self._held)
        if mark is None:
            names = _OPENERS if self._state == "text" else _IN_THOUGHT
            keep = _beginning(self._held, names)
            told, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
            if told:
                self._tell(told, found)
            return False
        told, self._held = self._held[: mark.start()], self._held[mark.end() :]
        if told:
            self._tell(told, found)
        self._enter(mark.group(), found)
        return True

    def _step_in_call(self, found: list[Delta]) -> bool:
        before, end, after = self._held.partition(_CALL_ENDS[self._opener])
        if not end and len(self._held) < LONGEST_CALL:
            return False
        self._held = after
        self._state = self._back
        self._call(before, end, found, is_cut=False)
        return True

    def _enter(self, mark: str, found: list[Delta]) -> None:
        match mark:
            case "<think>":
                self._state = "thought"
            case "</think>" if self._state == "thought":
                self._state, self._has_closed = "text", True
            case "</think>":
                self._dangle(found)
            case _:
                self._back, self._state, self._opener = self._state, "call", mark

    def _dangle(self, found: list[Delta]) -> None:
        """All text before a `</think>` that nothing opened was thought; a second one means nothing."""
        if self._has_closed:
            return
        self._has_closed = True
        self.is_dangling = True
        if self._said:
            found.append(Withdrawn())
            found.append(Reasoning(self._said))
            self._said = ""

    def _call(self, inner: str, end: str, found: list[Delta], *, is_cut: bool) -> None:
        whole = f"{self._opener}{inner}{end}"
        calls = read_written(whole if self._opener == "<function=" else inner, is_cut=is_cut)
        self._calls += len(calls)
        found.extend(Called(one) for one in calls)
        if not calls and not is_cut:
            # It is text; what stands in it is looked through again, for a mark of its own.
            self._tell(self._opener, found)
            self._held = f"{inner}{end}{self._held}"

    def _tell(self, text: str, found: list[Delta]) -> None:
        if self._state == "thought":
            self._thought.append(text)
            found.append(Reasoning(text))
            return
        # White space before the first word is the template's, not the answer's.
        text = text if self._said else text.lstrip()
        if text:
            self._said += text
            found.append(Text(text))

    def _unmask(self, found: list[Delta]) -> None:
        """A text that is nothing but a call's JSON is one."""
        text = self._said.strip()
        if not text or len(text) > _LONGEST_DISGUISE or text[0] not in "{[`":
            return
        calls = read_written(text)
        if calls:
            found.append(Withdrawn())
            found.extend(Called(one) for one in calls)


def _beginning(text: str, marks: tuple[str, ...]) -> int:
    """How many characters at the end of a text may be the beginning of a mark."""
    at = text.rfind("<")
    if at < 0:
        return 0
    tail = text[at:]
    return len(tail) if any(mark.startswith(tail) for mark in marks) else 0
