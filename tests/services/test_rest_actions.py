"""Plans through slurmrestd: the same wishes as requests, and what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from app.domain.job_actions import Outcome, Plan
from app.services.actions import plan
from app.services.audit import Actor, Audit
from app.services.jobs import Jobs
from app.services.rest_actions import Call, calls_of, errors_in, shown
from app.services.slurm_access import SlurmAccess
from app.services.submitting import plan_submit
from app.sources.slurm.rest import SlurmRest
from app.sources.slurm.trouble import SlurmError
from tests.engine.slurm_builders import NOW, job, node, picture

LAB = picture(nodes=[node("gpu-1"), node("pod-1", state="DOWN", flags=("DYNAMIC_NORM", "NOT_RESPONDING"))])


def wish(verb: str, *targets: str, **more: Any) -> Plan:  # noqa: ANN401 - keywords of a plan
    """A plan."""
    return plan(cast("Any", verb), targets, LAB, now=NOW, **more)


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [
        (wish("cancel", "812", "820_3"), [Call("DELETE", "job/812"), Call("DELETE", "job/820_3")]),
        (wish("signal", "812", signal="USR1"), [Call("DELETE", "job/812?signal=USR1")]),
        (wish("hold", "812"), [Call("POST", "job/812", {"hold": True})]),
        (wish("release", "812"), [Call("POST", "job/812", {"hold": False})]),
        (wish("nice", "812", nice=7), [Call("POST", "job/812", {"nice": 7})]),
        (wish("extend", "812", minutes=-5), [Call("POST", "job/812", {}, -5)]),
        (
            wish("drain", "gpu-1", reason='a "b"'),
            [Call("POST", "node/gpu-1", {"state": ["DRAIN"], "reason": "a 'b'"})],
        ),
        (wish("undrain", "gpu-1"), [Call("POST", "node/gpu-1", {"state": ["RESUME"]})]),
        (wish("delete", "pod-1"), [Call("DELETE", "node/pod-1")]),
    ],
    ids=lambda value: value.verb if isinstance(value, Plan) else "",
)
def test_requests(wanted: Plan, calls: list[Call]) -> None:
    """One a target."""
    assert calls == [call for _, call in calls_of(wanted, 42) or ()]


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        (wish("requeue", "812"), 45),
        (wish("suspend", "812"), 45),
        (wish("top", "812"), 45),
        (wish("signal", "812", signal="USR1", whole=True), 45),
        (plan_submit("#!/bin/sh\n", ()), 45),
        (wish("hold", "812"), 38),
        (wish("nice", "812", nice=7), 38),
        (wish("drain", "gpu-1", reason="x"), 38),
    ],
    ids=lambda value: value.verb if isinstance(value, Plan) else str(value),
)
def test_what_slurmrestd_cannot_do(wanted: Plan, version: int) -> None:
    """Not in its interface, or not safe in that version: no request is made of it."""
    assert calls_of(wanted, version) is None


def test_requests_are_shown_as_they_are() -> None:
    """In place of the commands, with the version that is served."""
    assert (("POST", "/slurm/v0.0.42/job/812", '{"hold": true}'),) == shown(wish("hold", "812"), "v0.0.42")
    assert (("POST", "/slurm/v0.0.42/job/812", '{"time_limit": "+60 min"}'),) == shown(
        wish("extend", "812", minutes=60), "v0.0.42"
    )
    assert () == shown(wish("hold", "812"), None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"errors": []}', ()),
        (b"", ()),
        (b'{"errors": [{"error": "Invalid user id", "source": "update"}]}', ("Invalid user id: update",)),
        (b'{"errors": [{"error_number": 2017}]}', ("error 2017",)),
        (
            b'{"errors": [], "status": [{"error": {"code": 2002, "message": "Access/permission denied"}}]}',
            ("Access/permission denied",),
        ),
        (
            b'{"status": [{"error": {"code": 0, "message": "No error"}}], "results": [{"error_code": 0}]}',
            (),
        ),
        (b'{"results": [{"error_code": 2010, "error": "Invalid user id", "why": ""}]}', ("Invalid user id",)),
        (b'{"status": null, "results": {}, "errors": "x"}', ()),
        (b"[]", ()),
        (b"<html>", ("slurmrestd answers with something that is no JSON",)),
        (b'{"errors": ["\\u001b[31mx"]}', ("[31mx",)),
    ],
)
def test_errors_in_a_good_answer(answer: bytes, said: tuple[str, ...]) -> None:
    """Status 200 may hold errors."""
    assert said == errors_in(answer)


class FakeRest:
    """Answers as slurmrestd does, and remembers what it was asked."""

    where, version = "unix:///run/rest.sock", "v0.0.42"

    def __init__(self, jobs: Mapping[str, Mapping[str, object]], error: str = "") -> None:
        self.jobs = jobs
        self.error = error
        self.asked: list[tuple[str, str, object]] = []

    def user(self) -> str:
        return "ana"

    async def get(self, path: str, timeout_s: float) -> bytes:
        return await self.request("GET", path, timeout_s)

    async def request(
        self, method: str, path: str, timeout_s: float, body: Mapping[str, object] | None = None, api: str = "slurm"
    ) -> bytes:
        self.asked.append((method, path, body))
        if method != "GET" and self.error:
            raise SlurmError("denied", self.error, (self.error,))
        found = self.jobs.get(path.removeprefix("job/"))
        return json.dumps({"jobs": [found] if found else [], "errors": []}).encode()


def jobs_by(rest: FakeRest, state: Path) -> Jobs:
    """Slurm's verbs over a stand-in of slurmrestd."""
    access = SlurmAccess("rest", rest.where, "ana", rest=cast("SlurmRest", rest))
    return Jobs(access, Audit(state, Actor("ana", 1000)), lambda: NOW)


