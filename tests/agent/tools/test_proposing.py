"""Proposals: decided whole, told whole, and nothing done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.agent.events import Event, Proposed
from app.agent.ground import Ground
from app.config.settings import Screen, Settings
from app.domain.alert import Alert
from app.domain.alerts_now import AlertsNow
from app.domain.chat import Proposal
from app.services.alert_desk import AlertDesk
from app.services.jobs import Jobs
from tests.agent.slurm_memory import MemorySlurm
from tests.agent.tools.grounds import feed_of, ground, looker, refusal, seen
from tests.present.fleets import NOW
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.fake_feed import FakeFeed

HOT = Alert("GpuHot", "critical", (("gpu", "3"), ("node", "gpu-01")), "firing", NOW - 300, 91.0, "91 °C", NOW - 240)
SCRIPT = "#!/bin/bash\n#SBATCH --gres=gpu:2\nsrun python x.py\n"


class Desk:
    """A desk that must not be asked for anything."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the desk was asked to {name}")


class Alarmed(FakeFeed):
    """A feed with somebody who evaluates."""

    def desk(self) -> AlertDesk | None:
        return Desk()  # type: ignore[return-value]  # every use of it fails the test


@pytest.fixture
def slurm() -> MemorySlurm:
    """A Slurm that remembers what it is asked to do."""
    return MemorySlurm()


def _ground(slurm: MemorySlurm, folder: Path, *, read_only: bool = False) -> Ground:
    feed = Alarmed(slurm_fleet(), now=NOW)
    feed.alerted = AlertsNow(NOW - 1.0, 5.0, (HOT,))
    return Ground(feed, Settings(), slurm.jobs(folder, read_only=read_only), "ana")


async def _proposal(one: Ground, tool: str, arguments: Mapping[str, Any]) -> Proposal:
    told: list[Event] = []
    found = await looker(one, told).look(tool, arguments)
    assert "" == found.error
    (event,) = [each for each in told if isinstance(each, Proposed)]
    return event.proposal


@pytest.mark.parametrize(
    ("tool", "given", "command"),
    [
        ("propose_cancel", {"jobs": ["job 812"]}, "scancel 812"),
        ("propose_hold", {"jobs": ["831"]}, "scontrol hold 831"),
        ("propose_release", {"jobs": "832"}, "scontrol release 832"),
        ("propose_requeue", {"jobs": ["812"]}, "scontrol requeue 812"),
        ("propose_drain", {"nodes": ["gpu-01"], "reason": "Xid 79"},
         "scontrol update NodeName=gpu-01 State=DRAIN 'Reason=Xid 79'"),
        ("propose_undrain", {"nodes": ["GPU-03"]}, "scontrol update NodeName=gpu-03 State=RESUME"),
        ("propose_submit", {"script": SCRIPT}, "sbatch --parsable"),
        ("propose_silence", {"alert": HOT.id, "lasts": "2 hours"},
         "gpu-watchdog alerts silence 'alertname=\"GpuHot\",gpu=\"3\",node=\"gpu-01\"' --for 2h --note 'it is known'"),
        ("propose_acknowledge", {"alerts": [HOT.id]}, f"gpu-watchdog alerts ack {HOT.id} --note 'it is known'"),
    ],
)  # fmt: skip
async def test_a_proposal_has_its_exact_command_and_does_nothing(
    tool: str, given: dict[str, Any], command: str, slurm: MemorySlurm, tmp_path: Path
) -> None:
    """The words that would run, whom it hits, what undoes it; neither Slurm nor the desk was asked for anything."""
    one = _ground(slurm, tmp_path)
    proposal = await _proposal(one, tool, {**given, "why": " it is \n known "})

    assert (command,) == proposal.plan.shown
    assert ("proposed", "it is known") == (proposal.state, proposal.why)
    assert proposal.plan.hits
    assert proposal.plan.undo
    assert [] == slurm.acts
    assert not (tmp_path / "audit.jsonl").exists()


