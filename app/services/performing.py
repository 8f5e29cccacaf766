"""Doing a plan: its commands run one after the other, and what Slurm said of each told in plain words.

scancel says nothing and ends well for a job that is not there, so the queue is asked afterwards what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from app.domain.frozen import frozen
from app.domain.hostlist import compress
from app.domain.job_actions import Outcome, Plan
from app.domain.naming import clean
from app.domain.slurm import ENDED
from app.services.action_errors import MOST_DETAILS, Refusal, plain_words, refusal_of
from app.services.action_targets import JOB_ID
from app.services.slurm_access import SlurmAccess
from app.services.submitting import submitted_id
from app.sources.slurm.commands import SlurmCommands
from app.sources.slurm.trouble import SlurmError, words_of
from app.transport.process import Result

TIMEOUT_S = 30.0
"""Seconds a command that changes something may take: longer than slurmctld's own time-outs, since cutting it off would
leave it open whether it was done."""
_QUESTION_S = 10.0
_ROW = re.compile(r"^(?P<id>[\d_+\[\],%-]+) (?P<state>[A-Z_]+)")
_DONE: Mapping[str, str] = {
    "cancel": "cancelled", "hold": "held", "release": "released", "requeue": "requeued", "suspend": "suspended",
    "resume": "resumed", "top": "moved to the top:", "nice": "set the nice value of", "signal": "signalled",
    "extend": "changed the time limit of", "drain": "draining", "undrain": "given back:", "delete": "deleted",
    "submit": "submitted",
}  # fmt: skip


@frozen
class Answer:
    """What one command of a plan left."""

    words: tuple[str, ...]
    returncode: int
    said: tuple[str, ...]
    """Slurm's own lines of stderr, cleaned."""
    stdout: bytes = b""


async def carry_out(plan: Plan, access: SlurmAccess) -> Outcome:
    """Run a plan's commands as the user that the access is for."""
    commands = access.commands
    if commands is None:
        return Outcome(False, f"{plan.verb} needs Slurm's commands, here or through ssh; slurmrestd cannot do it")
    answers: list[Answer] = []
    for words in plan.commands:
        argv = commands.argv(words[0], *words[1:])
        try:
            result = await _run(plan, access, commands, argv)
        except SlurmError as error:
            told = outcome_of(plan, answers, access.user)
            so_far = f" ({len(answers)} of {len(plan.commands)} commands had run)" if answers else ""
            return Outcome(False, f"{plan.verb}: {error}{so_far}", told.details)
        answers.append(Answer(tuple(words), result.returncode, words_of(result.stderr), result.stdout))
    outcome = outcome_of(plan, answers, access.user)
    if outcome.ok and plan.verb in ("cancel", "signal"):
        return await _looked_after(plan, commands, outcome)
    return outcome


async def _run(plan: Plan, access: SlurmAccess, commands: SlurmCommands, argv: Sequence[str]) -> Result:
    """A submission runs in the user's own environment, which its job inherits; all else in the plain one."""
    if plan.verb == "submit" and access.runner is not None:
        own = SlurmCommands(access.runner)
        return await own.result(argv, TIMEOUT_S, stdin=plan.stdin.encode("utf-8", "surrogateescape"))
    return await commands.result(argv, TIMEOUT_S)


def outcome_of(plan: Plan, answers: Sequence[Answer], user: str) -> Outcome:
    """What the commands' answers mean together. Pure."""
    if plan.verb == "submit":
        return _submitted(answers, user)
    details = tuple(line for one in answers for line in one.said)[:MOST_DETAILS]
    refusals = [(one, found) for one in answers if (found := _refusal(one, user)) is not None]
    if not refusals:
        return Outcome(True, f"{_DONE[plan.verb]} {named(plan)}", details)
    failed = _failed(plan, refusals)
    why = "; ".join(dict.fromkeys(found.text for _, found in refusals))
    left = len(plan.targets) - len(failed)
    if left <= 0:
        return Outcome(False, f"{plan.verb} {named(plan)}: not done: {why}", details)
    which = ", ".join(failed[:8]) + ("…" if len(failed) > 8 else "")
    return Outcome(False, f"{_DONE[plan.verb]} {left} of {len(plan.targets)}; not {which}: {why}", details)


def named(plan: Plan) -> str:
    """What a plan acts on: `job 812`, `3 jobs`, `node gpu-1`."""
    kind = "node" if plan.verb in ("drain", "undrain", "delete") else "job"
    if len(plan.targets) == 1:
        return f"{kind} {plan.targets[0]}"
    listed = compress(plan.targets) if kind == "node" else ", ".join(plan.targets)
    return f"{len(plan.targets)} {kind}s" + (f": {listed}" if len(listed) <= 60 else "")


