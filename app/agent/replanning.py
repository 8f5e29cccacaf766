"""A plan made again for the moment at which it is approved, and whether it would do something else by now."""

from __future__ import annotations

import re

from app.agent.ground import Ground
from app.agent.tools.tool import ToolError
from app.agent.wishes import ALERT_VERBS, matchers, option
from app.domain.job_actions import JOB_VERBS, NODE_VERBS, Plan
from app.services.action_targets import ActionError
from app.services.actions import plan as decided

_SPAN = re.compile(r" for \d+ (?:s|min|h|d)(?: \d+ (?:min|h))?(?= |$)")
"""How long a job has run, which changes by itself."""
_REASON = re.compile(r"Reason=(.*)", re.DOTALL)


async def replanned(plan: Plan, ground: Ground) -> Plan:
    """The same action on the cluster as it is now. Raises ActionError where it can no longer be done."""
    if plan.verb in ALERT_VERBS:
        return await _alert_plan(plan, ground)
    if plan.verb == "submit":
        return plan
    if plan.verb not in JOB_VERBS and plan.verb not in NODE_VERBS:
        raise ActionError(f"{plan.verb} is not done from a conversation")
    found = next((match[1] for words in plan.commands for word in words if (match := _REASON.fullmatch(word))), "")
    picture = ground.feed.latest().slurm
    user = ground.jobs.user if ground.jobs is not None else ground.user
    return decided(plan.verb, plan.targets, picture, now=ground.feed.now(), user=user, reason=found)


async def _alert_plan(plan: Plan, ground: Ground) -> Plan:
    """The same wish about the alerts there are now, planned as it was when it was proposed."""
    from app.agent.tools.proposing_alerts import propose_acknowledge, propose_silence  # noqa: PLC0415 - late: for wishes

    note = option(plan, "--note")
    try:
        if plan.verb == "acknowledge":
            found = await propose_acknowledge(ground, list(plan.targets), note)
        elif plan.verb == "silence":
            found = await propose_silence(ground, matchers(plan), option(plan, "--for", "1h"), note)
        else:
            known = {one.id for one in ground.feed.alerts().silences}
            gone = [one for one in plan.targets if one not in known]
            if gone:
                raise ActionError(f"there is no silence {', '.join(gone[:5])} any more")
            return plan
    except ToolError as error:
        raise ActionError(str(error)) from error
    return found.proposal.plan if found.proposal is not None else plan


def changes(before: Plan, now: Plan) -> str:
    """Why a plan is no longer what the person saw, for a person; empty where it is. Time that passes is no change."""
    if before.commands != now.commands:
        return "its command would be another by now"
    if before.verb in ALERT_VERBS:  # the text of an alert has its value in it, which changes by itself
        was, are = (frozenset(" ".join(line.split()[:2]) for line in plan.hits) for plan in (before, now))
    else:
        was, are = _timeless(before.hits), _timeless(now.hits)
    if was != are:
        more, less = sorted(are - was), sorted(was - are)
        told = [f"now also: {'; '.join(more[:3])}"] if more else []
        told += [f"no longer: {'; '.join(less[:3])}"] if less else []
        return f"what it hits has changed ({', '.join(told)})"
    if fresh := sorted(_timeless(now.warnings) - _timeless(before.warnings)):
        return f"there is something to know first ({'; '.join(fresh[:3])})"
    return "it is graver than it was" if now.is_severe and not before.is_severe else ""


def _timeless(lines: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_SPAN.sub("", line) for line in lines)
