"""What the module asks for: its variables, read from `variables.tf`, so that a form and a check need no second list."""

from __future__ import annotations

from pathlib import Path

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.terraform.hcl import Body, blocks, labelled, parse_hcl

MOST = 2000
"""Characters of one text."""


@frozen
class Rule:
    """A validation of a variable: Terraform's own condition, and the sentence a person is told."""

    condition: str
    message: str


@frozen
class Variable:
    """One variable of a module."""

    name: str
    type: str = "any"
    """As it is written: `list(string)`."""
    description: str = ""
    default: object = None
    """A JSON value; None as well where none is given."""
    is_required: bool = False
    is_sensitive: bool = False
    rules: tuple[Rule, ...] = ()


def read_variables(folder: Path) -> tuple[Variable, ...]:
    """The variables of a module's folder, in their order. Raises HclError, and OSError where a file cannot be read."""
    found: list[Variable] = []
    for file in sorted(folder.glob("*.tf")):
        found += parse_variables(file.read_text("utf-8"), file.name)
    return tuple(found)


def parse_variables(text: str, name: str = "variables.tf") -> tuple[Variable, ...]:
    """The variables of one file. Raises HclError."""
    return tuple(_variable(label, body) for label, body in labelled(parse_hcl(text, name), "variable"))


def _variable(name: str, body: Body) -> Variable:
    return Variable(
        name=clean(name),
        type=_expression(body.get("type")) or "any",
        description=_expression(body.get("description")),
        default=body.get("default"),
        is_required="default" not in body,
        is_sensitive=body.get("sensitive") is True,
        rules=tuple(
            Rule(_expression(rule.get("condition")), _expression(rule.get("error_message")))
            for rule in blocks(body, "validation")
        ),
    )


def _expression(value: object) -> str:
    """A text, or an expression without the marks around it."""
    if not isinstance(value, str):
        return ""
    is_whole = value.startswith("${") and value.endswith("}") and value.count("${") == 1
    return clean(value[2:-1] if is_whole else value, MOST)
