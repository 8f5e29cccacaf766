"""The looker: every look numbered, bounded, told and written down; repeats refused."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import pytest

from app.agent import looking
from app.agent.budget import tokens
from app.agent.events import Event, Noted, Proposed, ToolBegan, ToolEnded
from app.agent.ground import Ground
from app.agent.tools import registry
from app.agent.tools.tool import Found, Tool, ToolError
from app.domain.chat import Proposal
from app.domain.job_actions import Plan
from tests.agent.tools.grounds import ground, looker
from tests.present.fleets import NOW, fleet
from tests.present.slurm_fleet import slurm_fleet

PLAN = Plan("cancel", ("812",), (("scancel", "812"),), "cancel job 812")


class Tools:
    """Tools of a test, and how many of their looks run."""

    def __init__(self) -> None:
        self.gate: asyncio.Event | None = None
        self.running = self.most = self.calls = 0

    async def until(self, running: int) -> None:
        """Let the loop go on until so many looks run."""
        while self.running < running:  # noqa: ASYNC110 - what it waits for has no event, and need not have one
            await asyncio.sleep(0)

    async def wait(self, ground: Ground, key: Annotated[str, "anything"]) -> Found:
        """Wait for the gate."""
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.running -= 1
        return Found({"key": key, "list": list(range(20_000))}, f"saw {key}", NOW - 5, trim=("list",), narrow="less")

    async def fail(self, ground: Ground, how: Annotated[str, "how"]) -> Found:
        """Fail."""
        raise {"tool": ToolError("ask otherwise"), "bug": KeyError("secret=hunter2\x1b[31m")}[how]

    async def span(self, ground: Ground, since: Annotated[str | None, "since"] = None) -> Found:
        """Look back."""
        return Found({}, "looked back")

    async def act(self, ground: Ground) -> Found:
        """Propose."""
        return Found({}, "proposed", NOW, Proposal("p-1", PLAN, "because"))


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    """The registry of this test."""
    made = Tools()
    rows = (Tool("wait_for", made.wait), Tool("fail", made.fail), Tool("look_back", made.span))
    monkeypatch.setattr(registry, "TOOLS", (*rows, Tool("act", made.act, "propose")))
    return made


async def test_a_look_is_numbered_told_and_kept(tools: Tools) -> None:
    """It begins without a result, ends with one, and stands among the uses under its number."""
    told: list[Event] = []
    look = looker(ground(fleet()), told)
    use = await look.look("Wait-For", {"KEY": " x "})

    assert (1, "wait_for", {"key": "x"}, NOW - 5, "saw x", "") == (
        use.number, use.tool, use.arguments, use.at, use.summary, use.error,
    )  # fmt: skip
    assert (use,) == look.uses
    assert [ToolBegan, ToolEnded] == [type(one) for one in told]
    assert isinstance(told[0], ToolBegan)
    assert "" == told[0].use.result
    assert ToolEnded(use) == told[1]


async def test_a_result_keeps_to_the_budget(tools: Tools) -> None:
    """15 % of the context, whole JSON, and it says what was left out."""
    use = await looker(ground(fleet()), context_tokens=8192).look("wait_for", {"key": "x"})

    assert tokens(use.result) <= 1228
    assert "narrow by: less" in json.loads(use.result)["truncated"]["list"]


async def test_looks_run_at_the_same_time_but_not_all(tools: Tools) -> None:
    """Independent looks overlap, four at the most; each keeps the number it was asked under."""
    tools.gate = asyncio.Event()
    look = looker(ground(fleet()))
    running = [asyncio.create_task(look.look("wait_for", {"key": str(number)})) for number in range(7)]
    await tools.until(4)
    tools.gate.set()
    uses = await asyncio.gather(*running)

    assert 4 == tools.most
    assert [(number + 1, str(number)) for number in range(7)] == [(use.number, use.arguments["key"]) for use in uses]


async def test_a_repeat_is_refused_and_counted(tools: Tools) -> None:
    """The same look again is not made: the refusal names the earlier result, and how often it was asked for."""
    look = looker(ground(fleet()))
    await look.look("wait_for", {"key": "Gpu-1"})
    again = await look.look("wait_for", {"key": "gpu-1  "})
    third = await look.look("wait_for", {"key": "GPU-1"})
    other = await look.look("wait_for", {"key": "gpu-2"})

    assert 2 == tools.calls
    assert "this look was made already: its result is [1]" in again.error
    assert "(asked for 3 times): its result is [1]" in third.error
    assert "" == other.error
    assert [1, 2, 3, 4] == [use.number for use in look.uses]


@pytest.mark.parametrize(("one", "other"), [("60m", "1h"), ("90 s", "90s"), (" 1H ", "1h")])
async def test_a_near_repeat_is_a_repeat(tools: Tools, one: str, other: str) -> None:
    """Spans that are as long, in whatever words."""
    look = looker(ground(fleet()))
    await look.look("look_back", {"since": one})

    assert "[1]" in (await look.look("look_back", {"since": other})).error


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"gpu": "gpu-01/3"}, {"gpu": "GPU-01:3"}),
        ({"job": "812"}, {"job": "job 812"}),
        ({"metrics": ["temperature", "power"]}, {"metrics": ["gpu.power", "gpu.temperature"]}),
    ],
)
async def test_the_same_in_other_words_is_a_repeat(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Places and metrics by their other names; what differs is no repeat."""
    look = looker(ground(slurm_fleet(), now=NOW))
    assert "" == (await look.look("current_metrics", one)).error
    assert "[1]" in (await look.look("current_metrics", other)).error
    assert "" == (await look.look("current_metrics", {"node": "gpu-02"})).error


