"""A person's yes or no to what was proposed: the only way from a conversation to the cluster.

Nothing that a model says leads here; a front end calls it when a key was pressed. A proposal is done once, whatever
screen it is seen on: who does it claims it in the store first, and what cannot be written down is not done. What it
would hit is looked up again at that moment; where it is something else by now, the person is asked anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from app.agent.door import inside
from app.agent.ground import Ground
from app.agent.replanning import changes, replanned
from app.agent.wishes import ALERT_VERBS, meet
from app.domain.chat import Proposal
from app.domain.job_actions import Outcome, Plan
from app.services.action_targets import ActionError
from app.services.jobs import READ_ONLY
from app.store.alive import own_name
from app.store.chat_rows import Decision, decided

NO_SLURM = "nothing was done: there is no way to Slurm from here; type the command yourself"
LONGEST_OUTCOME = 1000
Audit = Callable[[Mapping[str, Any]], None]


class Decisions(Protocol):
    """Where it is written down what becomes of proposals (`app.store.chats`)."""

    async def decide(self, conversation: str, proposal: str, decision: Decision) -> bool:
        """Write it down; False: somebody was there before. Raises OSError where that cannot be done."""

    async def decision(self, conversation: str, proposal: str) -> Decision | None:
        """What became of one. Raises OSError where it cannot be read."""


class Consent:
    """Does what a person has said yes to."""

    def __init__(self, ground: Ground, decisions: Decisions, audit: Audit, *, read_only: bool = False) -> None:
        """`ground` is the cluster as it is now; `audit` writes one fact down and raises OSError where it cannot."""
        self._ground = ground
        self._decisions = decisions
        self._audit = audit
        self._read_only = read_only or ground.settings.screen.read_only

    async def approve(self, conversation: str, proposal: Proposal) -> Proposal:
        """Do it, and give it with its outcome.

        Still `proposed` with an outcome: nothing was done, and the outcome says why; where what it hits has changed,
        it comes with its plan of now, to be shown before it is approved again.
        """
        jobs = self._ground.jobs
        if self._read_only or (jobs is not None and jobs.read_only):
            return replace(proposal, outcome=READ_ONLY)
        try:
            stands = await self._decisions.decision(conversation, proposal.id)
            if stands is not None and stands.state != "proposed":
                return decided(proposal, stands, self._now())
            now = await replanned(proposal.plan, self._ground)
            if changed := changes(proposal.plan, now):
                return await self._ask_anew(conversation, replace(proposal, plan=now), changed)
            return await self._do(conversation, proposal)
        except ActionError as error:
            return replace(proposal, outcome=inside(f"nothing was done: {error}", LONGEST_OUTCOME))
        except OSError as error:
            text = f"nothing was done: it cannot be written down that you said yes ({error})"
            return replace(proposal, outcome=inside(text, LONGEST_OUTCOME))

    async def decline(self, conversation: str, proposal: Proposal) -> Proposal:
        """Leave it undone, for good."""
        decision = Decision("declined", own_name(), self._now())
        try:
            if not await self._decisions.decide(conversation, proposal.id, decision):
                return decided(proposal, await self._decisions.decision(conversation, proposal.id), self._now())
            await self._note("declined", conversation, proposal)
        except OSError:
            pass  # nothing is done either way
        return replace(proposal, state="declined")

    async def _ask_anew(self, conversation: str, proposal: Proposal, changed: str) -> Proposal:
        outcome = inside(f"nothing was done, since {changed}: look at it again", LONGEST_OUTCOME)
        decision = Decision("proposed", own_name(), self._now(), outcome, proposal.plan)
        await self._decisions.decide(conversation, proposal.id, decision)
        await self._note("changed", conversation, proposal, {"why": changed})
        return replace(proposal, outcome=outcome)

    async def _do(self, conversation: str, proposal: Proposal) -> Proposal:
        """Claim it, write down that it was approved, do it, write down what came of it. Raises OSError before it is."""
        claim = Decision("doing", own_name(), self._now(), plan=proposal.plan)
        if not await self._decisions.decide(conversation, proposal.id, claim):
            return decided(proposal, await self._decisions.decision(conversation, proposal.id), self._now())
        try:
            await self._note("approved", conversation, proposal)
        except OSError:
            await self._conclude(conversation, proposal, Outcome(False, "nothing was done: the log takes nothing"))
            raise
        try:
            outcome = await self._perform(proposal.plan)
        except BaseException:
            unknown = Outcome(False, "interrupted: it is not known whether it was done")
            await asyncio.shield(self._conclude(conversation, proposal, unknown))
            raise
        return await asyncio.shield(self._conclude(conversation, proposal, outcome))

    async def _perform(self, plan: Plan) -> Outcome:
        if plan.verb in ALERT_VERBS:
            return await meet(plan, self._ground)
        if self._ground.jobs is None:
            return Outcome(False, NO_SLURM)
        if plan.verb == "submit":
            return await self._submit(plan)
        return await self._ground.jobs.perform(plan)

    async def _submit(self, plan: Plan) -> Outcome:
        assert self._ground.jobs is not None, "the caller looked"  # noqa: S101 - for the type checker
        given = plan.commands[0][2:] if plan.commands else ()
        return await self._ground.jobs.submit(plan.stdin, given, origin="chat")

    async def _conclude(self, conversation: str, proposal: Proposal, outcome: Outcome) -> Proposal:
        """Write down what came of it; a disk that is full by now changes nothing that was done."""
        told = inside("\n".join((outcome.text, *outcome.details[:10])), LONGEST_OUTCOME)
        made = replace(proposal, state="done" if outcome.ok else "failed", outcome=told)
        decision = Decision(made.state, own_name(), self._now(), told, proposal.plan)
        try:
            await self._decisions.decide(conversation, proposal.id, decision)
            await self._note("outcome", conversation, made, {"ok": outcome.ok, "text": told})
        except OSError as error:
            return replace(made, outcome=inside(f"{told}\nit could not be written down ({error})", LONGEST_OUTCOME))
        return made

    async def _note(
        self, fact: str, conversation: str, proposal: Proposal, more: Mapping[str, Any] | None = None
    ) -> None:
        plan = proposal.plan
        told = {"verb": plan.verb, "targets": list(plan.targets[:200]), "commands": list(plan.shown[:50])}
        about = {"at": round(self._now(), 3), "fact": fact, "conversation": conversation, "id": proposal.id}
        await asyncio.to_thread(self._audit, {**about, **told, "summary": plan.summary, **(more or {})})

    def _now(self) -> float:
        return self._ground.feed.now()
