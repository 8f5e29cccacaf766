"""How a run of `deploy` ended: the exit code, and what is printed: what came of it, what is billed, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from app.cli.command import PROGRAM, Context
from app.cli.errors import BILLED, BUSY, FOUND, INTERRUPTED, NOT_DONE, OK, UNAVAILABLE, USAGE
from app.domain.deployment import Billing, Deployment, InfraPlan, State, Trouble, replacing
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.present.cells import tidy, wrap
from app.present.infra_view import dollars
from app.present.units import format_money
from app.services.deploy.plans import Proof
from app.services.queries_deploy import SCHEMA, deployment_json, plan_json, proof_json, trouble_json

CODES = {
    **dict.fromkeys(("bad_wish", "wish_differs", "which_one", "unknown_log"), USAGE),
    **dict.fromkeys(("held", "terraform_locked"), BUSY),
    **dict.fromkeys(
        (
            "no_key",
            "no_terraform",
            "terraform_version",
            "no_ssh",
            "no_ssh_key",
            "no_such",
            "no_such_node",
            "not_formed",
            "no_pods",
        ),
        UNAVAILABLE,
    ),
}
"""Exit code by the code of a trouble, where it says more than whether something is billed."""
MOST_DETAILS = 20


@frozen
class Ending:
    """What came of one run."""

    verb: str
    name: str
    deployment: Deployment | None = None
    """As it was written down last; None: it has no record."""
    log: str = ""
    """Path of its log; empty: there is none."""
    trouble: Trouble | None = None
    proof: Proof | None = None
    plan: InfraPlan | None = None
    is_declined: bool = False
    is_interrupted: bool = False
    others: tuple[Deployment, ...] = ()
    """All there are, where it is not clear which one was meant."""

    @property
    def billing(self) -> Billing:
        """What is paid for."""
        if self.deployment is not None:
            return self.deployment.billing
        return Billing(per_hour=sum(one.billing.per_hour for one in self.others))

    @property
    def code(self) -> int:
        """The exit code."""
        if self.is_interrupted:
            return INTERRUPTED
        if self.is_declined:
            return NOT_DONE
        if self.trouble is not None:
            return CODES.get(self.trouble.code, BILLED if self.billing.per_hour > 0 else FOUND)
        if self.proof is not None and not self.proof.is_clean:
            return BILLED if self.proof.left else FOUND
        return OK


def print_ending(ending: Ending, context: Context, *, as_json: bool) -> int:
    """Print it and return the exit code: what came of it on stdout, what went wrong on stderr."""
    now = context.clock()
    if as_json:
        context.output.json_line(result_json(ending, now))
        return ending.code
    try:
        for text in trouble_words(ending, now, context.output.note_size()[0] if context.output.has_reader else 0):
            context.output.note(text)
    except OSError as error:  # the terminal went away: that ends a run, too, and the log has it all
        raise BrokenPipeError from error
    output = context.output
    width = output.size()[0] if output.is_terminal else 0
    output.lines([part for text in outcome_words(ending, now) for part in _outcome(text, width)])
    return ending.code


def result_json(ending: Ending, now: float) -> dict[str, object]:
    """The last object of `--json`."""
    one = ending.deployment
    return {
        "schema": SCHEMA,
        "kind": "result",
        "verb": ending.verb,
        "name": ending.name,
        "ok": ending.code == OK,
        "exit_code": ending.code,
        "interrupted": ending.is_interrupted,
        "declined": ending.is_declined,
        "deployment": deployment_json(one, now) if one is not None else None,
        "trouble": trouble_json(ending.trouble),
        "proof": proof_json(ending.proof),
        "plan": plan_json(ending.plan) if ending.plan is not None else None,
        "log": ending.log or None,
    }


def trouble_words(ending: Ending, now: float, width: int = 0) -> list[str]:
    """What happened, what is billed, what to do; wrapped to a terminal's width, 0: not at all."""
    if ending.is_declined:
        return ["nothing was done"]
    trouble = ending.trouble
    if trouble is None and not ending.is_interrupted:
        return []
    name = f"{PROGRAM} deploy {ending.name}"
    lines = []
    if trouble is not None:
        at = f" at `{trouble.step.value}`" if trouble.step is not None else ""
        where = f"{trouble.node}: " if trouble.node and trouble.node not in trouble.what else ""
        head = f"{ending.name} stopped{at}: " if ending.name else ""
        lines += _wrapped(f"{PROGRAM} deploy: {head}{tidy(where + trouble.what, 1000)}", width, "")
        for text in trouble.details[-MOST_DETAILS:]:
            lines += _wrapped(tidy(text, 300), width, "    ", "      ")
    else:
        lines.append(f"{PROGRAM} deploy: {ending.name} was interrupted")
    again = f"`{name}` goes on; `{name} --destroy` ends all of it"
    billed = billed_words(ending.deployment, now) if ending.deployment else billed_of_all(ending.others)
    lines += _wrapped(billed, width, "  billed  ")
    lines += _wrapped(tidy(trouble.next, 1000) if trouble is not None else again, width, "  do      ")
    return [*lines, *([f"  log     {ending.log}"] if ending.log else [])]


