"""The OpenAPI 3.1 document of the daemon, made from the table of routes and the schemas of docs/schema.

The schemas are those of the commands' `--json`, so that the two can never be described differently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.api.row import JSON, Param, Row

VERSION = "1"
FAILURES: Mapping[int, str] = {
    400: "The question makes no sense; `error` says why.",
    401: "No token that is known.",
    403: "The caller's role does not cover it.",
    404: "There is nothing such.",
    408: "The body did not come whole in time.",
    409: "It was not done; the answer says why.",
    413: "The body is too long.",
    429: "Too many at once: ask again in a moment.",
    503: "Not now: it is not evaluated yet, cannot be written down, or there is no room.",
}
_ALWAYS = (400, 401, 403)
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "whole": {"type": "integer"},
    "flag": {"type": "boolean"},
}
_REF = re.compile(r"^(?:([a-z-]+)\.json)?#?(.*)$")


def schema_dir() -> Path:
    """Where the schemas are: beside the packages in a wheel, in `docs/schema` of a checkout."""
    root = Path(__file__).parents[2]
    for folder in (root / "gpu_watchdog_data" / "schema", root / "docs" / "schema"):
        if (folder / "api.json").is_file():
            return folder
    raise FileNotFoundError("this installation lacks its schemas; install it anew")


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GPU Watchdog",
            "version": VERSION,
            "description": "What a GPU cluster shows, as its daemon sees it. Unknown is null, never 0.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of serve.token_file; by the unix socket none is needed.",
                }
            },
            "schemas": _schemas(paths),
        },
    }


def _operation(row: Row) -> dict[str, Any]:
    words = re.findall(r"[a-z]+", row.path.removeprefix("/api"))
    told: dict[str, Any] = {
        "operationId": "_".join((row.method.lower(), *words)),
        "summary": row.about,
        "x-role": row.role,
        "parameters": [_parameter(one) for one in row.params if not one.is_ours],
        "responses": {str(row.status): _answer(row), **_failures(row)},
    }
    if row.body is not None:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": _body(row)}}}
    return told


def _failures(row: Row) -> dict[str, Any]:
    statuses = {*_ALWAYS, *row.fails, *((408, 413) if row.body is not None else ()), *((503,) if row.changes else ())}
    content = {JSON: {"schema": {"$ref": "#/components/schemas/api/$defs/error"}}}
    told: dict[str, Any] = {str(one): {"description": FAILURES[one], "content": content} for one in sorted(statuses)}
    if 409 in row.fails:  # an action that Slurm refused is told as one that was done
        both = {"anyOf": [_schema(row), {"$ref": "#/components/schemas/api/$defs/error"}]}
        told["409"] = {"description": FAILURES[409], "content": {JSON: {"schema": both}}}
    return told


def _answer(row: Row) -> dict[str, Any]:
    schema = {"type": "string"} if row.is_stream else _schema(row)
    return {"description": row.about, "content": {row.media: {"schema": schema}}}


def _schema(row: Row) -> Mapping[str, Any]:
    if isinstance(row.answer, str):
        return {"type": "object"} if row.answer == "object" else {"$ref": _reference(row.answer)}
    return row.answer


def _reference(name: str) -> str:
    file, _, rest = name.partition("#")
    return f"#/components/schemas/{file}{rest}"


def _parameter(one: Param) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.place,
        "required": one.is_needed,
        "description": one.help,
        "schema": {"type": "string"} if one.kind == "time" else _value(one),
    }


def _value(one: Param) -> dict[str, Any]:
    if one.kind == "texts":
        return {"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": one.longest}}
    told = dict(_KINDS["number" if one.kind == "time" else one.kind])
    if one.kind == "text":
        told["maxLength"] = one.longest
        if one.is_needed and one.place != "query":
            told["minLength"] = 1
    limits = {"minimum": one.least, "maximum": one.most, "enum": list(one.choices) or None}
    return {**told, **{key: limit for key, limit in limits.items() if limit is not None}}


def _body(row: Row) -> dict[str, Any]:
    keys = row.body or ()
    return {
        "type": "object",
        "properties": {one.name: {**_value(one), "description": one.help} for one in keys},
        "required": [one.name for one in keys if one.is_needed],
        "additionalProperties": row.is_open,
    }


def _schemas(paths: Mapping[str, Any]) -> dict[str, Any]:
    """Every schema that is spoken of, by its file's name; what they say of each other by its place in this document."""
    found: dict[str, Any] = {}
    wanted = _spoken_of(paths)
    while missing := sorted(wanted - found.keys()):
        for name in missing:
            raw = json.loads((schema_dir() / f"{name}.json").read_text("utf-8"))
            found[name] = {key: value for key, value in _placed(raw, name).items() if key not in {"$schema", "$id"}}
            wanted |= _spoken_of(found[name])
    return dict(sorted(found.items()))


def _spoken_of(value: object) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([a-z-]+)', json.dumps(value)))


def _placed(value: Any, name: str) -> Any:  # noqa: ANN401 - JSON has no better name
    if isinstance(value, list):
        return [_placed(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    placed = {key: _placed(one, name) for key, one in value.items()}
    if isinstance(reference := value.get("$ref"), str) and (found := _REF.match(reference)):
        placed["$ref"] = f"#/components/schemas/{found[1] or name}{found[2]}"
    return placed
