"""Routes that act on jobs and nodes: with the caller's own slurmrestd token, for this one call, never as the daemon.

The token comes in a header, is shown to slurmrestd and to nobody else, and is neither kept nor written down.
"""

from __future__ import annotations

from typing import Any

from app.api.hall import Hall
from app.api.params import path
from app.api.row import Call, Param, RefusedError, Reply, Row, json_reply
from app.config.secret import Secret
from app.domain.job_actions import JOB_VERBS, NODE_VERBS, ActionVerb, Outcome, Plan
from app.services import actions
from app.services.action_targets import ActionError
from app.services.guest_slurm import GuestError, guest_access
from app.services.jobs import Jobs
from app.transport.clock import SystemClock

TOKEN, USER = "x-slurm-user-token", "x-slurm-user-name"
DONE, NOT_DONE = 200, 409


async def on_job(hall: Hall, call: Call) -> Reply:
    """Do something to a job with the caller's own slurmrestd token; `dry_run` only shows what would be done."""
    return await _act(hall, call, call.text("id"))


async def on_node(hall: Hall, call: Call) -> Reply:
    """Drain a node or give it back, with the caller's own slurmrestd token; `dry_run` only shows what would be done."""
    return await _act(hall, call, call.text("name"))


async def _act(hall: Hall, call: Call, target: str) -> Reply:
    token = call.text(TOKEN)
    if not token.isascii() or not token.isprintable() or not token:
        raise RefusedError(400, f"show your own slurmrestd token in {TOKEN}: `scontrol token` prints one")
    clock = SystemClock()
    user = call.text(USER)
    try:
        access = guest_access(hall.served.settings.slurm, Secret(token), user, hall.served.state_dir, clock)
        async with access as found:
            plan = _plan(hall, call, target, found.user)
            audit = hall.audit.of(call.caller, runs_as=found.user, where=found.where)
            jobs = Jobs(found, audit, clock.now)
            if call.body.get("dry_run"):
                return json_reply(_told(jobs, plan, Outcome(True, "nothing was done: this was a dry run"), is_dry=True))
            outcome = await jobs.perform(plan)
            return json_reply(_told(jobs, plan, outcome), DONE if outcome.ok else NOT_DONE)
    except (GuestError, ActionError) as error:
        raise RefusedError(NOT_DONE if isinstance(error, GuestError) else 400, str(error)) from error


def _plan(hall: Hall, call: Call, target: str, user: str) -> Plan:
    snapshot, body = hall.feed.latest(), call.body
    verb: ActionVerb = next(one for one in (*JOB_VERBS, *NODE_VERBS) if one == body["verb"])
    return actions.plan(
        verb,
        [target],
        snapshot.slurm,
        now=hall.feed.now(),
        user=user,
        reason=str(body.get("reason", "")),
        signal=str(body.get("signal", "")),
        minutes=None if body.get("minutes") is None else int(body["minutes"]),
        nice=None if body.get("nice") is None else int(body["nice"]),
    )


def _told(jobs: Jobs, plan: Plan, outcome: Outcome, *, is_dry: bool = False) -> dict[str, Any]:
    return {
        "schema": 1,
        "verb": plan.verb,
        "targets": list(plan.targets),
        "ok": outcome.ok,
        "text": outcome.text,
        "details": list(outcome.details),
        "commands": [list(words) for words in jobs.commands(plan)],
        "summary": plan.summary,
        "hits": list(plan.hits),
        "undo": plan.undo or None,
        "warnings": list(plan.warnings),
        "dry_run": is_dry,
    }


_HEADERS: tuple[Param, ...] = (
    Param(TOKEN, "text", "The caller's own token for slurmrestd.", "header", longest=8192, is_needed=True),
    Param(USER, "text", "The user it is for, where it does not say so itself.", "header", longest=64),
)
_DRY = Param("dry_run", "flag", "Show what would be done, and do nothing.")
_MINUTES, _NICE = 527_040, 2_147_483_645
ROWS: tuple[Row, ...] = (
    Row(
        "POST",
        "/api/jobs/{id}/actions",
        "act",
        on_job,
        (path("id", "Id of the job: 812, 820_3."), *_HEADERS),
        (
            Param("verb", "text", "What to do.", choices=JOB_VERBS, is_needed=True),
            Param("signal", "text", "For `signal`.", longest=20),
            Param("minutes", "whole", "For `extend`: how much longer.", least=-_MINUTES, most=_MINUTES),
            Param("nice", "whole", "For `nice`.", least=-_NICE, most=_NICE),
            _DRY,
        ),
        answer="action",
        fails=(409,),
    ),
    Row(
        "POST",
        "/api/nodes/{name}/actions",
        "act",
        on_node,
        (path("name", "Name of the node."), *_HEADERS),
        (
            Param("verb", "text", "What to do.", choices=("drain", "undrain"), is_needed=True),
            Param("reason", "text", "For `drain`: why.", longest=200),
            _DRY,
        ),
        answer="action",
        fails=(409,),
    ),
)
