"""One route is one row: its path, who may ask, what it takes and what it answers. Everything else follows from it.

The router, the check of parameters and the OpenAPI document read the same rows. Knows no framework.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from app.api.caller import Caller
from app.config.api_tokens import Role
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.times import parse_time

if TYPE_CHECKING:
    from app.api.hall import Hall
    from app.api.hand import Hand

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Kind = Literal["text", "number", "whole", "time", "flag", "texts"]
Place = Literal["query", "path", "header"]
JSON, TEXT, EVENTS = "application/json", "text/plain", "text/event-stream"
MOST_TEXTS = 100
_KINDS: Mapping[Kind, str] = {
    "flag": "true or false",
    "whole": "a whole number",
    "number": "a number",
    "time": "a number of epoch seconds",
    "texts": f"a list of at most {MOST_TEXTS} texts",
}


class RefusedError(Exception):
    """A question that is not answered; the message is for a person."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@frozen
class Param:
    """One thing that a route takes: in its path, its query, a header or its body."""

    name: str
    kind: Kind
    help: str
    place: Place = "query"
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    longest: int = 1000
    """Characters of a text."""
    is_needed: bool = False
    is_ours: bool = False
    """For our own screens alone: not in the document."""


@frozen
class Call:
    """One question, read and checked."""

    caller: Caller
    given: Mapping[str, Any]
    """By the rows' names; what was not given is not there."""
    body: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """A text, from path, query or header."""
        return str(self.given.get(name, default))

    def number(self, name: str) -> float | None:
        """A number or a moment in epoch seconds; None where it was not given."""
        found = self.given.get(name)
        return None if found is None else float(found)

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        return int(self.given.get(name, default))

    @property
    def is_wire(self) -> bool:
        """Whether one of our own screens asks."""
        return self.given.get("form") == "wire"


@frozen
class Reply:
    """What is answered: a text, or a stream of events."""

    text: str = ""
    status: int = 200
    media: str = JSON
    events: AsyncIterator[bytes] | None = None
    hand: Hand | None = None
    """Gives the listener what is not worth an event of the stream's own."""


Handler = Callable[["Hall", Call], Awaitable[Reply]]


@frozen
class Row:
    """One route."""

    method: Method
    path: str
    role: Role
    handler: Handler
    params: tuple[Param, ...] = ()
    body: tuple[Param, ...] | None = None
    """Keys of the JSON object it takes; None: it takes none."""
    is_open: bool = False
    """The object may have more keys than those."""
    answer: str | Mapping[str, Any] = "object"
    """Name of a file of docs/schema, optionally with `#/$defs/…`, or a schema."""
    media: str = JSON
    status: int = 200
    fails: tuple[int, ...] = ()
    """What it may answer beside 400, 401 and 403."""

    @property
    def about(self) -> str:
        """What it does, in one sentence: the handler's own."""
        return " ".join((self.handler.__doc__ or "").split("\n\n")[0].split())

    @property
    def changes(self) -> bool:
        """Whether asking it changes something: such calls are written down."""
        return self.method != "GET"

    @property
    def is_stream(self) -> bool:
        """Whether it goes on until somebody leaves."""
        return self.media == EVENTS


def json_reply(value: object, status: int = 200) -> Reply:
    """A value as JSON."""
    return Reply(json.dumps(value, separators=(",", ":")), status)


def read(params: Sequence[Param], given: Mapping[str, str], now: float) -> dict[str, Any]:
    """What was given in path, query and headers, as the rows say. Raises RefusedError."""
    known = {one.name: one for one in params}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known)) or 'none'}"
            raise RefusedError(400, f"there is no parameter {clean(name, 60)!r}{hint}")
    found = {name: _from_text(known[name], text, now) for name, text in given.items()}
    for one in params:
        if one.is_needed and one.name not in found:
            raise RefusedError(400, f"{one.name} is missing: {one.help}")
    return found


def read_body(row: Row, raw: bytes) -> dict[str, Any]:
    """The JSON object of a body, as the rows say. Raises RefusedError."""
    try:
        body = json.loads(raw or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {clean(str(error), 200)}") from error
    if not isinstance(body, dict):
        raise RefusedError(400, "the body must be a JSON object")
    known = {one.name: one for one in row.body or ()}
    for name, value in body.items():
        if name in known:
            _check(known[name], value)
        elif not row.is_open:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known) or 'none'}"
            raise RefusedError(400, f"there is no key {clean(name, 60)!r}{hint}")
    for one in known.values():
        if one.is_needed and body.get(one.name) is None:
            raise RefusedError(400, f"{one.name} is missing: {one.help}")
    return {name: value for name, value in body.items() if value is not None or name not in known}


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _from_text(one: Param, text: str, now: float) -> str | float | int | bool:
    try:
        match one.kind:
            case "time":
                return parse_time(text, now)
            case "number":
                return _in_bounds(one, float(text))
            case "whole":
                return int(_in_bounds(one, int(text)))
            case "flag":
                return {"true": True, "false": False}[text.lower()]
            case _:
                _check(one, text)
                return text
    except (ValueError, KeyError, OverflowError) as error:
        said = str(error) if one.kind == "time" else f"{_wanted(one)}, not {clean(text, 60)!r}"
        raise RefusedError(400, f"{one.name} {'is' if one.kind == 'time' else 'must be'} {said}") from error


def _check(one: Param, value: object) -> None:
    """Refuse a value of a body that is not what its row says; null stands for one that is not given."""
    if value is None:
        return
    if not _fits(one, value):
        raise RefusedError(400, f"{one.name} must be {_wanted(one)}")


def _fits(one: Param, value: object) -> bool:
    match one.kind:
        case "flag":
            return isinstance(value, bool)
        case "number" | "whole" | "time":
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                return False
            return _is_in(one, value) and (one.kind != "whole" or value == int(value))
        case "texts":
            return isinstance(value, list) and len(value) <= MOST_TEXTS and all(_is_text(one, each) for each in value)
        case _:
            return _is_text(one, value) and (not one.choices or value in one.choices)


def _is_text(one: Param, value: object) -> bool:
    return isinstance(value, str) and len(value) <= one.longest


def _is_in(one: Param, value: float) -> bool:
    return (one.least is None or value >= one.least) and (one.most is None or value <= one.most)


def _in_bounds(one: Param, value: float) -> float:
    if not math.isfinite(value) or not _is_in(one, value):
        raise ValueError(one.name)
    return value


def _wanted(one: Param) -> str:
    if one.choices:
        return f"one of {', '.join(one.choices)}"
    limits = (("at least", one.least), ("at most", one.most))
    bounds = " and ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)
    kind = _KINDS.get(one.kind, f"a text of at most {one.longest:,} characters")
    return f"{kind}, {bounds}" if bounds else kind