def _refusal(one: Answer, user: str) -> Refusal | None:
    """What a command said against it; a line that is known counts even where the status says that all is well."""
    if one.returncode == 0 and not any(plain_words(line, user) for line in one.said):
        return None
    silent = f"{one.words[0]} ended with status {one.returncode} and no word"
    return refusal_of(one.said, user) or Refusal(silent, (), is_known=False)


def _failed(plan: Plan, refusals: Iterable[tuple[Answer, Refusal]]) -> tuple[str, ...]:
    """The targets that were refused: those that Slurm names, else all of the command."""
    failed: dict[str, None] = {}
    for one, refusal in refusals:
        mine = [target for target in plan.targets if _is_in(target, one.words)] or list(plan.targets)
        named_here = [target for target in mine if any(_same_job(target, found) for found in refusal.ids)]
        failed.update(dict.fromkeys(named_here or mine))
    return tuple(failed)


def _is_in(target: str, words: Sequence[str]) -> bool:
    """Whether a command names this target; host lists are written short, and then all are taken to be in it."""
    return any(target in word.partition("=")[2].split(",") or target in word.split(",") for word in words)


def _same_job(target: str, found: str) -> bool:
    return target == found or target.partition("_")[0].partition("+")[0] == found


def _submitted(answers: Sequence[Answer], user: str) -> Outcome:
    answer = answers[-1]
    job_id = submitted_id(answer.stdout) if answer.returncode == 0 else None
    details = answer.said[:MOST_DETAILS]
    if job_id is not None:
        return Outcome(True, f"submitted job {job_id}", details, job_id)
    refusal = refusal_of(answer.said, user)
    if refusal is None:
        printed = clean(answer.stdout.decode("utf-8", "replace").strip(), 200)
        return Outcome(False, f"not submitted: sbatch ended with status {answer.returncode}: {printed or 'no word'}")
    return Outcome(False, f"not submitted: {refusal.text}", details)


async def _looked_after(plan: Plan, commands: SlurmCommands, outcome: Outcome) -> Outcome:
    """The outcome, corrected by what the queue says of the jobs now; as it was where the queue does not answer."""
    ids = ",".join(dict.fromkeys(one.partition("_")[0].partition("+")[0] for one in plan.targets))
    argv = commands.argv("squeue", "-h", "-a", "-r", "-t", "all", "-j", ids, "-o", "%i %T")
    try:
        result = await commands.result(argv, _QUESTION_S)
    except SlurmError:
        return outcome
    said = words_of(result.stderr)
    if not result.ok and not any("Invalid job id" in line for line in said):
        return outcome
    return corrected(plan, outcome, states_of(result.stdout))


def states_of(stdout: bytes) -> dict[str, str]:
    """State by id, from `squeue -o "%i %T"`."""
    rows = (_ROW.match(line.strip()) for line in stdout.decode("utf-8", "replace").splitlines())
    return {row["id"]: row["state"] for row in rows if row is not None}


def corrected(plan: Plan, outcome: Outcome, states: Mapping[str, str]) -> Outcome:
    """The outcome of a cancel or signal, in the light of the jobs' states afterwards. Pure."""
    unknown, ended = [], []
    for target in plan.targets:
        mine = [state for key, state in states.items() if _is_of(key, target)]
        if not mine:
            unknown.append(target)
        elif all(state in ENDED and state != "CANCELLED" for state in mine):
            ended.append(f"{target} ({mine[0]})")
    if not unknown and not ended:
        return outcome
    said = []
    if unknown:
        said.append(f"Slurm knows no job {', '.join(unknown[:8])}: it ended some time ago, or never was")
    if ended:
        said.append(f"had ended before: {', '.join(ended[:8])}")
    left = len(plan.targets) - len(unknown) - len(ended)
    done = f"{_DONE[plan.verb]} {left} of {len(plan.targets)}; " if left else ""
    return Outcome(False, done + "; ".join(said), outcome.details)


def _is_of(key: str, target: str) -> bool:
    """Whether a row of the queue is (of) a target: a whole array or heterogeneous job means all its rows."""
    if key == target:
        return True
    parts, row = JOB_ID.fullmatch(target), JOB_ID.fullmatch(key)
    if parts is None or row is None or parts["base"] != row["base"]:
        return False
    is_one = parts["task"] is not None or parts["part"] is not None
    return not is_one or row["tasks"] is not None
