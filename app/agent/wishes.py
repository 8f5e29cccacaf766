"""Alerts' verbs as plans: silence, end a silence, acknowledge. The command shown is the one a person would type."""

from __future__ import annotations

from collections.abc import Sequence

from app.agent.ground import Ground
from app.domain.job_actions import Outcome, Plan
from app.domain.times import parse_span
from app.services.alerting import AlertingError

ALERT_VERBS = ("silence", "acknowledge", "end silence")
NO_DESK = "nothing was done: nobody evaluates alerts here"


async def meet(plan: Plan, ground: Ground) -> Outcome:
    """Do a plan about alerts. Never raises for what the desk says."""
    desk = ground.feed.desk()
    if desk is None:
        return Outcome(False, NO_DESK)
    by = ground.user or "chat"
    try:
        match plan.verb:
            case "silence":
                lasts_s = parse_span(option(plan, "--for", "1h"))
                silence = await desk.silence(matchers(plan), lasts_s, by, option(plan, "--note"))
                return Outcome(True, f"silenced; `gpu-watchdog alerts unsilence {silence.get('id', '')}` ends it")
            case "acknowledge":
                for one in plan.targets:
                    await desk.ack(one, by, option(plan, "--note"))
                return Outcome(True, f"acknowledged: {', '.join(plan.targets)}")
            case "end silence":
                for one in plan.targets:
                    await desk.end_silence(one)
                return Outcome(True, f"ended: {', '.join(plan.targets)}")
            case _:
                return Outcome(False, f"nothing was done: {plan.verb} is not done to alerts from here")
    except (AlertingError, ValueError) as error:
        return Outcome(False, f"nothing was done: {error}")


def option(plan: Plan, name: str, missing: str = "") -> str:
    """The value of an option in a plan's command: `--for 2h`, `--for=2h`."""
    words: Sequence[str] = plan.commands[0] if plan.commands else ()
    for number, word in enumerate(words):
        if word == name and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(f"{name}="):
            return word[len(name) + 1 :]
    return missing


def matchers(plan: Plan) -> str:
    """What a silence fits, as the command has it: `gpu-watchdog alerts silence WORD… --for 2h --note TEXT`."""
    words = list(plan.commands[0]) if plan.commands else []
    start = words.index("silence") + 1 if "silence" in words else 0
    found, is_value = [], False
    for word in words[start:]:
        if is_value:
            is_value = False
        elif word in {"--for", "--note"}:
            is_value = True
        elif not word.startswith("--"):
            found.append(word)
    return ", ".join(found)
