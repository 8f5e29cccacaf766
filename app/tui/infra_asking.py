"""What a run asks before it changes anything, as the dialogue shows it; the answer goes back to the run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, cast

from app.domain.deployment import HEAD, InfraPlan
from app.domain.job_actions import InfraVerb, Outcome, Plan
from app.present.cells import line_text
from app.present.infra_plan import change_text, money_line, plan_state
from app.present.infra_view import Held, dollars, gpus_text, money
from app.present.look import Look
from app.tui.dialogue import Dialogue

if TYPE_CHECKING:
    from textual.app import App

    from app.services.deploy.plans import Question, Removal
    from app.tui.desk import Desk
    from app.tui.infra_runs import Run

_UNDO = "destroying it, which ends with the proof that nothing is left"


def put(desk: Desk, run: Run, held: Held | None) -> None:
    """Put a run's question before the person; anything but `y` is a no, and nothing is done."""
    question = run.question
    if question is None:
        return
    run.was_shown = True

    async def perform() -> Outcome:
        run.answer(yes=True)
        return Outcome(True, f"{run.name}: {run.doing}; the page infra shows how far it is")

    def closed(_: None) -> None:
        run.answer(yes=False)  # nothing where it was answered already

    plan = asked(question, run, held, desk.moment.look)
    cast("App[None]", desk).push_screen(Dialogue(plan, perform), closed)


def asked(question: Question, run: Run, held: Held | None, look: Look) -> Plan:
    """A question as the dialogue shows it."""
    if isinstance(question, InfraPlan):
        return _plan_asked(question, run, held, look)
    return _removal_asked(question, run, look)


def _plan_asked(plan: InfraPlan, run: Run, held: Held | None, look: Look) -> Plan:
    verb: InfraVerb = "deploy" if run.verb == "plan" else run.verb
    hits = tuple(change_text(one, look) for one in plan.changes)
    cost = " ".join(line_text(money_line(plan, look)).split())
    warnings: list[str] = []
    if plan.per_hour_after is None:
        warnings.append("a price is not known: the provider's bill is the truth")
    if held is not None and held.deployment.wish.ttl_s is None and held.deployment.wish.idle_s is None:
        warnings.append("no time to live is set: it is billed until you end it")
    if plan.drift:
        warnings.append(f"{len(plan.drift)} things were changed outside since the last run")
    what = line_text(plan_state(plan, look)) or "no change"
    return Plan(
        verb, (run.name,), (_command(run),), f"{verb} {run.name}: {what}; {cost}",
        hits or ("nothing at the provider; the steps on the pods go on",), _UNDO, warnings=tuple(warnings),
        is_severe=any(one.action in {"delete", "replace"} for one in plan.changes),
    )  # fmt: skip


def _removal_asked(removal: Removal, run: Run, look: Look) -> Plan:
    pods = tuple(
        f"{pod.name or pod.id}, {gpus_text(pod.gpus, pod.gpu_type, look.glyphs.times)}, {money(pod.cost_per_hour)}"
        for pod in removal.pods
    )
    fate = "waited for" if removal.how == "wait" else "cancelled"
    jobs = tuple(f"job {job} runs there and is {fate}" for job in removal.jobs)
    volumes = tuple(f"network volume {name or key} goes with them, and what is on it" for key, name in removal.volumes)
    what, undo = _words(removal)
    is_all = removal.why == "destroy" and removal.spent >= 0.005
    warnings = (f"{dollars(removal.spent)} was spent on it",) if is_all else ()
    return Plan(
        removal.why, (run.name,), (_command(run),), what,
        (*pods, *jobs, *volumes, *_turns(removal)) or ("no pod",), undo, is_severe=True, warnings=warnings,
    )  # fmt: skip


def _words(removal: Removal) -> tuple[str, str]:
    """What is done, with its money, and what undoes it."""
    nodes = ", ".join(removal.nodes) or f"{len(removal.pods)} pods"
    saved = money(-removal.per_hour, signed=True)
    match removal.why:
        case "destroy":
            return f"end all of {removal.name}: {saved}", "nothing undoes this"
        case "scale":
            return f"end {nodes}: {saved}", "scaling up again; what is on the pods is gone"
        case "replace":
            new = "a new pod is" if len(removal.nodes) == 1 else "new pods are"
            told = f"replace {nodes}: {money(removal.per_hour)} now, and {new} billed instead"
            return told, "nothing: a node comes back as another pod, without what was on this one"


def _turns(removal: Removal) -> tuple[str, ...]:
    """In which order nodes get other pods, and what the head takes with it."""
    if removal.why != "replace":
        return ()
    told = ["one after another: each is drained when the one before has joined"] if len(removal.nodes) > 1 else []
    if any(name.endswith(f"-{HEAD}") for name in removal.nodes):
        told.append("with the head go the queue and its waiting jobs; all jobs that run end first")
    return tuple(told)


def _command(run: Run) -> tuple[str, ...]:
    """What does the same without a screen."""
    return tuple(shlex.split(run.command or f"gpu-watchdog deploy {run.name}"))
