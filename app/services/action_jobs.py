"""What can be done to jobs: one row a verb, with its command, what it does not fit, and what undoes it. Pure.

Sources: scancel(1), scontrol(1) from 21.08 to 26.05. `scontrol` takes several ids in one word, between commas; an id
with a bracket of tasks holds commas itself and gets a command of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from app.domain.frozen import frozen
from app.domain.job_actions import JobVerb
from app.domain.slurm import SlurmJob
from app.services.action_targets import ActionError, signal_name

Words = tuple[str, ...]
NOTHING_UNDOES = "nothing undoes this"


@frozen
class Wish:
    """How an action is wanted, beside what it acts on."""

    signal: str = ""
    minutes: int | None = None
    """Of `extend`: added to the limit; below 0: taken off."""
    nice: int | None = None
    is_whole: bool = False
    """Of `signal`: the batch script and its children too."""


@frozen
class Rule:
    """One verb."""

    commands: Callable[[Sequence[str], Wish], tuple[Words, ...]]
    undo: Callable[[str, Wish], str]
    """From the ids, written as for a command."""
    misfit: Callable[[SlurmJob], str]
    """Why it does not fit a job, for a person; empty where it does."""
    loses: Callable[[SlurmJob, Wish], bool] = lambda _job, _wish: False
    """Whether a job's work is lost."""
    note: str = ""
    """What a person should always know."""


def _listed(*words: str) -> Callable[[Sequence[str], Wish], tuple[Words, ...]]:
    """`scontrol VERB 812,813`."""
    return lambda ids, _: tuple((*words, one) for one in joined(ids))


def joined(ids: Sequence[str]) -> tuple[str, ...]:
    """Ids as words of scontrol: plain ones in one word, those with a bracket apart."""
    plain = ",".join(one for one in ids if "[" not in one)
    return (*((plain,) if plain else ()), *(one for one in ids if "[" in one))


def _update(setting: Callable[[Wish], str]) -> Callable[[Sequence[str], Wish], tuple[Words, ...]]:
    """`scontrol update JobId=812,813 …`."""
    return lambda ids, wish: tuple(("scontrol", "update", f"JobId={one}", setting(wish)) for one in joined(ids))


def _signal(ids: Sequence[str], wish: Wish) -> tuple[Words, ...]:
    name = signal_name(wish.signal)
    return (("scancel", f"--signal={name}", *(("--full",) if wish.is_whole else ()), *ids),)


def _limit(wish: Wish) -> str:
    if not wish.minutes:
        raise ActionError("say how many minutes the limit is to grow (below 0: to shrink)")
    if abs(wish.minutes) > 525_600:
        raise ActionError("more than a year is refused: give minutes")
    return f"TimeLimit{'+' if wish.minutes > 0 else '-'}={abs(wish.minutes)}"


def _nice(wish: Wish) -> str:
    if wish.nice is None or abs(wish.nice) > 2_147_483_645:
        raise ActionError("say how nice: a whole number, higher waits longer, below 0 is for operators")
    return f"Nice={wish.nice}"


def _opposite(verb: str) -> Callable[[str, Wish], str]:
    return lambda ids, _: f"scontrol {verb} {ids}"


def _never(more: str) -> Callable[[str, Wish], str]:
    return lambda _ids, _wish: f"{NOTHING_UNDOES}{more}"


def _ended(job: SlurmJob) -> str:
    return "has ended already" if job.is_ended else ""


def _not_holdable(job: SlurmJob) -> str:
    if job.is_held:
        return "is held already"
    if job.holds_nodes:
        return "runs: it goes on, and is held only if it is requeued"
    return _ended(job)


def _not_requeueable(job: SlurmJob) -> str:
    if job.is_requeueable is False:
        return "was submitted with --no-requeue: Slurm will refuse"
    return "waits already" if job.is_pending else ""


def _unless(fits: Callable[[SlurmJob], bool], why: str) -> Callable[[SlurmJob], str]:
    return lambda job: "" if fits(job) else why


def _unlimited(job: SlurmJob) -> str:
    return "has no time limit" if job.time_limit_s == float("inf") else _ended(job)


def _ends(job: SlurmJob, wish: Wish) -> bool:
    gentle = {"CONT", "STOP", "TSTP", "URG", "WINCH", "CHLD", "0", "18", "19", "17", "20", "23", "28"}
    return job.holds_nodes and wish.signal.strip().upper().removeprefix("SIG") not in gentle


RULES: Mapping[JobVerb, Rule] = {
    "cancel": Rule(
        lambda ids, _: (("scancel", *ids),),
        _never("; submit it again to start anew"),
        _ended,
        lambda job, _: job.holds_nodes,
    ),
    "hold": Rule(_listed("scontrol", "hold"), _opposite("release"), _not_holdable),
    "release": Rule(_listed("scontrol", "release"), _opposite("hold"), _unless(lambda job: job.is_held, "is not held")),
    "requeue": Rule(
        _listed("scontrol", "requeue"),
        _never(": what was not checkpointed is computed again"),
        _not_requeueable,
        lambda job, _: job.holds_nodes,
        "a requeued job starts its script from the beginning, under the same id",
    ),
    "suspend": Rule(
        _listed("scontrol", "suspend"),
        _opposite("resume"),
        _unless(lambda job: job.is_running, "does not run"),
        note="its processes stop, but what they hold in GPU memory stays there; only operators may do this",
    ),
    "resume": Rule(
        _listed("scontrol", "resume"),
        _opposite("suspend"),
        _unless(lambda job: job.state == "SUSPENDED", "is not suspended"),
    ),
    "top": Rule(
        _listed("scontrol", "top"),
        _never(" at once: set the old order with `nice`"),
        _unless(lambda job: job.is_pending, "does not wait"),
        note="it goes before your own other jobs of the same partition, account and QOS, not before anybody else's",
    ),
    "nice": Rule(
        _update(_nice),
        lambda ids, _: f"scontrol update JobId={ids} Nice=0 (or what it was before)",
        _unless(lambda job: job.is_pending, "does not wait: its order no longer matters"),
    ),
    "extend": Rule(
        _update(_limit),
        lambda ids, wish: f"scontrol update JobId={ids} {_limit(Wish(minutes=-(wish.minutes or 0)))}",
        _unlimited,
    ),
    "signal": Rule(
        _signal,
        _never(": what the job makes of it is up to its program"),
        _unless(lambda job: job.holds_nodes, "does not run: nobody is there to take a signal"),
        _ends,
        "a program that does not expect the signal is ended by it",
    ),
}
"""Every verb of `JOB_VERBS`."""
