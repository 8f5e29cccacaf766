"""Faults that come together: whatever the mixture, the answer ends, and nothing is made of half a call."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.agent.provider.asking import PATIENT, FakeLooker, answered
from tests.standins.llm import Call, Die, Fail, Finish, Reply, Say, ScriptedModel, Send, Step, Think

WHOLE = {"node": "gpu-01"}
TEXTS = (
    "All is well [1].",
    "<think>Hm.</think>Fine.",
    "Hm.</think>Fine.",
    "a < b",
    '<tool_call>{"name": "logs", "arguments": {"node": "gpu-01"}}</tool_call>',
    '<tool_call>{"name": "logs", "arguments": {"node": "gp',
    "<tool_call><function=logs><parameter=node>gpu-01</parameter></function></tool_call>",
    "<tool_call>",
    "",
)
ENDS: tuple[Step, ...] = (
    Die(),
    Die("eof"),
    Die("end"),
    Finish("length"),
    Finish("stop"),
    Finish("abort"),
    Fail(500, "EngineDeadError"),
    Send(b"data: [1, 2]\n\n"),
    Send(b"data: {broken\n\n"),
)


def some_reply(dice: random.Random) -> Reply:
    """A reply of up to four steps, any of which may end it."""
    if dice.random() < 0.15:
        return (Fail(dice.choice((400, 429, 500, 503)), "scripted", headers={"retry-after": "1"}),)
    steps: list[Step] = []
    for _ in range(dice.randint(1, 4)):
        text = dice.choice(TEXTS)
        whole = Call("logs", dict(WHOLE), size=dice.randint(1, 9))
        half = Call("logs", '{"node": "gp')
        pool: tuple[Step, ...] = (Say(text, size=dice.randint(1, 9)), Think("Hm."), whole, half, dice.choice(ENDS))
        steps.append(dice.choice(pool))
    return tuple(steps)


@pytest.mark.parametrize("seed", range(40))
async def test_any_mixture_of_faults_comes_to_an_end(seed: int) -> None:
    """There is an answer or a sentence that says why not; half a name was never looked at; no mark is shown."""
    dice = random.Random(seed)
    model = ScriptedModel([some_reply(dice) for _ in range(8)], otherwise=(Say("That is all."),))
    looker = FakeLooker()

    seen = await answered(model, settings=replace(PATIENT, rounds=6), looker=looker)

    assert seen.text.strip() or seen.problem
    looks: list[dict[str, Any]] = [dict(use.arguments) for use in looker.made]
    assert [WHOLE] * len(looks) == looks
    assert [] == [mark for mark in ("</tool_call>", "<function=", "</think>") if mark in seen.text]
