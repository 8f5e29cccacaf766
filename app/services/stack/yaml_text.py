"""Text from outside as YAML that every reader takes for a text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_OWN = {"\\": "\\\\", '"': '\\"'}


def quoted(text: str) -> str:
    """A text in double quotes; what cannot be printed is escaped, lone halves of a pair are replaced."""
    return f'"{"".join(map(_escaped, text))}"'


def listed(texts: Iterable[str]) -> str:
    """A list on one line."""
    return f"[{', '.join(map(quoted, texts))}]"


def mapped(pairs: Mapping[str, str]) -> str:
    """A mapping on one line."""
    return f"{{{', '.join(f'{quoted(name)}: {quoted(text)}' for name, text in pairs.items())}}}"


def _escaped(one: str) -> str:
    if one in _OWN:
        return _OWN[one]
    if one.isprintable():
        return one
    code = ord(one)
    if 0xD800 <= code <= 0xDFFF:  # not a character; YAML has no way to say it
        return "\N{REPLACEMENT CHARACTER}"
    return f"\\U{code:08X}"
