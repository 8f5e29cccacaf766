"""The brain with a model: rounds of looks, then an answer that rests on them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app.agent.brain import Asked
from app.agent.model_brain import ModelBrain
from app.agent.prompt import LONGEST_QUESTION
from app.domain.chat import Chip, Exchange
from app.domain.diagnosis import Diagnosis
from tests.agent.provider.asking import PATIENT, FakeLooker, QuickClock, answered, ask, connected, sent
from tests.standins.llm import Call, Say, ScriptedModel, Stall, Think, Tools

TWO_LOOKS = (Say("Let me see."), Call("diagnose"), Call("logs", {"node": "gpu-01"}))
ANSWER = (Say("\n\ngpu-01/3 is lost [1], with Xid 79 [2]."),)
TEXT = "Let me see.\n\ngpu-01/3 is lost [1], with Xid 79 [2]."


@pytest.mark.parametrize("tools", ["native", "single", "hermes", "xml", "refused"])
async def test_same_answer_in_every_dialect(tools: Tools) -> None:
    """However the calls travel, the looks, their numbers and the answer are the same."""
    looker = FakeLooker()

    seen = await answered(ScriptedModel([TWO_LOOKS, ANSWER], tools=tools), looker=looker)

    assert (TEXT, [], "") == (seen.text, seen.notes, seen.problem)
    assert [("diagnose", {}), ("logs", {"node": "gpu-01"})] == [(use.tool, use.arguments) for use in looker.made]


async def test_independent_looks_run_at_the_same_time() -> None:
    """Two calls of one reply do not wait for each other, and come back in the order they were asked."""
    looker = FakeLooker(delay_s=0.05)
    model = ScriptedModel([TWO_LOOKS, ANSWER])

    await answered(model, looker=looker)

    assert 2 == looker.at_once
    assert [
        ("assistant", 'Let me see.<diagnose {}><logs {"node": "gpu-01"}>'),
        ("tool", '[1] {"incidents":[{"root":"gpu-01/3 fell off the bus"}]}'),
        ("tool", '[2] {"lines":["NVRM: Xid 79"]}'),
    ] == sent(model.asked[1])[-3:]


async def test_model_that_calls_nothing_is_given_what_fits() -> None:
    """The diagnosis and the cluster first, then what the question is about."""
    model = ScriptedModel(tools="deaf", otherwise=(Say("gpu-01/3 is lost [1]."),))
    looker = FakeLooker()

    seen = await answered(model, "What do the logs say?", looker=looker)

    assert "gpu-01/3 is lost [1]." == seen.text
    assert ["diagnose", "cluster_status", "logs"] == [use.tool for use in looker.made]
    assert "tools" not in model.asked[0]
    question = sent(model.asked[0])[1][1]
    assert question.startswith("What do the logs say?\n\nWhat the program looked at")
    assert '[3] {"lines":["NVRM: Xid 79"]}' in question


async def test_small_context_is_asked_without_tools() -> None:
    """Where the tools alone would fill the context, the model explains what the program found."""
    model = ScriptedModel(context=900, otherwise=(Say("Fine [1]."),))

    seen = await answered(model)

    assert "Fine [1]." == seen.text
    assert "tools" not in model.asked[0]
    assert 225 == model.asked[0]["max_tokens"]


async def test_long_past_costs_no_tools() -> None:
    """Earlier questions are left out before the tools are."""
    before = tuple(Exchange(str(number), 1.0, "Why?", answer="Because. " * 120) for number in range(8))
    model = ScriptedModel([(Say("Fine."),)], context=3000, counts=True)

    seen = await answered(model, Asked("And now?", before=before))

    assert ("Fine.", "") == (seen.text, seen.problem)
    assert "tools" in model.asked[0]
    assert "the oldest 4 of the earlier questions were left out" in seen.notes[0]


async def test_long_talk_is_shortened_before_the_server_refuses() -> None:
    """A server that counts is never asked for more than it has room for."""
    results = {"diagnose": json.dumps({"x": "y" * 6000}), "logs": json.dumps({"x": "z" * 6000})}
    looks = [(Call("logs", {"node": f"n{number}"}),) for number in range(4)]
    model = ScriptedModel([(Call("diagnose"),), *looks, (Say("Fine [5]."),)], context=6000, counts=True)

    seen = await answered(model, looker=FakeLooker(results))

    assert ("Fine [5].", "") == (seen.text, seen.problem)
    assert [
        "the talk outgrew the model's context of 6,000 tokens: earlier results were shortened to a line each"
    ] == list(dict.fromkeys(seen.notes))
    assert "[1] (in short) diagnose: diagnose in a line" in [text for _, text in sent(model.asked[-1])]


async def test_talk_that_cannot_be_shortened_is_said() -> None:
    """Where nothing is left to give up, the person is told why."""
    model = ScriptedModel(counts=True, tools="deaf")
    async with connected(model) as (provider, settings):
        model.context = 300
        seen = await ask(provider, settings, "x " * 2000)

    assert "do not fit the model's context" in seen.problem


async def test_earlier_answers_lose_their_numbers() -> None:
    """`[2]` of an earlier answer is not `[2]` of this one; the person's own words stay."""
    before = (
        Exchange("a", 1.0, "What of [2]?", answer="It is lost [2], see [log](https://x)."),
        Exchange("b", 2.0, "And now?", problem="the server broke off"),
    )
    model = ScriptedModel([ANSWER])

    await answered(model, Asked("Why?", before=before))

    assert [
        ("user", "What of [2]?"),
        ("assistant", "It is lost, see [log](https://x)."),
        ("user", "And now?"),
        ("assistant", "(no answer: the server broke off)"),
        ("user", "Why?"),
    ] == sent(model.asked[0])[1:]


