"""Frozen dataclasses to plain JSON values and back, by their own type hints.

For what travels between our own processes (a daemon's stream, a stored picture). Fields at their default are left out;
unknown fields are ignored, so a newer daemon can talk to an older screen as long as `WIRE_VERSION` agrees.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

WIRE_VERSION = 1
"""Raised when a field changes its meaning."""

T = TypeVar("T")
_LEAVES = frozenset((str, float, int, bool, type(None)))
"""What JSON can hold as it is."""


def encode(value: object) -> Any:  # noqa: ANN401 - JSON has no better name
    """A value as JSON can hold it."""
    kind: type = type(value)
    if kind in _LEAVES:
        return value
    plan = _plan(kind)
    if plan is not None:
        return {
            name: part if type(part) in _LEAVES else encode(part)
            for name, default in plan
            if (part := getattr(value, name)) is not default and part != default
        }
    if isinstance(value, Mapping):
        return {
            key if type(key) is str else str(key): part if type(part) in _LEAVES else encode(part)
            for key, part in value.items()
        }
    if isinstance(value, tuple | list):
        return [encode(part) for part in value]
    return value


def decode(kind: type[T], raw: Any) -> T:  # noqa: ANN401 - JSON has no better name
    """A JSON value as `kind`. Raises TypeError, KeyError or ValueError when it is not one."""
    hint: Any = kind
    made: T = _decoder(hint)(raw)
    return made


@cache
def _plan(kind: type) -> tuple[tuple[str, object], ...] | None:
    """The fields of a class with the value each may be left out at; None where it is no dataclass."""
    return tuple((one.name, _default(one)) for one in fields(kind)) if is_dataclass(kind) else None


def _default(one: Field[Any]) -> object:
    if one.default is not MISSING:
        return one.default
    return one.default_factory() if one.default_factory is not MISSING else MISSING


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any type hint
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = _decoder(next(arg for arg in args if arg is not type(None)))
        return lambda raw: None if raw is None else inner(raw)
    if origin is tuple:
        if len(args) == 2 and args[1] is not Ellipsis:
            first, second = _decoder(args[0]), _decoder(args[1])
            return lambda raw: (first(raw[0]), second(raw[1]))
        each = _decoder(args[0])
        return lambda raw: tuple(each(one) for one in raw)
    if origin is not None and origin is not Literal and issubclass(origin, Mapping):
        of = _decoder(args[1])
        if args[1] in (float, str):
            return dict
        return lambda raw: {key: of(one) for key, one in raw.items()}
    if is_dataclass(kind):
        return _class_decoder(kind)
    return lambda raw: raw


@cache
def _late_names() -> dict[str, Any]:
    """Classes that their users name without importing them."""
    modules = (
        "app.domain.slurm",
        "app.domain.finding",
        "app.domain.alert",
        "app.domain.evidence",
        "app.domain.job_actions",
    )
    return {name: one for module in modules for name, one in vars(import_module(module)).items()}


def _class_decoder(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a dataclass type
    hints = get_type_hints(kind, localns=_late_names())
    parts = {one.name: _decoder(hints[one.name]) for one in fields(kind)}

    def decode_class(raw: dict[str, Any]) -> Any:  # noqa: ANN401 - an instance of `kind`
        return kind(**{name: parts[name](value) for name, value in raw.items() if name in parts})

    return decode_class
