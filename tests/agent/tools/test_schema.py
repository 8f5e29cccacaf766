"""What a signature says of a tool, and arguments as models send them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest

from app.agent.ground import Ground
from app.agent.tools.schema import checked, schema
from app.agent.tools.tool import Found, Tool, ToolError


async def look(
    ground: Ground,
    node: Annotated[str, "name of the node"],
    source: Annotated[Literal["kernel", "vllm"] | None, "whose log"] = None,
    lines: Annotated[int | None, "how many"] = None,
    share: Annotated[float | None, "how much"] = None,
    deep: Annotated[bool | None, "all of it"] = None,
    metrics: Annotated[list[str] | None, "which"] = None,
    script: Annotated[str | None, "a script", 5000] = None,
) -> Found:
    """Look at a node.

    In many ways.
    """
    return Found({}, "")


TOOL = Tool("look", look)


def test_a_signature_is_a_strict_schema() -> None:
    """Every argument is required, an optional one takes null, nothing else is taken; the docstring is the text."""
    told = schema(TOOL)["function"]

    assert ("look", True) == (told["name"], told["strict"])
    assert "Look at a node.\n\nIn many ways." == told["description"]
    assert told["parameters"]["additionalProperties"] is False
    assert list(told["parameters"]["properties"]) == told["parameters"]["required"]
    assert {
        "node": {"type": "string", "description": "name of the node"},
        "source": {"type": ["string", "null"], "enum": ["kernel", "vllm", None], "description": "whose log"},
        "lines": {"type": ["integer", "null"], "description": "how many"},
        "share": {"type": ["number", "null"], "description": "how much"},
        "deep": {"type": ["boolean", "null"], "description": "all of it"},
        "metrics": {"type": ["array", "null"], "items": {"type": "string"}, "description": "which"},
        "script": {"type": ["string", "null"], "description": "a script"},
    } == told["parameters"]["properties"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"node": " gpu-1 "}, {"node": "gpu-1"}),
        ({"node": "gpu-1", "lines": "3"}, {"node": "gpu-1", "lines": 3}),
        ({"node": "gpu-1", "lines": 3.0, "share": "0.5"}, {"node": "gpu-1", "lines": 3, "share": 0.5}),
        ({"node": "gpu-1", "source": " VLLM"}, {"node": "gpu-1", "source": "vllm"}),
        ({"node": "gpu-1", "source": None, "lines": "null", "deep": ""}, {"node": "gpu-1"}),
        ({"node": "gpu-1", "deep": "True"}, {"node": "gpu-1", "deep": True}),
        ({"node": 812}, {"node": "812"}),
        ({"Node ": "gpu-1", "metrics": "power"}, {"node": "gpu-1", "metrics": ["power"]}),
        (
            {"node": "gpu-1", "metrics": '["power", "temperature"]'},
            {"node": "gpu-1", "metrics": ["power", "temperature"]},
        ),
        ({"node": "gpu-1", "script": "x" * 4000}, {"node": "gpu-1", "script": "x" * 4000}),
    ],
)
def test_what_can_mean_one_thing_only_is_taken(given: dict[str, Any], taken: dict[str, Any]) -> None:
    """Blanks, numbers in quotes, other cases, words for nothing, one value for a list."""
    assert taken == checked(TOOL, given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "look needs node: name of the node"),
        ({"node": ""}, "look needs node"),
        ({"node": "g", "lins": 3}, "did you mean 'lines'?"),
        ({"node": "g", "colour": 3}, "It takes node, source"),
        ({"node": "g", "lines": "many"}, "lines is a number, not 'many'"),
        ({"node": "g", "lines": 3.5}, "lines is a whole number, not '3.5'"),
        ({"node": "g", "lines": True}, "lines is a number, not 'True'"),
        ({"node": "g", "share": float("inf")}, "share is a number"),
        ({"node": "g", "source": "slurm"}, "source is one of kernel, vllm, not 'slurm'"),
        ({"node": "g", "deep": "perhaps"}, "deep is true or false"),
        ({"node": ["a", "b"]}, "node is a text"),
        ({"node": "g" * 2001}, "node has 2,001 characters; at most 2,000 are taken"),
        ({"node": "g", "metrics": ["x"] * 101}, "101 values are too many"),
        ({"node": "g\x1b[31m", "x\u202ey": 1}, "has no argument 'xy'"),
    ],
)
def test_the_rest_is_refused_with_what_to_write(given: dict[str, Any], said: str) -> None:
    """The refusal names the argument, what was wrong, and what is taken."""
    with pytest.raises(ToolError) as refused:
        checked(TOOL, given)

    assert said in str(refused.value)
