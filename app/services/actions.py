"""Plans: what an action on jobs or nodes would do, whole, before anybody says yes. Pure.

A plan holds the exact commands, whom they hit, what undoes them and what a person should know first. Nothing is run
here: `app.services.jobs` does that, in the front end's own process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from app.domain.job_actions import JOB_VERBS, NODE_VERBS, ActionVerb, JobVerb, Plan
from app.domain.naming import clean
from app.domain.slurm import SlurmPicture
from app.services.action_hits import Found, dependents, find, hit_lines, others_warning, waiting_lines
from app.services.action_jobs import RULES, Rule, Wish
from app.services.action_nodes import plan_nodes
from app.services.action_targets import JOB_ID, ActionError, job_ids, node_names
from app.services.joined.acting import cluster_meant, planned_in

MOST_WARNINGS = 8
_SINGLE = frozenset({"cancel", "signal", "extend"})
"""Verbs that Slurm takes for one part of a running heterogeneous job."""


def plan(  # noqa: PLR0913 - one keyword a wish; most verbs need none
    verb: ActionVerb,
    targets: Iterable[str],
    picture: SlurmPicture | None,
    *,
    now: float,
    user: str = "",
    reason: str = "",
    signal: str = "",
    minutes: int | None = None,
    nice: int | None = None,
    anyway: bool = False,
    whole: bool = False,
) -> Plan:
    """Decide an action.

    `user` is whom it runs as (empty: not known). `minutes` is for `extend`, `signal` and `whole` (the batch script too)
    for `signal`, `reason` for `drain`, `anyway` for deleting a node that is alive. Raises ActionError, with a sentence,
    for what may not be done or is not a target. Targets of one of several clusters in view (`lab:812`) are planned in
    that cluster's own names. `app.services.submitting` plans a submission.
    """
    targets = tuple(targets)
    if cluster := cluster_meant(targets):
        own = partial(
            plan, verb, now=now, user=user, reason=reason, signal=signal, minutes=minutes, nice=nice, anyway=anyway,
            whole=whole,
        )  # fmt: skip
        return planned_in(cluster, targets, picture, own)
    if verb in NODE_VERBS:
        return plan_nodes(verb, node_names(targets), picture, now, reason, anyway=anyway)
    if verb not in JOB_VERBS:
        raise ActionError(f"{clean(verb, 40)} is not done to jobs or nodes")
    ids = job_ids(targets)
    given = _for_slurm(verb, ids, picture)
    found = find(given, picture)
    return _job_plan(verb, ids, given, found, _Look(picture, now, user), Wish(signal, minutes, nice, whole))


class _Look:
    """What a plan is made from."""

    __slots__ = ("now", "picture", "user")

    def __init__(self, picture: SlurmPicture | None, now: float, user: str) -> None:
        self.picture = picture
        self.now = now
        self.user = user


def _job_plan(verb: JobVerb, ids: Sequence[str], given: Sequence[str], found: Found, look: _Look, wish: Wish) -> Plan:
    rule = RULES[verb]
    waiting = dependents(found.jobs, look.picture)
    others = others_warning(found.jobs, look.user)
    hits = (*hit_lines(found.jobs, look.now), *waiting_lines(waiting, verb))
    return Plan(
        verb=verb,
        targets=tuple(ids),
        commands=rule.commands(given, wish),
        summary=_summary(verb, ids, found, wish),
        hits=hits or ("nobody that is known here",),
        undo=rule.undo(",".join(given), wish),
        is_severe=any(rule.loses(job, wish) for job in found.jobs) or bool(others),
        warnings=(*_warnings(rule, found), *_parts(ids, given), *others, *((rule.note,) if rule.note else ())),
    )


def _for_slurm(verb: str, ids: Sequence[str], picture: SlurmPicture | None) -> tuple[str, ...]:
    """Ids as Slurm's commands take them: no `%4`; a part of a heterogeneous job by its number, or as the whole."""
    jobs = (picture.jobs if picture is not None else None) or {}
    found = []
    for one in ids:
        parts = JOB_ID.fullmatch(one)
        assert parts is not None, "job_ids checked it"  # noqa: S101 - what `job_ids` is for
        if parts["part"] is not None:
            job = jobs.get(one)
            is_single = job is not None and job.holds_nodes and verb in _SINGLE
            found.append(str(job.job_id) if job is not None and is_single else parts["base"])
        elif parts["tasks"] is not None:
            found.append(f"{parts['base']}_[{parts['tasks'].partition('%')[0]}]")
        else:
            found.append(one)
    return tuple(dict.fromkeys(found))


def _summary(verb: str, ids: Sequence[str], found: Found, wish: Wish) -> str:
    more = {
        "extend": f" by {wish.minutes} minutes",
        "nice": f" to {wish.nice}",
        "signal": f" with {wish.signal.strip().upper()[:12]}",
    }
    if len(ids) == 1 and len(found.jobs) <= 1:
        job = found.jobs[0] if found.jobs else None
        who = f" ({clean(job.user, 32)}, {clean(job.name, 60)})" if job is not None else ""
        return f"{verb} job {ids[0]}{who}{more.get(verb, '')}"
    number = max(len(found.jobs), len(ids))
    named = ", ".join(ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")
    return f"{verb} {number} jobs: {named}{more.get(verb, '')}"


def _warnings(rule: Rule, found: Found) -> tuple[str, ...]:
    """What does not fit, and ids nobody knows."""
    said = [f"job {job.id} {why}" for job in found.jobs if (why := rule.misfit(job))]
    if len(said) > MOST_WARNINGS:
        said = [*said[:MOST_WARNINGS], f"and {len(said) - MOST_WARNINGS} more jobs that this does not fit"]
    if found.missing:
        named = ", ".join(found.missing[:MOST_WARNINGS])
        said.insert(0, f"not in Slurm's queue: {named}" + ("…" if len(found.missing) > MOST_WARNINGS else ""))
    return tuple(said)


def _parts(ids: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """That a part of a heterogeneous job stands for the whole."""
    whole = [one for one in ids if "+" in one and one.partition("+")[0] in given]
    return (f"{', '.join(whole[:4])}: Slurm does this to the whole heterogeneous job",) if whole else ()
