"""What a tool's signature says: the schema a model is given, and arguments checked against it. Pure.

Models, small ones above all, send `"3"` for 3, `" gpu-1 "`, `"Kernel"`, `""` or `"null"` for nothing: where only one
thing can be meant, it is taken for that. Everything else is refused with what to write instead.
"""

from __future__ import annotations

import inspect
import json
import math
import types
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from app.agent.door import inside
from app.agent.tools.tool import Tool, ToolError
from app.domain.frozen import frozen

LONGEST = 2000
"""Characters of an argument that is text, where its annotation says nothing else."""
MOST = 100
"""Values of an argument that is a list."""
_NOTHING = frozenset({"", "null", "none", "undefined", "n/a"})
_NAMES: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


@frozen
class Parameter:
    """One argument of a tool."""

    name: str
    kind: type
    """str, int, float or bool; of a list and of choices that of their values."""
    about: str
    choices: tuple[Any, ...] = ()
    is_list: bool = False
    may_be_none: bool = False
    longest: int = LONGEST


@cache
def parameters(tool: Tool) -> tuple[Parameter, ...]:
    """What a tool takes, without the ground it stands on."""
    hints = get_type_hints(tool.function, include_extras=True)
    names = list(inspect.signature(tool.function).parameters)[1:]
    return tuple(_parameter(name, hints[name]) for name in names)


def _parameter(name: str, hint: Any) -> Parameter:  # noqa: ANN401 - a type hint
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{name}: say what it is, Annotated[TYPE, 'for the model']")
    inner, about, *more = get_args(hint)
    parts = [inner]
    if get_origin(inner) in (Union, types.UnionType):
        parts = [one for one in get_args(inner) if one is not types.NoneType]
    if len(parts) != 1:
        raise TypeError(f"{name}: a tool's argument has one type")
    kind, is_list = parts[0], get_origin(parts[0]) is list
    if is_list:
        (kind,) = get_args(kind)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    kind = type(choices[0]) if choices else kind
    if kind not in _NAMES:
        raise TypeError(f"{name}: {kind} is no type of a tool's argument")
    return Parameter(name, kind, about, choices, is_list, parts[0] is not inner, more[0] if more else LONGEST)


def schema(tool: Tool) -> dict[str, Any]:
    """A tool as the API of OpenAI takes it, strict: every argument is required, an optional one takes null."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": about(tool),
            "strict": True,
            "parameters": json_schema(tool),
        },
    }


def about(tool: Tool) -> str:
    """What a model is told of a tool: its docstring."""
    return inspect.cleandoc(tool.function.__doc__ or "")


def json_schema(tool: Tool) -> dict[str, Any]:
    """The arguments of a tool as JSON schema."""
    some = parameters(tool)
    return {
        "type": "object",
        "properties": {one.name: _property(one) for one in some},
        "required": [one.name for one in some],
        "additionalProperties": False,
    }


def _property(one: Parameter) -> dict[str, Any]:
    value: dict[str, Any] = {"type": _NAMES[one.kind]}
    if one.choices:
        value["enum"] = list(one.choices)
    if one.is_list:
        value = {"type": "array", "items": value}
    if one.may_be_none:
        value["type"] = [value["type"], "null"]
        if "enum" in value:
            value["enum"] = [*value["enum"], None]
    return {**value, "description": one.about}


def checked(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the function takes them; those that are not given are left out. Raises ToolError."""
    some = {one.name: one for one in parameters(tool)}
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = _name(tool, str(key), some)
        taken = _taken(some[name], value)
        if taken is not None:
            found[name] = taken
    missing = [name for name, one in some.items() if name not in found and not one.may_be_none]
    if missing:
        raise ToolError(f"{tool.name} needs {missing[0]}: {some[missing[0]].about}")
    return found


def _name(tool: Tool, key: str, some: Mapping[str, Parameter]) -> str:
    wanted = key.strip().lower().replace("-", "_")
    if wanted in some:
        return wanted
    if not some:
        raise ToolError(f"{tool.name} takes no arguments; leave {inside(key, 40)!r} out")
    close = get_close_matches(wanted, some, 1, 0.5)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    raise ToolError(f"{tool.name} has no argument {inside(key, 40)!r}{meant} It takes {', '.join(some)}")


def _taken(one: Parameter, value: Any) -> Any:  # noqa: ANN401 - what a model sent
    if value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING):
        return None
    if not one.is_list:
        return _single(one, value)
    values = _listed(value)
    if len(values) > MOST:
        raise ToolError(f"{one.name}: {len(values)} values are too many; give at most {MOST}")
    return [_single(one, part) for part in values] or None


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - what a model sent
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            found = json.loads(value)
        except ValueError:
            return [value]
        return found if isinstance(found, list) else [value]
    return [value]


def _single(one: Parameter, value: Any) -> Any:  # noqa: ANN401 - what a model sent
    if one.choices:
        return _choice(one, value)
    if one.kind is bool:
        return _boolean(one, value)
    if one.kind in (int, float):
        return _number(one, value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ToolError(f"{one.name} is a text, not {_shown(value)}: {one.about}")
    text = str(value).strip()
    if len(text) > one.longest:
        raise ToolError(f"{one.name} has {len(text):,} characters; at most {one.longest:,} are taken")
    return text


def _choice(one: Parameter, value: Any) -> Any:  # noqa: ANN401 - what a model sent
    wanted = str(value).strip().lower()
    found = next((each for each in one.choices if str(each).lower() == wanted), None)
    if found is None:
        raise ToolError(f"{one.name} is one of {', '.join(map(str, one.choices))}, not {_shown(value)}")
    return found


def _boolean(one: Parameter, value: Any) -> bool:  # noqa: ANN401 - what a model sent
    if isinstance(value, bool):
        return value
    wanted = str(value).strip().lower()
    if wanted in ("true", "yes", "1"):
        return True
    if wanted in ("false", "no", "0"):
        return False
    raise ToolError(f"{one.name} is true or false, not {_shown(value)}")


def _number(one: Parameter, value: Any) -> int | float:  # noqa: ANN401 - what a model sent
    try:
        found = float(value.strip() if isinstance(value, str) else value)
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found) or abs(found) > 2**53:
        raise ToolError(f"{one.name} is a number, not {_shown(value)}: {one.about}")
    if one.kind is float:
        return found
    if found != int(found):
        raise ToolError(f"{one.name} is a whole number, not {_shown(value)}")
    return int(found)


def _shown(value: Any) -> str:  # noqa: ANN401 - what a model sent
    return repr(inside(str(value), 60))
