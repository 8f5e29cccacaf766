"""Frozen dataclasses to plain JSON values and back, by their own type hints.

For what travels between our own processes (a daemon's stream, a stored picture). Fields at their default are left out;
unknown fields are ignored, so a newer daemon can talk to an older screen as long as `WIRE_VERSION` agrees.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

WIRE_VERSION = 1
"""Raised when a field changes its meaning."""

T = TypeVar("T")
_JSON = json.JSONEncoder(separators=(",", ":"))
_SCALARS = (str, int, float, bool)


def encode(value: object) -> Any:  # noqa: ANN401 - JSON has no better name
    """A value as JSON can hold it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            name: part if encoded is None else encoded(part)
            for name, default, encoded in _plan(type(value))
            if (part := getattr(value, name)) is not default and part != default
        }
    if isinstance(value, Mapping):
        return {str(key): encode(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [encode(part) for part in value]
    return value


def json_pieces(value: object, deep: int = 3) -> Iterator[str]:
    """The JSON text of a value, in pieces: the plain values of a whole fleet are never there all at once.

    So deep is an object written member by member; what is below is one piece each.
    """
    members: Iterable[tuple[str, object]]
    if deep and is_dataclass(value) and not isinstance(value, type):
        plan = _plan(type(value))
        members = (
            (name, part)
            for name, default, _ in plan
            if (part := getattr(value, name)) is not default and part != default
        )
    elif deep and isinstance(value, Mapping):
        members = ((str(key), part) for key, part in value.items())
    else:
        yield _JSON.encode(encode(value))
        return
    begins = "{"
    for name, part in members:
        text = json_pieces(part, deep - 1)
        yield f"{begins}{_JSON.encode(name)}:{next(text)}"
        yield from text
        begins = ","
    yield "{}" if begins == "{" else "}"


def decode(kind: type[T], raw: Any) -> T:  # noqa: ANN401 - JSON has no better name
    """A JSON value as `kind`. Raises TypeError, KeyError or ValueError when it is not one."""
    hint: Any = kind
    made: T = _decoder(hint)(raw)
    return made


@cache
def _plan(kind: type) -> tuple[tuple[str, object, Callable[[Any], Any] | None], ...]:
    """The fields of a class, the value each may be left out at, and what encodes it; None: it is JSON already.

    Whole fleets are passed on with every reading, so nothing is asked of a value that its type tells.
    """
    hints = get_type_hints(kind, localns=_late_names())
    return tuple((one.name, _default(one), _encoder(hints[one.name])) for one in fields(kind))


@cache
def _encoder(hint: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - any type hint
    origin, args = get_origin(hint), get_args(hint)
    if hint in _SCALARS or origin is Literal:
        return None
    if origin in (Union, types.UnionType):
        known = {_encoder(arg) for arg in args if arg is not type(None)}
        return None if known == {None} else encode
    if origin is not None and issubclass(origin, Mapping) and args[0] is str and args[1] in _SCALARS:
        return dict
    return encode


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
