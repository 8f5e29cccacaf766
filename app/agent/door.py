"""The door: what every text passes on its way to a model, to disk and to the screen. Pure.

Three things happen to it, in this order: what steers a terminal or hides (control, ANSI, OSC, bidi, zero-width) goes,
so that nothing can stand inside a secret and keep it from being seen; secrets are masked; it is cut. What it means is
left alone: text from outside is data, and whoever reads it is told so.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from app.domain.masking import MASK
from app.domain.redact import LONGEST, redact

CUT = "…"
DEEPEST = 8
"""Levels of nested data; what lies deeper is left out."""
MOST = 5000
"""Values of one list or mapping; the rest is left out."""
LONGEST_KEY = 120
_MARGIN = 4096
_ESCAPES = re.compile(
    r"(?:\x1b[\]P_^X]|[\x9d\x90\x9f\x9e\x98])[^\x07\x1b\x9c\n]*(?:\x07|\x9c|\x1b\\)?"  # OSC, DCS, APC, PM, SOS
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    r"|\x1b[ -/]*[0-~]?"
)
_HIDING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?=[\w-])[\w.-]{1,250}\.[A-Za-z]{2,24}\b")
_SPECIAL = re.compile(r"<|\[(?=/?[A-Z_]{3,24}\])")


def inside(text: str, longest: int = 2000, *, mask_emails: bool = False) -> str:
    """A text as it may go inside: without secrets and what hides or steers, at most `longest` characters.

    New lines stay. Of a long text only what could be shown is looked at, 65,536 characters at the most; where it breaks
    off the last word goes too, for half a secret does not look like one.
    """
    shown = redact(_harmless(_begun(text, min(LONGEST, 4 * longest + _MARGIN))))
    if mask_emails:
        shown = _EMAIL.sub(MASK, shown)
    return shown if len(shown) <= longest else shown[: max(0, longest - 1)] + CUT


def inside_all(value: Any, longest: int = 1000, *, mask_emails: bool = False, deepest: int = DEEPEST) -> Any:  # noqa: ANN401 - JSON has no better name
    """Nested data as it may go inside: every text in it, keys too; what JSON cannot hold becomes text or null.

    A value is masked whole where its key says that it is a secret.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return inside(value, longest, mask_emails=mask_emails)
    if deepest <= 0:
        return CUT
    if isinstance(value, Mapping):
        return {
            inside(str(key), LONGEST_KEY, mask_emails=mask_emails): MASK
            if isinstance(part, str) and part and _tells(str(key))
            else inside_all(part, longest, mask_emails=mask_emails, deepest=deepest - 1)
            for key, part in list(value.items())[:MOST]
        }
    if isinstance(value, list | tuple | set | frozenset):
        some = list(value)[:MOST]
        return [inside_all(part, longest, mask_emails=mask_emails, deepest=deepest - 1) for part in some]
    return inside(str(value), longest, mask_emails=mask_emails)


def quoted(value: Any) -> str:  # noqa: ANN401 - JSON has no better name
    """Data as compact JSON in which no text can pass for a model's own marks (`<|im_end|>`, `</tool_call>`, `[INST]`).

    These begin with an escape of JSON's own, so that it reads the same to a parser and never as a mark to a tokenizer.
    """
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _SPECIAL.sub(lambda mark: f"\\u{ord(mark.group()):04x}", plain)


def _begun(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(maxsplit=1)[0] + CUT


def hides(text: str) -> bool:
    """Whether something in a text would not be seen by who reads it."""
    plain = text.replace("\t", "    ").replace("\r\n", "\n")
    return _harmless(plain) != plain


def _harmless(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    bare = _ESCAPES.sub("", text) if _may_escape(text) else text
    bare = bare.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return "".join(c for c in bare if c == "\n" or (" " <= c <= "~") or unicodedata.category(c) not in _HIDING)


def _may_escape(text: str) -> bool:
    return "\x1b" in text or any("\x80" <= c <= "\x9f" for c in text)


@lru_cache(maxsize=1024)
def _tells(key: str) -> bool:
    """Whether a key says that its value is a secret."""
    line = f"{key}: x"
    return redact(line) != line