async def test_chips_are_quoted() -> None:
    """What the person has chosen is data, whatever it is called."""
    model = ScriptedModel([ANSWER])

    await answered(model, Asked("Why?", (Chip("gpu", "gpu-01/3"), Chip("job", '7"; drop all'))))

    last = sent(model.asked[0])[-1][1]
    assert 'Why?\n\n(On the person\'s screen, and what they mean: gpu "gpu-01/3"; job "7\\"; drop all")' == last


async def test_secrets_and_length_of_a_question_are_kept_in_bounds() -> None:
    """A key that was pasted does not leave, nor does a book."""
    model = ScriptedModel([ANSWER])

    await answered(model, f"password=hunter2abc {'x' * 20000}")

    last = sent(model.asked[0])[-1][1]
    assert "hunter2abc" not in last
    assert LONGEST_QUESTION == len(last)


async def test_runbooks_that_fit_are_offered() -> None:
    """What people wrote down stands in the prompt, bounded."""
    model = ScriptedModel([ANSWER])

    def runbooks(diagnosis: Diagnosis) -> list[str]:
        return ["# Lost GPU\nCall the vendor.", "y" * 9000, "never"]

    async with connected(model) as (provider, settings):
        async for _ in ModelBrain(provider, settings, runbooks).answer(Asked("Why?"), FakeLooker()):
            pass

    system = sent(model.asked[0])[0][1]
    assert "Runbooks of this site" in system
    assert "# Lost GPU\nCall the vendor.\n\n---\n\nyyy" in system
    assert "never" not in system.partition("Runbooks of this site")[2]


async def test_tokens_are_counted_over_all_rounds() -> None:
    """What the server says of each reply is added up."""
    model = ScriptedModel([TWO_LOOKS, ANSWER])
    async with connected(model) as (provider, settings):
        brain = ModelBrain(provider, settings)
        async for _ in brain.answer(Asked("Why?"), FakeLooker()):
            pass

        assert brain.tokens[0] > 500
        assert 0 < brain.tokens[1] < 40
        assert "stand-in" == brain.model


async def test_model_is_asked_for_an_answer_before_time_is_up() -> None:
    """In the last quarter of the time no more looks are made."""
    model = ScriptedModel([(Call("diagnose"),), ANSWER])

    seen = await answered(model, looker=FakeLooker(clock=QuickClock(), takes_s=0.8 * PATIENT.answer_s))

    assert ["time runs out: the model was told to answer from what it has"] == seen.notes
    assert "gpu-01/3 is lost [1], with Xid 79 [2]." == seen.text
    assert "tools" not in model.asked[-1]


async def test_model_goes_on_from_its_thought() -> None:
    """What it thought before its looks goes back to a server that takes it, and to no other."""
    replies = [(Think("Both, I think."), Call("diagnose")), ANSWER]
    known, other = ScriptedModel(list(replies)), ScriptedModel(list(replies), owner="someone")

    await answered(known)
    await answered(other)

    assert "Both, I think." == known.asked[1]["messages"][2]["reasoning_content"]
    assert "reasoning_content" not in other.asked[1]["messages"][2]


async def test_too_many_calls_of_one_reply_are_not_all_made() -> None:
    """Eight are; the model is told of the others."""
    calls = tuple(Call("logs", {"node": f"n{number}"}) for number in range(11))
    model, looker = ScriptedModel([calls, ANSWER]), FakeLooker()

    await answered(model, looker=looker)

    assert 8 == len(looker.made)
    assert 3 == sum("this one was not made" in text for role, text in sent(model.asked[1]) if role == "tool")


@pytest.mark.parametrize("step", [(Stall(),), (Say("All is"), Stall()), (Call("diagnose"),)])
async def test_stopping_ends_everything_at_once(step: tuple[Any, ...]) -> None:
    """Before the first word, in the answer, and within a look."""
    model, looker = ScriptedModel([step]), FakeLooker(delay_s=30.0)
    async with connected(model) as (provider, settings):

        async def follow() -> None:
            async for _ in ModelBrain(provider, settings).answer(Asked("Why?"), looker):
                pass

        task = asyncio.create_task(follow())
        while not (model.on_wait.is_set() or looker.made):  # noqa: ASYNC110 - two things that may come
            await asyncio.sleep(0.005)
        began = asyncio.get_running_loop().time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert asyncio.get_running_loop().time() - began < 1.0
        if not looker.made:
            await asyncio.wait_for(model.on_hang_up.wait(), 5)