async def test_what_is_under_way_is_not_asked_for_twice(tools: Tools) -> None:
    """Two equal calls at the same time: one look."""
    tools.gate = asyncio.Event()
    look = looker(ground(fleet()))
    first = asyncio.create_task(look.look("wait_for", {"key": "x"}))
    await tools.until(1)
    second = await look.look("wait_for", {"key": "x"})
    tools.gate.set()

    assert "[1]" in second.error
    assert "" == (await first).error


async def test_a_failed_look_may_be_made_again(tools: Tools) -> None:
    """It brought nothing, so there is nothing to point to."""
    look = looker(ground(fleet()))
    errors = [(await look.look("fail", {"how": "tool"})).error for _ in range(2)]

    assert ["ask otherwise"] * 2 == errors


async def test_a_fault_of_ours_is_told_harmlessly(tools: Tools) -> None:
    """Whatever goes wrong becomes a sentence: the answer goes on, and no secret comes with it."""
    use = await looker(ground(fleet())).look("fail", {"how": "bug"})

    assert "fail failed (KeyError: secret=***); go on without it" == use.error


@pytest.mark.parametrize(("name", "said"), [("wait_fr", "did you mean wait_for"), ("zzz", "there are wait_for, fail")])
async def test_an_unknown_tool_gets_the_nearest_names(tools: Tools, name: str, said: str) -> None:
    """Or all there are, where none is near."""
    use = await looker(ground(fleet())).look(name, {})

    assert f"there is no tool '{name}': {said}" in use.error


async def test_a_look_takes_so_long_and_no_longer(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that does not answer is given up, and the answer goes on."""
    monkeypatch.setattr(looking, "PATIENCE_S", 0.01)
    tools.gate = asyncio.Event()
    use = await looker(ground(fleet())).look("wait_for", {"key": "x"})

    assert "wait_for did not answer within" in use.error
    assert 0 == tools.running


async def test_a_look_that_is_stopped_says_so(tools: Tools) -> None:
    """Cancelling passes through at once; the use stands there as one that was stopped."""
    tools.gate = asyncio.Event()
    look = looker(ground(fleet()))
    running = asyncio.create_task(look.look("wait_for", {"key": "x"}))
    await tools.until(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert "stopped before it ended" == look.uses[0].error


async def test_looks_of_one_answer_are_bounded(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes round in circles is told to answer."""
    monkeypatch.setattr(looking, "MOST_LOOKS", 2)
    look = looker(ground(fleet()))
    errors = [(await look.look("wait_for", {"key": str(number)})).error for number in range(3)]

    assert ["", ""] == errors[:2]
    assert "answer from what they brought" in errors[2]


async def test_a_proposal_is_told_and_nothing_else(tools: Tools) -> None:
    """It comes before the look ends, and says `proposed`."""
    told: list[Event] = []
    await looker(ground(fleet()), told).look("act", {})

    assert [ToolBegan, Proposed, ToolEnded] == [type(one) for one in told]
    assert Proposed(Proposal("p-1", PLAN, "because")) == told[1]


async def test_every_look_is_written_down(tools: Tools) -> None:
    """One fact a look, failed and refused ones too, one a proposal."""
    facts: list[dict[str, Any]] = []
    look = looker(ground(fleet()), audit=facts.append)
    await look.look("wait_for", {"key": "x"})
    await look.look("wait_for", {"key": "x"})
    await look.look("act", {})

    assert ["look", "look", "proposal", "look"] == [fact["fact"] for fact in facts]
    assert "saw x" == facts[0]["summary"]
    assert "[1]" in facts[1]["error"]
    assert ["scancel 812"] == facts[2]["commands"]


async def test_a_log_that_cannot_be_written_is_told_once(tools: Tools) -> None:
    """Looking goes on: it changes nothing."""
    told: list[Event] = []

    def full(fact: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    look = looker(ground(fleet()), told, audit=full)
    for number in range(2):
        assert "" == (await look.look("wait_for", {"key": str(number)})).error

    assert [Noted("the agent's log cannot be written: No space left on device")] == [
        one for one in told if isinstance(one, Noted)
    ]