RUNS = {"job_id": 812, "job_state": ["RUNNING"], "time_limit": {"set": True, "infinite": False, "number": 60}}
OVER = {"job_id": 813, "job_state": ["COMPLETED"]}


async def test_a_limit_is_read_before_it_is_changed(tmp_path: Path) -> None:
    """Slurmrestd takes whole limits only."""
    rest = FakeRest({"812": RUNS})
    outcome = await jobs_by(rest, tmp_path).perform(wish("extend", "812", minutes=30))

    assert Outcome(True, "extend job 812: done") == outcome
    body = {"time_limit": {"set": True, "infinite": False, "number": 90}}
    assert [("GET", "job/812", None), ("POST", "job/812", body)] == rest.asked


async def test_a_job_that_is_not_there_or_over_is_told(tmp_path: Path) -> None:
    """Newer versions say nothing when they are told to end one."""
    rest = FakeRest({"812": RUNS, "813": OVER})
    outcome = await jobs_by(rest, tmp_path).perform(wish("cancel", "812", "813", "999"))

    assert (
        "cancel: 1 of 3 done; not 813: it has ended already; "
        "999: Slurm knows no such job: it ended some time ago, or never was"
    ) == outcome.text
    assert [("DELETE", "job/812", None)] == [one for one in rest.asked if one[0] == "DELETE"]


async def test_a_refusal_is_told_in_plain_words(tmp_path: Path) -> None:
    """As with the commands."""
    rest = FakeRest({}, error="Invalid user id: Failure to update node gpu-1")
    outcome = await jobs_by(rest, tmp_path).perform(wish("drain", "gpu-1", reason="x"))

    assert "drain: 0 of 1 done; not gpu-1: Slurm lets only its operators" in outcome.text


async def test_what_it_cannot_do_says_what_it_needs(tmp_path: Path) -> None:
    """And asks nothing."""
    rest = FakeRest({"812": RUNS})
    outcome = await jobs_by(rest, tmp_path).perform(wish("requeue", "812"))

    assert "requeue job 812: slurmrestd cannot do it: it needs Slurm's commands" in outcome.text
    assert [] == rest.asked


async def test_a_job_in_full_without_commands(tmp_path: Path) -> None:
    """Its record by slurmrestd; scripts are said not to be had."""
    record = {
        **RUNS,
        "current_working_directory": "/home/ana",
        "standard_output": "%j.txt",
        "name": "x\x1b[2J",
        "hold": False,
    }
    detail = await jobs_by(FakeRest({"812": record}), tmp_path).detail(job(812))

    assert "/home/ana/812.txt" == detail.stdout
    assert ("x[2J", "60", "RUNNING") == tuple(detail.fields[key] for key in ("name", "time_limit", "job_state"))
    assert detail.script is None
    assert "slurmrestd does not give scripts" in detail.script_note
