"""What `--json` promises: an answer fits a schema that the help of the option names, and holds no key beside it.

Every command line that a test of commands runs is held to it (see `run` in conftest).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from app.__main__ import COMMANDS
from app.cli.command import Command, parser_of

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
_COMPOUND = ("allOf", "anyOf", "oneOf")


@cache
def printing() -> dict[str, tuple[str, ...]]:
    """Commands that print JSON, with the schemas that the option's help names."""
    return {command.name: found for command in COMMANDS if (found := _named(command)) is not None}


def _named(command: Command) -> tuple[str, ...] | None:
    for action in parser_of(command).actions():
        if "--json" in action.option_strings:
            return tuple(re.findall(r"([\w-]+)\.json", str(action.help)))
    return None


def closed(schema: Any) -> Any:  # noqa: ANN401 - JSON has no better name
    """A schema that takes no key it does not describe."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    is_open = not ({"additionalProperties", "patternProperties", "unevaluatedProperties"} & set(schema))
    if isinstance(schema.get("properties"), dict) and is_open and not any(key in schema for key in _COMPOUND):
        made["additionalProperties"] = False
    return made


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """What tells whether an answer fits a schema, and is fully described by it."""
    return jsonschema.Draft202012Validator(closed(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))))


def faults(words: Sequence[str], out: str) -> list[str]:
    """What is wrong with the JSON that a command line printed; nothing where it printed none."""
    names = printing().get(words[0] if words else "")
    own = words[: words.index("--")] if "--" in words else words
    if names is None or "--json" not in own or not out.strip():
        return []
    return [told for answer in _answers(out) if (told := _misfit(names, answer))]


def _answers(out: str) -> Iterator[Any]:
    try:
        yield json.loads(out)
    except ValueError:
        yield from map(json.loads, out.splitlines())


def _misfit(names: Sequence[str], answer: Any) -> str:  # noqa: ANN401 - JSON has no better name
    """Why an answer fits none of these schemas; empty where it fits one."""
    reasons = []
    for name in names:
        error = jsonschema.exceptions.best_match(validator(name).iter_errors(answer))
        if error is None:
            return ""
        reasons.append(f"{name}.json at {error.json_path}: {error.message[:300]}")
    return "; ".join(reasons) or "the help of --json names no schema"