def _outcome(text: str, width: int) -> list[str]:
    """A line of what came of it; what stands indented is a label and a command, and hangs behind its label."""
    label = text[:11] if text.startswith("  ") else ""
    return _wrapped(text[len(label) :], width, label)


def _wrapped(text: str, width: int, label: str, hang: str = "") -> list[str]:
    """A text behind its label, in lines of at most `width` columns; 0: in one."""
    hang = hang or " " * len(label)
    parts = wrap(text, max(20, width - len(hang) - 1)) if width else (text,)
    return [f"{hang if number else label}{part}" for number, part in enumerate(parts or ("",))]


def billed_of_all(all_of: Sequence[Deployment]) -> str:
    """`$4.14/h for lab, big`, or nothing."""
    billed = [one for one in all_of if one.billing.per_hour > 0]
    if not billed:
        return "nothing"
    return f"{format_money(sum(one.billing.per_hour for one in billed))} for {', '.join(one.name for one in billed)}"


def billed_words(one: Deployment, now: float) -> str:
    """`$1.38/h for lab-head, lab-w1; $0.04 so far`."""
    spent = one.billing.until(now)
    so_far = f"; {dollars(spent)} so far" if spent >= 0.005 else ""
    if one.billing.per_hour <= 0:
        return f"nothing now{so_far}"
    names = [node.name for node in one.nodes if node.pod_id]
    named = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return f"{format_money(one.billing.per_hour)}{f' for {named}' if named else ''}{so_far}"


def outcome_words(ending: Ending, now: float) -> list[str]:
    """What came of it, where something did."""
    if ending.proof is not None:
        return proof_words(ending.proof)
    one = ending.deployment
    if ending.code != OK or one is None or ending.plan is not None:
        return []
    if one.state is not State.READY:
        return [f"{one.name}: {one.state.value}; billed: {billed_words(one, now)}"]
    gpus = sum(node.offer.gpus for node in one.nodes)
    nodes = f"{len(one.nodes)} node{'s' if len(one.nodes) != 1 else ''}"
    paid = f"{format_money(one.billing.per_hour)}, {dollars(one.billing.until(now))} so far"
    lines = [f"{one.name} is ready: {nodes}, {gpus} GPU{'s' if gpus != 1 else ''}; {paid}"]
    lines += [
        f"  screen   {PROGRAM}",
        f"  log in   {PROGRAM} deploy {one.name} --ssh head",
        f"  end it   {PROGRAM} deploy {one.name} --destroy",
    ]
    rest = one.to_replace
    if rest:
        named = ", ".join(node.name for node in rest)
        lines.append(f"  rest     {named}: still to be replaced; `{replacing(one.name, rest)}` goes on")
    return lines


def proof_words(proof: Proof) -> list[str]:
    """That nothing is left, or what is."""
    ended = f"{len(proof.ended)} pod{'s' if len(proof.ended) != 1 else ''} ended"
    lines = []
    if proof.is_clean:
        looks = f"the provider was asked {len(proof.looks)} times for pods called {proof.prefix}…"
        lines.append(f"{proof.name} is destroyed: {ended}; {looks}, the last three found none")
    elif proof.left:
        lines.append(f"{proof.name} is NOT wholly destroyed: {ended}, and these are still there:")
        lines += [
            f"  {clean(pod.name, 80)}  {clean(pod.id, 40)}  {format_money(pod.cost_per_hour)}" for pod in proof.left
        ]
    else:
        lines.append(f"{proof.name}: {ended}, but the provider could not be asked often enough to prove it")
    lines.append(f"  cost     {dollars(proof.spent)} by our own clock; the provider's bill is the truth")
    lines += [f"  deleted  network volume {clean(volume, 60)}" for volume in proof.volumes_deleted]
    for volume, name in proof.volumes_kept:
        told = f"network volume {clean(name, 80)} ({clean(volume, 60)}) stays and is billed"
        lines.append(f"  kept     {told}; `{PROGRAM} deploy {proof.name} --destroy --delete-volume` ends it")
    return lines
