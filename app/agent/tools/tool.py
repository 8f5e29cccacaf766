"""A tool: a function with typed arguments, whose signature and docstring are what a model is told of it.

The first parameter is always the `Ground`; every other one is `Annotated[TYPE, "what it is, for the model"]`, where
TYPE is str, int, float, bool, a Literal, a list of one of these, or one of these `| None` with the default None.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Any, Literal

from app.domain.chat import Proposal
from app.domain.frozen import frozen

Effect = Literal["read", "propose"]
"""`propose`: it decides an action and does nothing."""


@frozen
class Found:
    """What one look brought."""

    data: Mapping[str, Any]
    """JSON-able, compact: ids, numbers with units in their names, times as ISO 8601 beside epoch seconds."""
    summary: str
    """One line for a person."""
    at: float = 0.0
    """Epoch seconds of what it tells; 0: of no moment."""
    proposal: Proposal | None = None
    trim: tuple[str, ...] = ()
    """Keys of lists in `data` that may be cut to fit the budget, the first to be cut first; the most important rows
    stand at a list's beginning."""
    totals: Mapping[str, int] = field(default_factory=dict)
    """How many rows a list of `data` would have, where the tool itself keeps only the most important ones."""
    narrow: str = ""
    """How to ask for less: `give node=` or `give a shorter since`; told when something was cut."""


class ToolError(Exception):
    """A look that cannot be made; the message says why and how to ask instead, for a person and a model alike."""


@frozen
class Tool:
    """A row of the registry."""

    name: str
    function: Callable[..., Awaitable[Found]]
    effect: Effect = "read"
    is_cheap: bool = True
    """It asks nobody: neither Slurm nor the history."""
