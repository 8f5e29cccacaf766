"""Tool calls as models write them: JSON arguments, good or bad, and calls that stand in the text. Pure.

A call that was cut off is never mended: half a node's name is another node.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from app.agent.provider.delta import ToolCall

LONGEST = 20000
"""Characters of one call's arguments; what is longer is no look at a cluster."""
CUT = "the call was cut off by the limit on tokens; call it again with fewer, shorter arguments"
NO_JSON = 'the arguments are no valid JSON object; call it again with one, such as {"node": "n1"}, or {}'
_NAME = re.compile(r'"name"\s*:\s*"([^"]{1,80})"\s*,\s*"(?:arguments|parameters)"')
_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_FUNCTION = re.compile(r"<function=\s*([^>\s]+)\s*>(.*?)(?:</function>|$)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=\s*([^>]+?)\s*>(.*?)(?:</parameter>|(?=<parameter=)|(?=</function>)|$)", re.DOTALL)
_MOST_CALLS = 32


def read_call(name: str, raw: str, *, call_id: str = "", is_cut: bool = False) -> ToolCall:
    """A call whose name and arguments came apart, as servers send them."""
    arguments, problem = read_arguments(raw, is_cut=is_cut)
    return ToolCall(name.strip(), arguments, call_id, raw[:LONGEST], problem)


def read_arguments(raw: str, *, is_cut: bool = False) -> tuple[dict[str, Any] | None, str]:
    """Arguments as a mapping, mended once where only one thing can be meant; else None and what to tell the model."""
    if len(raw) > LONGEST:
        return None, f"the arguments have {len(raw):,} characters; call it again with shorter ones"
    found = _json(raw)
    if isinstance(found, str) and found.strip()[:1] in ("{", ""):
        found = _json(found)  # JSON within JSON
    if found is None:
        return {}, ""
    if isinstance(found, dict):
        return _trimmed(found), ""
    if is_cut:
        return None, CUT
    if found is _UNREAD:
        found = _mended(raw)
    if isinstance(found, dict):
        return _trimmed(found), ""
    return None, NO_JSON


def read_written(raw: str, *, is_cut: bool = False) -> tuple[ToolCall, ...]:
    """The calls in what stands between `<tool_call>` and `</tool_call>`, or in a whole text; none where it is no call.

    Both forms are read: JSON with name and arguments (Hermes, Qwen 2.5), and XML (Qwen 3 Coder, Nemotron 3).
    """
    text = raw.strip()
    if "<function=" in text:
        return _xml_calls(text, is_cut=is_cut)
    fenced = _FENCE.match(text)
    text = fenced.group(1) if fenced else text
    if text[:1] not in ("{", "["):
        return ()
    found = _json(text)
    if found is _UNREAD and not is_cut:
        found = _mended(text)
    if found is _UNREAD:
        name = _NAME.search(text)
        problem = CUT if is_cut else NO_JSON
        return (ToolCall(name.group(1).strip(), None, raw=text[:LONGEST], problem=problem),) if name else ()
    rows = found if isinstance(found, list) else [found]
    calls = [_json_call(row) for row in rows[:_MOST_CALLS]]
    return tuple(one for one in calls if one) if all(calls) else ()


def _json_call(row: object) -> ToolCall | None:
    if not isinstance(row, Mapping):
        return None
    inner = row.get("function")
    row = inner if isinstance(inner, Mapping) else row
    name = row.get("name") or row.get("function")
    given = next((row[key] for key in ("arguments", "parameters") if key in row), None)
    if not isinstance(name, str) or not name.strip() or not ({"arguments", "parameters"} & set(row)):
        return None
    return read_call(name, given if isinstance(given, str) else json.dumps(given))


def _xml_calls(text: str, *, is_cut: bool) -> tuple[ToolCall, ...]:
    calls = []
    for found in list(_FUNCTION.finditer(text))[:_MOST_CALLS]:
        name, body = found.group(1).strip(), found.group(2)
        is_whole = found.group(0).endswith("</function>")
        if is_cut and not is_whole:
            calls.append(ToolCall(name, None, raw=body[:LONGEST], problem=CUT))
            continue
        given = {key.strip(): value.strip() for key, value in _PARAMETER.findall(body)}
        calls.append(read_call(name, json.dumps(given)))
    return tuple(calls)


_UNREAD: Any = object()
"""No JSON."""


def _json(text: str) -> Any:  # noqa: ANN401 - what a model sent
    """What a text holds; None for an empty one, `_UNREAD` where it is no JSON."""
    if not text.strip():
        return None
    try:
        # strict=False: new lines within strings, as small models write them.
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _UNREAD


def _mended(text: str) -> Any:  # noqa: ANN401 - what a model sent
    """The one thing that a broken text can mean, or `_UNREAD`."""
    text = text.strip()
    fenced = _FENCE.match(text)
    text = fenced.group(1) if fenced else text
    start = text.find("{")
    if start < 0:
        return _UNREAD
    text = text[start:]
    try:
        return json.JSONDecoder(strict=False).raw_decode(text)[0]  # more stands after it
    except (ValueError, RecursionError):
        pass
    tried = _TRAILING_COMMA.sub(r"\1", _closed(text))
    found = _json(tried)
    if found is not _UNREAD:
        return found
    if "\\" in tried:
        return _UNREAD  # Python's escapes are others, and it warns of them on the terminal
    try:
        # Python's quotes, True and None; through JSON, which has no sets and no bytes.
        return json.loads(json.dumps(ast.literal_eval(tried)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNREAD


def _closed(text: str) -> str:
    """The text with the brackets closed that it leaves open; an open string stays open: its end is not known."""
    closers: list[str] = []
    in_string = escaped = False
    for c in text:
        if in_string:
            in_string = escaped or c != '"'
            escaped = c == "\\" and not escaped
        elif c == '"':
            in_string = True
        elif c in "{[":
            closers.append("}" if c == "{" else "]")
        elif c in "}]" and closers and closers[-1] == c:
            closers.pop()
    return text if in_string else text + "".join(reversed(closers))


def _trimmed(value: Any) -> Any:  # noqa: ANN401 - what a model sent
    """Without the white space around keys and texts, which grammars let models put there."""
    if isinstance(value, dict):
        return {str(key).strip(): _trimmed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_trimmed(part) for part in value]
    return value.strip() if isinstance(value, str) else value
