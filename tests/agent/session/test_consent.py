"""A person's yes: done once, on what was shown, written down; and nothing else leads to the cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.agent.audit import AgentAudit
from app.agent.consent import NO_SLURM, Consent
from app.agent.events import Proposed
from app.agent.ground import Ground
from app.config.settings import Screen, Settings
from app.domain.chat import Conversation, Exchange, Proposal
from app.domain.job_actions import Plan
from app.domain.snapshot import Snapshot
from app.services.jobs import READ_ONLY
from app.store.chats import Chats
from tests.agent.slurm_memory import MemorySlurm
from tests.agent.tools.grounds import feed_of, ground, looker
from tests.present.fleets import NOW
from tests.present.slurm_fleet import job, slurm_fleet
from tests.tui.alarms import HOT, alarmed


class Desk:
    """Takes wishes about alerts, and grants them."""

    def __init__(self) -> None:
        self.wishes: list[tuple[object, ...]] = []

    async def ack(self, alert_id: str, by: str, note: str) -> dict[str, Any]:
        self.wishes.append(("ack", alert_id, by, note))
        return {}

    async def silence(self, matchers: str, lasts_s: float, by: str, comment: str) -> dict[str, Any]:
        self.wishes.append(("silence", matchers, lasts_s, by, comment))
        return {"id": "s-1"}


class Case:
    """A proposal over a cluster in memory, and who decides on it."""

    def __init__(self, folder: Path, snapshot: Snapshot | None = None, *, read_only: bool = False) -> None:
        self.folder = folder
        self.slurm = MemorySlurm({"squeue -h -a -r -t all -j": "812 CANCELLED\n"})
        base = ground(snapshot or slurm_fleet())
        self.ground = replace(base, jobs=self.slurm.jobs(folder, read_only=read_only))
        self.chats = Chats(folder / "chats.db", lambda: NOW)

    def consent(self, chats: Chats | None = None, over: Ground | None = None) -> Consent:
        """Who decides, on this screen or another one."""
        return Consent(over or self.ground, chats or self.chats, AgentAudit(self.folder, "ana"))

    async def proposed(self, tool: str, **arguments: Any) -> Proposal:  # noqa: ANN401 - the tool's
        """A proposal as the looker tells it, kept in a conversation."""
        told: list[Any] = []
        await looker(self.ground, told).look(tool, arguments)
        proposal: Proposal = next(event.proposal for event in told if isinstance(event, Proposed))
        await self.chats.begin(Conversation("c1", began=NOW, changed=NOW))
        await self.chats.keep("c1", Exchange("x1", NOW, "q?", proposals=(proposal,), state="done"), NOW)
        return proposal

    async def shown(self) -> Proposal:
        """The proposal as any screen shows it now."""
        found = await self.chats.conversation("c1")
        assert found is not None
        return found.exchanges[0].proposals[0]

    def log(self) -> list[Mapping[str, Any]]:
        """The agent's own log."""
        return [json.loads(line) for line in (self.folder / "agent.jsonl").read_text().splitlines()]


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    """A cluster and a store of its own."""
    one = Case(tmp_path)
    yield one
    await one.chats.close()


async def cancel(case: Case) -> Proposal:
    """A proposal to cancel ana's running job."""
    return await case.proposed("propose_cancel", jobs=["812"], why="it hangs")