async def test_what_a_model_is_told_of_a_proposal(slurm: MemorySlurm, tmp_path: Path) -> None:
    """That nothing is done before the person's key, with command, blast radius and undo."""
    told = await seen(_ground(slurm, tmp_path), "propose_cancel", jobs=["812"], why="it idles")

    assert "proposed; nothing is done until the person presses the key" == told["status"]
    assert ["scancel 812"] == told["commands"]
    assert "12 GPUs" in told["hits"][0]
    assert told["severe"] is True


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("propose_cancel", {"jobs": ["812"]}),
        ("propose_drain", {"nodes": ["gpu-01"], "reason": "x"}),
        ("propose_submit", {"script": SCRIPT}),
        ("propose_silence", {"alert": HOT.id, "lasts": "2h"}),
        ("propose_acknowledge", {"alerts": [HOT.id]}),
    ],
)
async def test_a_read_only_run_proposes_nothing(
    tool: str, given: dict[str, Any], slurm: MemorySlurm, tmp_path: Path
) -> None:
    """By the settings, and by how Slurm was opened."""
    one = _ground(slurm, tmp_path)
    assert "read-only run" in await refusal(_ground(slurm, tmp_path, read_only=True), tool, **given, why="x")
    strict = replace(one, settings=Settings(screen=Screen(read_only=True)))
    assert "read-only run" in await refusal(strict, tool, **given, why="x")


async def test_without_slurm_or_a_desk_nothing_is_proposed() -> None:
    """It says who would be needed."""
    one = ground(slurm_fleet(), now=NOW)
    assert "no way to Slurm" in await refusal(one, "propose_hold", jobs=["831"], why="x")
    assert "nobody evaluates alert rules" in await refusal(one, "propose_silence", alert="a-1", lasts="2h", why="x")


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("propose_cancel", {"jobs": ["812", "99999"]}, "not in Slurm's queue: 99999"),
        ("propose_cancel", {"jobs": ["812; rm -rf /"]}, "is no job id"),
        ("propose_cancel", {"jobs": ["--user=ana"]}, "is no job id"),
        ("propose_drain", {"nodes": ["gpu-99"], "reason": "x"}, "there is no node 'gpu-99'"),
        ("propose_drain", {"nodes": ["gpu-[01-99]"], "reason": "x"}, "Slurm lists no node"),
        ("propose_drain", {"nodes": ["gpu-01"], "reason": "\u202e"}, "say why"),
        ("propose_submit", {"script": "rm -rf /"}, "begins with #!"),
        ("propose_submit", {"script": "#!/bin/sh\necho \u202eok"}, "would not see"),
        ("propose_submit", {"script": SCRIPT, "options": ["--wrap=rm"]}, "--wrap"),
        ("propose_silence", {"alert": "a-unknown", "lasts": "2h"}, "there is no alert"),
        ("propose_silence", {"alert": 'alertname=~".*"', "lasts": "2h"}, "at least one label with ="),
        ("propose_silence", {"alert": HOT.id, "lasts": "400d"}, "at the most"),
        ("propose_silence", {"alert": HOT.id, "lasts": "forever"}, "is not a span of time"),
        ("propose_acknowledge", {"alerts": ["a-unknown"]}, HOT.id),
    ],
)
async def test_what_may_not_be_is_not_proposed(
    tool: str, given: dict[str, Any], said: str, slurm: MemorySlurm, tmp_path: Path
) -> None:
    """What was made up, what is an option in disguise, what a reader would not see, what would mute everything."""
    assert said in await refusal(_ground(slurm, tmp_path), tool, **given, why="x")


async def test_of_a_past_moment_the_plan_is_of_now(slurm: MemorySlurm, tmp_path: Path) -> None:
    """What is proposed is done to the cluster as it is, whatever moment was asked about."""
    one = _ground(slurm, tmp_path)
    feed_of(one).past[0.0] = replace(slurm_fleet(), slurm=None)

    assert ("scancel 812",) == (
        await _proposal(replace(one, at=NOW - 3600), "propose_cancel", {"jobs": ["812"], "why": "x"})
    ).plan.shown


def test_jobs_of_memory_are_the_real_ones(slurm: MemorySlurm, tmp_path: Path) -> None:
    """The stand-in is a runner under the real verbs."""
    assert isinstance(slurm.jobs(tmp_path), Jobs)
