"""A session: questions, live answers, what is kept of them, and who answers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from app.agent.brain import Asked, BrainError, Looker
from app.agent.events import (
    Ended,
    Event,
    Noted,
    Proposed,
    ReasoningAdded,
    TextAdded,
    TextWithdrawn,
    ToolBegan,
    ToolEnded,
)
from app.domain.chat import Chip, Exchange
from tests.agent.session.desks import (
    FakeModel,
    Scripted,
    answered,
    desk,
    fails,
    followed,
    offline,
    says,
    stalls,
    texts,
    until,
)
from tests.tools.fake_clock import FakeClock


async def looks(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
    """Two looks at once, a third, a failing one, a repeat, then an answer that rests on them."""
    yield ReasoningAdded("what is wrong?\n")
    await asyncio.gather(looker.look("diagnose", {}), looker.look("cluster_status", {}))
    yield TextAdded("Nothing is wrong [1], ")
    await looker.look("node_details", {"node": "gpu-99"})
    await looker.look("diagnose", {})
    yield TextAdded("but **4,711 GPUs** are on fire [9].")


async def test_looks_and_words_come_in_one_stream_in_order(tmp_path: Path) -> None:
    """What brain and looker tell is told on in the order in which it came, and the whole exchange last."""
    async with desk(tmp_path, Scripted(looks)) as one:
        events = await followed(one.session.ask("is all well?"))

    kinds = [type(event).__name__ for event in events]
    assert "Ended" == kinds[-1]
    assert ["ReasoningAdded", "ToolBegan", "ToolBegan", "ToolEnded", "ToolEnded", "TextAdded"] == kinds[:6]
    assert ["ToolBegan", "ToolEnded", "ToolBegan", "ToolEnded", "TextAdded"] == [
        k for k in kinds[6:-1] if k != "Noted"
    ][:5]
    assert "Nothing is wrong [1], but **4,711 GPUs** are on fire [9]." == texts(events)


async def test_an_answer_is_checked_and_its_blind_spots_are_written_by_code(tmp_path: Path) -> None:
    """Wrong numbers and citations are marked, a failed look is a blind spot, a refused repeat is none."""
    async with desk(tmp_path, Scripted(looks)) as one:
        exchange = await answered(one.session, "is all well?")

    marked = [(exchange.answer[mark.start : mark.end], mark.kind) for mark in exchange.marks]
    assert [("[1]", "citation"), ("4,711", "unsupported"), ("[9]", "unsupported")] == marked
    assert [1, 2, 3, 4] == [use.number for use in exchange.tools]
    assert any(spot.startswith("node_details (node=gpu-99): ") for spot in exchange.blind)
    assert not any(spot.startswith("diagnose") for spot in exchange.blind)


async def test_a_conversation_goes_on_and_is_kept(tmp_path: Path) -> None:
    """The second question is asked with the first exchange before it; both are there after a restart."""
    brain = Scripted(says("yes"))
    async with desk(tmp_path, brain) as one:
        first = await answered(one.session, "first?", chips=(Chip("gpu", "gpu-01/3"),))
        key = one.session.begun()
        second = await answered(one.session, "second?", conversation=key)
        assert key == one.session.begun()
    async with desk(tmp_path, brain) as one:
        found = await one.session.conversation(key)
        headings = await one.session.headings("second first")

    assert [(), (first,)] == [asked.before for asked in brain.asked]
    assert found is not None
    assert (first, second) == found.exchanges
    assert ("done", None) == (first.state, first.model and None)
    assert [("first?", 2)] == [(each.title, each.exchanges) for each in headings]


async def test_an_edited_question_takes_the_place_of_what_followed(tmp_path: Path) -> None:
    """Asked again instead of the second, the second and third are gone, and the first stays before it."""
    brain = Scripted(says("yes"))
    async with desk(tmp_path, brain) as one:
        asked = [await answered(one.session, "q0?")]
        key = one.session.begun()
        asked += [await answered(one.session, f"q{n}?", conversation=key) for n in (1, 2)]
        await answered(one.session, "q1, but better?", conversation=key, instead_of=asked[1].id)
        found = await one.session.conversation(key)

    assert found is not None
    assert ["q0?", "q1, but better?"] == [each.question for each in found.exchanges]
    assert (asked[0],) == brain.asked[-1].before


async def test_closing_stops_at_once_and_keeps_what_came(tmp_path: Path) -> None:
    """After Esc the brain has been left, and the exchange is kept as stopped, checked as any other."""
    brain = Scripted(stalls("half an ", "answer with 4711 GPUs "))
    async with desk(tmp_path, brain) as one:
        events = one.session.ask("q?")
        came = [await anext(events), await anext(events)]
        async with asyncio.timeout(30.0):  # the brain stalls for ever
            await events.aclose()
        found = await one.session.conversation(one.session.begun())

    assert [TextAdded("half an "), TextAdded("answer with 4711 GPUs ")] == came
    assert 1 == brain.closed
    assert found is not None
    assert [("stopped", "half an answer with 4711 GPUs ")] == [(each.state, each.answer) for each in found.exchanges]
    assert ["unsupported"] == [mark.kind for mark in found.exchanges[0].marks]


async def test_who_follows_may_be_cancelled(tmp_path: Path) -> None:
    """A cancelled reader leaves a kept exchange and no task behind."""
    async with desk(tmp_path, Scripted(stalls("half "))) as one:
        task = asyncio.create_task(followed(one.session.ask("q?")))
        await until(one.session.headings)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        found = await one.session.conversation(one.session.begun())

        assert found is not None
        assert ["stopped"] == [each.state for each in found.exchanges]
        assert set() == one.session._tasks


async def test_an_answer_is_kept_while_it_grows(tmp_path: Path) -> None:
    """The question is on disk at once, and half a second after more came that is, too, though the answer goes on."""
    clock, go = FakeClock(), asyncio.Event()

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        yield TextAdded("half ")
        await go.wait()
        yield TextAdded("and more ")
        await asyncio.Event().wait()

    async with desk(tmp_path, Scripted(play), clock=clock) as one:
        events = one.session.ask("q?")
        await anext(events)
        await until(one.session.headings)
        at_first = await one.session.conversation(one.session.begun())
        go.set()
        await anext(events)
        before = await one.session.headings("more")
        await clock.advance(0.6)
        await until(lambda: one.session.headings("more"))
        later = await one.session.conversation(one.session.begun())
        await events.aclose()

    assert at_first is not None
    assert later is not None
    assert [("open", "q?")] == [(each.state, each.question) for each in at_first.exchanges]
    assert [] == list(before)
    assert [("open", "half and more ")] == [(each.state, each.answer) for each in later.exchanges]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BrainError("the model answered with nothing: ask again"), "the model answered with nothing: ask again"),
        (RuntimeError("boom"), "the answer failed (RuntimeError: boom): ask again"),
    ],
)
async def test_a_brain_that_breaks_costs_a_sentence(tmp_path: Path, error: Exception, expected: str) -> None:
    """Whatever a brain raises, the exchange ends as failed, with what came and why."""
    async with desk(tmp_path, Scripted(fails(error, "so far "))) as one:
        exchange = await answered(one.session, "q?")

    assert ("failed", "so far ", expected) == (exchange.state, exchange.answer, exchange.problem)


async def test_the_analyst_answers_where_the_model_cannot_be_reached(tmp_path: Path) -> None:
    """A model that is lost before its first word is stood in for, and that is said."""
    model = FakeModel(Scripted(fails(offline())))
    async with desk(tmp_path, Scripted(says("the analyst's"), None), model=model) as one:
        events = await followed(one.session.ask("q?"))
        status = await one.session.status()
    last = events[-1]

    assert isinstance(last, Ended)
    assert ("done", None, "the analyst's") == (last.exchange.state, last.exchange.model, last.exchange.answer)
    assert ("the offline analyst answers: connection refused",) == last.exchange.notes
    assert "unreachable" == status.state


async def test_what_the_model_said_stays_where_it_is_lost_in_the_middle(tmp_path: Path) -> None:
    """Nobody writes another answer under half of one: it fails, with what came."""
    model = FakeModel(Scripted(fails(offline("the server went away"), "half of ")))
    async with desk(tmp_path, Scripted(says("the analyst's"), None), model=model) as one:
        exchange = await answered(one.session, "q?")

    assert ("failed", "half of ", "the server went away") == (exchange.state, exchange.answer, exchange.problem)
    assert "scripted" == exchange.model


async def test_a_server_that_is_down_is_asked_again_later_and_answers_when_it_is_back(tmp_path: Path) -> None:
    """It is not asked with every question at once, and not given up for good."""
    clock = FakeClock()
    model = FakeModel(Scripted(says("the model's")), is_there=False)
    async with desk(tmp_path, Scripted(says("the analyst's"), None), model=model, clock=clock) as one:
        first = await answered(one.session, "q?")
        model.is_there = True
        second = await answered(one.session, "q?")
        await clock.advance(6.0)
        third = await answered(one.session, "q?")

    assert ["the analyst's", "the analyst's", "the model's"] == [first.answer, second.answer, third.answer]
    assert 2 == model.probes
    assert model.is_closed


async def test_nothing_configured_is_said_and_the_analyst_answers(tmp_path: Path) -> None:
    """Without a base_url the status says who answers, and no note disturbs the answer."""
    async with desk(tmp_path, Scripted(says("hello"), None)) as one:
        status = await one.session.status(look_again=True)
        exchange = await answered(one.session, "q?")

    assert ("offline", None) == (status.state, status.model)
    assert (None, ()) == (exchange.model, exchange.notes)


async def test_two_conversations_are_answered_at_once(tmp_path: Path) -> None:
    """Answers do not mix, and each is kept in its own conversation."""

    async def echo(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        for _ in range(20):
            await asyncio.sleep(0)
            yield TextAdded(f"{asked.question} ")

    async with desk(tmp_path, Scripted(echo)) as one:
        found = await asyncio.gather(*(answered(one.session, word) for word in ("one", "two", "three")))

    assert [" ".join([word] * 20) + " " for word in ("one", "two", "three")] == [each.answer for each in found]
    assert 3 == len({each.id for each in found})


async def test_a_withdrawn_text_is_taken_back(tmp_path: Path) -> None:
    """What was a tool call in disguise is not in the answer."""

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        yield TextAdded("<tool_call> ")
        yield TextWithdrawn()
        yield TextAdded("The answer.")

    async with desk(tmp_path, Scripted(play)) as one:
        exchange = await answered(one.session, "q?")

    assert "The answer." == exchange.answer


async def test_an_endless_answer_is_cut(tmp_path: Path) -> None:
    """A model that does not stop is stopped, and that is said."""

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        while True:
            yield TextAdded("and on " * 1000)

    async with desk(tmp_path, Scripted(play)) as one:
        exchange = await answered(one.session, "q?")

    assert 60_000 == len(exchange.answer)
    assert ("the answer is cut here: it is as long as one may be",) == exchange.notes


async def test_proposals_have_ids_of_their_own_in_the_conversation(tmp_path: Path) -> None:
    """Two answers that propose under one id are told apart."""

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        from app.domain.chat import Proposal
        from app.domain.job_actions import Plan

        yield Proposed(Proposal("p1", Plan("cancel", ("812",), (("scancel", "812"),), "cancel job 812"), state="done"))

    async with desk(tmp_path, Scripted(play)) as one:
        first = await answered(one.session, "q?")
        second = await answered(one.session, "q?", conversation=one.session.begun())

    assert 2 == len({each.proposals[0].id for each in (first, second)})
    assert {"proposed"} == {each.proposals[0].state for each in (first, second)}


async def test_trouble_with_the_store_is_told_once_and_answers_go_on(tmp_path: Path) -> None:
    """A damaged file is named in a note of the next answer, not of each."""
    (tmp_path / "chats.db").write_bytes(b"garbage" * 1000)
    async with desk(tmp_path, Scripted(says("yes"))) as one:
        first = await answered(one.session, "q?")
        second = await answered(one.session, "q?")

    assert 1 == len(first.notes)
    assert "was damaged: it was moved to" in first.notes[0]
    assert () == second.notes


async def test_the_past_is_asked_of_the_past(tmp_path: Path) -> None:
    """The looker's ground is at the moment on screen."""
    seen: list[float | None] = []

    async def play(asked: Asked, looker: Looker) -> AsyncGenerator[Event, None]:
        seen.append(looker.ground.at)
        yield TextAdded("then")

    async with desk(tmp_path, Scripted(play)) as one:
        await answered(one.session, "q?", at=1000.0)
        await answered(one.session, "q?")

    assert [1000.0, None] == seen


def answer_until_killed(folder: Path) -> None:
    """Let a process answer a question, and kill it when some of the answer was kept."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.agent.session.asking_child", str(folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert b"kept\n" == process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()


async def test_a_kill_in_the_middle_leaves_what_was_kept(tmp_path: Path) -> None:
    """The process is killed while it answers: the next one tells the question and what came, as stopped."""
    await asyncio.to_thread(answer_until_killed, tmp_path)
    async with desk(tmp_path, Scripted(says("yes"))) as one:
        heading = (await one.session.headings())[0]
        found = await one.session.conversation(heading.id)
        after = await answered(one.session, "and now?", conversation=heading.id)

    assert found is not None
    assert ["stopped"] == [each.state for each in found.exchanges]
    assert found.exchanges[0].answer.startswith("word 0 word 1 ")
    assert isinstance(after, Exchange)
    assert "done" == after.state


def test_kinds_of_events_are_all_known() -> None:
    """What a session may tell is what front ends match on."""
    told = {TextAdded, TextWithdrawn, ReasoningAdded, ToolBegan, ToolEnded, Proposed, Noted, Ended}

    assert told == set(Event.__args__)