async def test_a_yes_does_it_once_and_is_written_down(case: Case, tmp_path: Path) -> None:
    """The exact command runs, every screen shows what came of it, and both logs hold it."""
    proposal = await cancel(case)
    done = await case.consent().approve("c1", proposal)

    assert [["scancel", "812"]] == case.slurm.acts
    assert "done" == done.state
    assert (done.state, done.outcome) == ((await case.shown()).state, (await case.shown()).outcome)
    assert ["approved", "outcome"] == [fact["fact"] for fact in case.log()]
    assert ["intent", "outcome"] == [
        json.loads(line)["fact"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()
    ]


async def test_two_screens_that_press_at_once_do_it_once(case: Case, tmp_path: Path) -> None:
    """Ten keys on two screens: one command."""
    proposal = await cancel(case)
    other = Chats(tmp_path / "chats.db", lambda: NOW)
    screens = (case.consent(), case.consent(other))
    found = await asyncio.gather(*(screens[number % 2].approve("c1", proposal) for number in range(10)))
    again = await case.consent(other).approve("c1", proposal)

    assert [["scancel", "812"]] == case.slurm.acts
    assert "done" == again.state
    assert {"done", "proposed"} >= {one.state for one in found}
    await other.close()


async def test_a_no_stands(case: Case) -> None:
    """What was declined is not done by a later key, on any screen."""
    proposal = await cancel(case)
    declined = await case.consent().decline("c1", proposal)
    late = await case.consent().approve("c1", proposal)

    assert ("declined", "declined") == (declined.state, late.state)
    assert [] == case.slurm.acts
    assert ["declined"] == [fact["fact"] for fact in case.log()]


async def test_what_was_done_cannot_be_declined(case: Case) -> None:
    """A no that comes after the yes of another screen shows what was done."""
    proposal = await cancel(case)
    await case.consent().approve("c1", proposal)

    assert "done" == (await case.consent().decline("c1", proposal)).state


async def test_what_it_hits_has_changed_and_the_person_is_asked_anew(case: Case) -> None:
    """The job is another one's by now: nothing is done, the new plan is shown, and a second yes does that."""
    proposal = await cancel(case)
    snapshot = slurm_fleet()
    assert snapshot.slurm is not None
    assert snapshot.slurm.jobs is not None
    mine = replace(snapshot.slurm.jobs["812"], user="bo", name="other")
    changed = replace(snapshot, slurm=replace(snapshot.slurm, jobs={**snapshot.slurm.jobs, "812": mine}))
    feed_of(case.ground).push(changed)
    first = await case.consent().approve("c1", proposal)
    acts = list(case.slurm.acts)
    second = await case.consent().approve("c1", first)

    assert [] == acts
    assert "proposed" == first.state
    assert "what it hits has changed" in first.outcome
    assert "bo" in first.plan.hits[0]
    assert [["scancel", "812"]] == case.slurm.acts
    assert "done" == second.state
    assert "changed" in [fact["fact"] for fact in case.log()]


async def test_time_that_passes_is_no_change(case: Case) -> None:
    """A job that has run an hour longer is the same job."""
    proposal = await cancel(case)
    feed_of(case.ground).advance(3700.0)

    assert "done" == (await case.consent().approve("c1", proposal)).state


async def test_a_job_that_has_ended_is_asked_about(case: Case) -> None:
    """It is no longer in the queue: the person hears it before anything runs."""
    proposal = await cancel(case)
    snapshot = slurm_fleet()
    assert snapshot.slurm is not None
    jobs = {key: one for key, one in (snapshot.slurm.jobs or {}).items() if key != "812"}
    feed_of(case.ground).push(replace(snapshot, slurm=replace(snapshot.slurm, jobs=jobs)))
    found = await case.consent().approve("c1", proposal)

    assert "proposed" == found.state
    assert "nothing was done" in found.outcome
    assert [] == case.slurm.acts


@pytest.mark.parametrize("how", ["jobs", "settings"])
async def test_a_read_only_run_does_nothing(case: Case, tmp_path: Path, how: str) -> None:
    """Whichever way it was said, and it stays open for a run that may."""
    proposal = await cancel(case)
    closed = Case(tmp_path, read_only=True)
    settings = Settings(screen=Screen(read_only=True))
    over = closed.ground if how == "jobs" else replace(case.ground, settings=settings)
    found = await case.consent(over=over).approve("c1", proposal)

    assert ("proposed", READ_ONLY) == (found.state, found.outcome)
    assert [] == case.slurm.acts + closed.slurm.acts
    assert "done" == (await case.consent().approve("c1", proposal)).state


async def test_without_a_way_to_slurm_it_fails_with_a_sentence(case: Case) -> None:
    """Nothing is pretended."""
    proposal = await cancel(case)
    found = await case.consent(over=replace(case.ground, jobs=None)).approve("c1", proposal)

    assert ("failed", NO_SLURM) == (found.state, found.outcome)


async def test_what_cannot_be_written_down_is_not_done(case: Case, tmp_path: Path) -> None:
    """A log or a store that takes nothing: no command runs."""
    proposal = await cancel(case)

    def full(fact: Mapping[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    log_full = await Consent(case.ground, case.chats, full).approve("c1", proposal)
    (tmp_path / "state").mkdir()
    broken = Chats(tmp_path / "state", lambda: NOW)  # a folder is no file
    store_full = await case.consent(broken).approve("c1", proposal)

    assert [] == case.slurm.acts
    assert "nothing was done" in log_full.outcome
    assert "nothing was done" in store_full.outcome


async def test_a_yes_that_is_interrupted_is_not_repeated(case: Case) -> None:
    """The program ends while Slurm is asked: what came of it is unknown, and a later key does not do it again."""
    proposal = await cancel(case)
    started = asyncio.Event()

    async def hang(*words: Any, **more: Any) -> Any:  # noqa: ANN401 - as the runner's
        started.set()
        await asyncio.Event().wait()

    run, case.slurm.run = case.slurm.run, hang  # type: ignore[method-assign]
    task = asyncio.create_task(case.consent().approve("c1", proposal))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    case.slurm.run = run  # type: ignore[method-assign]
    later = await case.consent().approve("c1", proposal)

    assert "failed" == later.state
    assert "it is not known whether it was done" in later.outcome
    assert [] == case.slurm.acts


async def test_a_drain_keeps_its_reason(case: Case) -> None:
    """The plan of the moment of approval is the one that was shown, reason and all."""
    proposal = await case.proposed("propose_drain", nodes=["gpu-02"], reason="fan 3 is dead", why="the fan")
    found = await case.consent().approve("c1", proposal)

    assert "done" == found.state
    assert [list(proposal.plan.commands[0])] == case.slurm.acts
    assert "Reason=fan 3 is dead" in case.slurm.acts[0]


async def test_a_job_that_came_to_the_node_is_told_before_the_drain(case: Case) -> None:
    """Draining hits one job more than was shown."""
    proposal = await case.proposed("propose_drain", nodes=["gpu-02"], reason="fan", why="fan")
    more = job(999, "late", "cy", "RUNNING", nodes=("gpu-02",), gpus=1)
    feed_of(case.ground).push(slurm_fleet((more,)))
    found = await case.consent().approve("c1", proposal)

    assert "proposed" == found.state
    assert "999" in found.outcome
    assert [] == case.slurm.acts


async def test_a_submission_is_done_as_it_was_shown(case: Case) -> None:
    """The script goes to sbatch whole."""
    case.slurm.answers["sbatch"] = "813\n"
    proposal = await case.proposed("propose_submit", script="#!/bin/sh\n#SBATCH --gres=gpu:1\nhostname\n", why="a test")
    found = await case.consent().approve("c1", proposal)

    assert "done" == found.state
    assert "sbatch" == case.slurm.acts[0][0]
    assert "813" in found.outcome


async def test_an_alert_is_acknowledged_and_silenced_through_the_desk(case: Case) -> None:
    """The alerts' verbs go where wishes about alerts go, once."""
    feed = feed_of(case.ground)
    feed.alerted, desk = alarmed(), Desk()
    feed.desk = lambda: desk  # type: ignore[method-assign, assignment, return-value]
    ack = await case.proposed("propose_acknowledge", alerts=[HOT.id], why="I look at it")
    acked = await case.consent().approve("c1", ack)
    silence = await case.proposed("propose_silence", alert='alertname="GpuHot"', lasts="2h", why="known")
    silenced = await case.consent().approve("c1", silence)
    again = await case.consent().approve("c1", silence)

    assert ("done", "done", "done") == (acked.state, silenced.state, again.state)
    assert [] == case.slurm.acts
    assert [
        ("ack", HOT.id, "ana", "I look at it"),
        ("silence", 'alertname="GpuHot"', 7200.0, "ana", "known"),
    ] == desk.wishes
    assert ["approved", "outcome"] * 2 == [fact["fact"] for fact in case.log()]


@pytest.mark.parametrize("verb", ["delete", "suspend", "delete rule"])
async def test_a_verb_that_nobody_proposes_is_planned_again_or_refused(case: Case, verb: str) -> None:
    """A plan that no tool makes cannot smuggle in commands of its own: they are made anew and differ."""
    await cancel(case)
    forged = Proposal("p-forged", Plan(verb, ("812",), (("rm", "-rf", "/"),), "tidy up"))  # type: ignore[arg-type]
    found = await case.consent().approve("c1", forged)

    assert "proposed" == found.state
    assert "nothing was done" in found.outcome
    assert [] == case.slurm.acts


async def test_a_forged_command_of_a_known_verb_is_not_run(case: Case) -> None:
    """The command is made anew from verb and targets; one that differs from what was shown is shown first."""
    proposal = await cancel(case)
    forged = replace(proposal, plan=replace(proposal.plan, commands=(("scancel", "--user=ana"),)))
    found = await case.consent().approve("c1", forged)

    assert "its command would be another by now" in found.outcome
    assert (("scancel", "812"),) == found.plan.commands
    assert [] == case.slurm.acts
