"""Runbooks: short texts on what to look at and what to do, matched by what was found and offered to who answers.

Ours lie beside this file, a person's own in the folder of `agent.runbooks`; one of theirs replaces ours of that name.
A file is markdown; it may begin with lines between two `+++` that say, in TOML, for which `faults` (codes like B1, or
their keys) it is, on which `words` of a question, and `when` to read it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from app.agent.door import inside
from app.domain.diagnosis import GRAVITY, Diagnosis
from app.domain.frozen import frozen

LONGEST = 2048
"""Bytes of one text, about: a model reads several."""
MOST = 3
"""Runbooks that are offered for one question."""
MOST_FILES = 500
_BIGGEST_FILE = 65_536
_FRONT = re.compile(r"\A\ufeff?\+\+\+\s*\n(?P<front>.*?)\n\+\+\+\s*\n?", re.DOTALL)
_OURS = Path(__file__).with_name("runbooks")


@frozen
class Runbook:
    """One runbook."""

    name: str
    when: str
    """When to read it, in a line."""
    text: str
    faults: tuple[str, ...] = ()
    """Codes (`B1`) or keys (`gpu.fell_off_bus`) of findings."""
    words: tuple[str, ...] = ()
    """Words of a question, in lower case."""


class Runbooks:
    """Ours, and those of a person's own folder."""

    def __init__(self, folder: str = "") -> None:
        """`folder` may be empty, or missing: then there are ours."""
        own = read_folder(Path(folder).expanduser()) if folder else ()
        named = {one.name: one for one in (*ours(), *own)}
        self.all: tuple[Runbook, ...] = tuple(named[name] for name in sorted(named))

    def __call__(self, diagnosis: Diagnosis, /) -> tuple[str, ...]:
        """The texts for what is wrong, the root causes first, as a model is offered them."""
        found = sorted(diagnosis.findings, key=lambda one: (not one.root, -GRAVITY[one.severity]))
        faults = dict.fromkeys(fault for one in found for fault in (one.code, one.fault) if fault)
        return tuple(f"{one.text}\n\n(read it when: {one.when})" for one in self.matching(faults))

    def matching(self, faults: Iterable[str], question: str = "", most: int = MOST) -> tuple[Runbook, ...]:
        """Those for what was found (codes or keys, the gravest first), then those for the words of a question."""
        found = [one for fault in faults for one in self.all if fault in one.faults]
        asked = question.casefold()
        said = frozenset(re.findall(r"[a-z0-9_+-]+", asked))
        found += [one for one in self.all if any(_is_said(word, said, asked) for word in one.words)]
        return tuple(dict.fromkeys(found))[:most]


def _is_said(word: str, said: frozenset[str], question: str) -> bool:
    return word in question if " " in word else word in said


@cache
def ours() -> tuple[Runbook, ...]:
    """The runbooks that come with the program."""
    return read_folder(_OURS)


def read_folder(folder: Path) -> tuple[Runbook, ...]:
    """Every runbook of a folder; what cannot be read, or is no text, is passed over."""
    try:
        paths = sorted(path for path in folder.glob("*.md") if path.is_file())[:MOST_FILES]
    except OSError:
        return ()
    return tuple(one for path in paths if (one := _read_file(path)) is not None)


def _read_file(path: Path) -> Runbook | None:
    try:
        if path.stat().st_size > _BIGGEST_FILE:
            return None
        return read_runbook(path.stem, path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def read_runbook(name: str, text: str) -> Runbook:
    """A runbook from its text; front matter that cannot be read counts as none."""
    front = _FRONT.match(text)
    told: dict[str, object] = {}
    if front is not None:
        try:
            told = tomllib.loads(front["front"])
        except tomllib.TOMLDecodeError:
            told = {}
    body = text[front.end() :] if front is not None else text
    when = str(told.get("when", "")) or body.strip().partition("\n")[0].lstrip("# ")
    return Runbook(
        inside(name, 80),
        inside(when, 200),
        inside(body.strip(), LONGEST),
        _texts(told.get("faults")),
        tuple(word.casefold() for word in _texts(told.get("words"))),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one)[:80] for one in value[:100]) if isinstance(value, list) else ()


@lru_cache(maxsize=8)
def _codes() -> re.Pattern[str]:
    codes = sorted({code for one in ours() for code in one.faults}, key=len, reverse=True)
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, codes))})(?![\w.])" if codes else r"(?!)", re.IGNORECASE)


def texts_about(found: str) -> tuple[str, ...]:
    """Our runbooks for the faults that a text of results names: what a model may quote from them is not made up."""
    named = {match.group().casefold() for match in _codes().finditer(found)}
    return tuple(one.text for one in ours() if any(fault.casefold() in named for fault in one.faults))
