"""A conversation as markdown: the answers with what they rest on, nothing that breaks out of its place."""

from __future__ import annotations

from datetime import UTC

from app.agent.exporting import markdown
from app.domain.chat import Chip, Conversation, Exchange, Mark, Proposal, ToolUse
from app.domain.job_actions import Plan

NOW = 1_764_000_000.0
USE = ToolUse(1, "gpu_details", {"gpu": "gpu-01/3"}, NOW, NOW, 0.1, '{"temperature_c":91}', "hot")
PLAN = Plan(
    "drain",
    ("gpu-01",),
    (("scontrol", "update", "NodeName=gpu-01", "State=DRAIN"),),
    "drain gpu-01",
    ("nobody",),
    "resume it",
)
ONE = Exchange(
    "x", NOW, "why is it slow?", (Chip("gpu", "gpu-01/3"),), "It is hot: 91 °C, not 71 °C [1].", "", (USE,),
    (Proposal("p", PLAN, "hot", "done", "draining gpu-01"),), (Mark(22, 27, "unsupported", "[1] does not hold 71 °C"),),
    ("the kernel log: not readable",), ("a note",), "nemotron", "done",
)  # fmt: skip


def test_an_answer_is_exported_with_what_it_rests_on() -> None:
    """Question, who answered, answer, doubts, blind spots, notes, what was proposed, and every look with its result."""
    text = markdown(Conversation("c", "slow GPU", NOW, NOW, "ana", (ONE,)), UTC)

    for piece in (
        "# slow GPU", "Asked by ana, 2025-11-24 16:00:00 UTC.", "## why is it slow?",
        "*2025-11-24 16:00:00 UTC; answered by nemotron; about gpu gpu-01/3.*", "It is hot: 91 °C, not 71 °C [1].",
        "- `71 °C`: [1] does not hold 71 °C", "- the kernel log: not readable", "> a note",
        "Proposed: drain gpu-01 (done: draining gpu-01)", "scontrol update NodeName=gpu-01 State=DRAIN",
        "- undo: resume it",
        '**[1] `gpu_details(gpu="gpu-01/3")`**, as of 2025-11-24 16:00:00 UTC: hot',
        '```json\n{"temperature_c":91}\n```',
    ):  # fmt: skip
        assert piece in text


def test_an_answer_that_did_not_end_says_so() -> None:
    """Stopped, failed with its reason, or still being written."""
    ends = (
        Exchange("a", NOW, "q", state="stopped"),
        Exchange("b", NOW, "q", state="failed", problem="no model"),
        Exchange("c", NOW, "q"),
    )
    text = markdown(Conversation("c", exchanges=ends), UTC)

    assert "**It was stopped before its end.**" in text
    assert "**It failed. no model**" in text
    assert "**It was still being written.**" in text
    assert "answered by the offline analyst" in text


def test_no_result_ends_its_block_and_no_title_its_line() -> None:
    """Backticks in a result get a longer fence; a question of many lines is one heading and a quotation."""
    use = ToolUse(1, "logs", {}, result="```\n# not a heading\n````")
    text = markdown(Conversation("c", exchanges=(Exchange("x", NOW, "one\n# two", tools=(use,)),)), UTC)

    assert "`````json\n```\n# not a heading\n````\n`````" in text
    assert "## one # two" in text
    assert "> one\n> # two" in text


def test_an_empty_conversation_is_a_heading() -> None:
    """Nothing breaks where there is nothing."""
    assert "# Conversation\n\nAsked, at an unknown time.\n" == markdown(Conversation("c"), UTC)
