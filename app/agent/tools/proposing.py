"""What all proposals share: a plan is made and nothing is done. Whoever shows it asks a person for a key."""

from __future__ import annotations

import secrets
from typing import Any

from app.agent.door import inside
from app.agent.ground import Ground
from app.agent.tools.told import lean
from app.agent.tools.tool import Found, ToolError
from app.domain.chat import Proposal
from app.domain.job_actions import Plan
from app.domain.slurm import SlurmPicture
from app.services.jobs import Jobs

NOTHING_DONE = "proposed; nothing is done until the person presses the key"
LONGEST_WHY = 500
_ID_BYTES = 4


def refuse_read_only(ground: Ground) -> None:
    """Raise ToolError in a run that does nothing."""
    if ground.settings.screen.read_only or (ground.jobs is not None and ground.jobs.read_only):
        raise ToolError("this is a read-only run (--read-only): nothing can be proposed; say what the person could do")


def slurm_of(ground: Ground) -> tuple[Jobs, SlurmPicture | None]:
    """Who would do it, and Slurm as it is now, whatever moment is asked about. Raises ToolError where none can be."""
    refuse_read_only(ground)
    if ground.jobs is None:
        raise ToolError("there is no way to Slurm here, so nothing can be done to jobs or nodes")
    return ground.jobs, ground.feed.latest().slurm


def proposed(ground: Ground, plan: Plan, why: str) -> Found:
    """A plan as a proposal, told whole."""
    proposal = Proposal(f"p-{secrets.token_hex(_ID_BYTES)}", plan, inside(" ".join(why.split()), LONGEST_WHY))
    data: dict[str, Any] = {
        "proposal": proposal.id,
        "status": NOTHING_DONE,
        "summary": plan.summary,
        "commands": list(plan.shown),
        "hits": list(plan.hits),
        "undo": plan.undo,
        "severe": plan.is_severe or None,
        "warnings": list(plan.warnings),
    }
    return Found(
        lean(data), f"proposed: {plan.summary}", ground.feed.now(), proposal, trim=("hits", "warnings", "commands")
    )
