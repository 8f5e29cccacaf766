"""Every text within a value, put through one function: so that nothing that is written down later is forgotten. Pure.

Our own words (kinds, keys of metrics, severities) and numbers stay as they are, and so do values that hold no text that
changes: they are shared with what came in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, cast

_NUMBERS = frozenset(
    ("int", "float", "bool", "int | None", "float | None", "bool | None", "Mapping[str, float]", "tuple[int, ...]")
)
"""Types, as they are written, that hold no text."""

T = TypeVar("T")
Text = Callable[[str], str]

OURS = frozenset(
    ("kind", "fault", "code", "severity", "metric", "unit", "mode", "timed", "state", "flags", "profile", "flavour")
    + ("way", "version", "uuid", "pci", "gpu_binding")
)
"""Fields whose text is one of a closed set, or an identity of hardware."""


def scrubbed(value: T, text: Text) -> T:
    """The value with each text within it as `text` gives it; names that keys of a mapping are, too."""
    return cast("T", _any(value, text))


def _any(value: Any, text: Text) -> Any:  # noqa: ANN401 - any value of the domain
    if value is None:
        return value
    if isinstance(value, str):
        shown = text(value)
        return value if shown == value else shown
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        made = tuple(_any(one, text) for one in value)
        return value if all(one is was for one, was in zip(made, value, strict=True)) else made
    if isinstance(value, Mapping):
        return _mapping(value, text)
    return _fields_of(value, text)


def _mapping(value: Mapping[Any, Any], text: Text) -> Mapping[Any, Any]:
    """Numbers stay, texts are scrubbed; where values are whole things, the names they stand under are scrubbed too."""
    first = next(iter(value.values()), None)
    if first is None or isinstance(first, float):
        return value
    if is_dataclass(first):
        return {_any(key, text): _any(one, text) for key, one in value.items()}
    made = {key: _any(one, text) for key, one in value.items()}
    return value if all(made[key] is one for key, one in value.items()) else made


def _fields_of(value: Any, text: Text) -> Any:  # noqa: ANN401 - any dataclass
    changed: dict[str, Any] = {}
    for name in _names(value.__class__):
        was = getattr(value, name)
        now = _any(was, text)
        if now is not was:
            changed[name] = now
    return replace(value, **changed) if changed else value


@cache
def _names(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - a dataclass
    """The fields that may hold text of others; empty for what is no dataclass."""
    if not is_dataclass(kind):
        return ()
    return tuple(
        one.name for one in fields(kind) if one.init and one.name not in OURS and str(one.type) not in _NUMBERS
    )
