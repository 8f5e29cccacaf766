"""A job that a limit keeps back: whose limit, what is held under it now, what the job asks for. Pure.

Slurm does not give the limits themselves with its queue, so none is claimed; what is held is counted from the jobs that
the queue shows, which may be fewer than there are (PrivateData).
"""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.naming import clean
from app.engine.pending_case import Case
from app.engine.supply import Usage
from app.engine.words import count, span

_SCOPES = {
    "account_holds": ("account",),
    "account_jobs": ("account",),
    "qos_holds": ("qos",),
    "qos_jobs": ("qos",),
    "user_holds": ("qos", "user"),
    "per_account_holds": ("qos", "account"),
}
"""Whose jobs a family of limits counts."""
_OVER = {
    "account_holds": "the limit of the account or one above it",
    "qos_holds": "the limit of the QOS",
    "user_holds": "the limit for one user",
    "per_account_holds": "the limit for one account",
}
_ONE_JOB = {
    "account_per_job": "more than one job of account {account} may",
    "account_per_node": "more on one node than a job of account {account} may",
    "qos_per_job": "more than one job of QOS {qos} may",
    "qos_per_node": "more on one node than a job of QOS {qos} may",
    "qos_least": "less than a job of QOS {qos} must",
}


def limit_text(case: Case) -> str:
    """Who holds how much, and what the job would add; the registry's own words where it cannot be counted."""
    reason = case.said.reason
    unit = _unit(reason.code)
    if reason.family in _OVER and unit:
        return _held_text(case, unit) or reason.text
    if reason.family in ("account_jobs", "qos_jobs") and reason.code.endswith(
        ("JobsLimit", "JobsPerUserLimit", "JobsPerAccount")
    ):
        return _jobs_text(case) or reason.text
    if reason.family in _ONE_JOB:
        asked = _asked(case, unit)
        words = _ONE_JOB[reason.family].format(account=_name(case.job.account), qos=_name(case.job.qos))
        return f"asks for {asked}, {words}: it cannot start as it is" if asked else reason.text
    return reason.text


def limit_lines(case: Case) -> Iterator[str]:
    """The setting and the caveat behind the numbers."""
    reason = case.said.reason
    if reason.family in _SCOPES:
        yield "counted from the jobs this queue shows; the limit itself is shown by the command below"
    if reason.clears_itself and reason.kind == "limit":
        yield f"once within the limit it {case.want.needs}"


def _held_text(case: Case, unit: str) -> str:
    """`ana holds 8 GPUs in 2 jobs of QOS normal; 4 more would pass the limit for one user`."""
    family = case.said.reason.family
    asked = _number(case, unit)
    usage = _usage(case, family)
    held = getattr(usage, unit)
    if asked is None or (unit == "gpus" and not asked) or usage.jobs == 0:
        return ""
    who = _holder(case, family)
    noun = _NOUNS[unit]
    return f"{who} {count(held, noun)} in {count(usage.jobs, 'job')}; {asked:,} more would pass {_OVER[family]}"


def _jobs_text(case: Case) -> str:
    code, job = case.said.reason.code, case.job
    if "Submit" in code:
        return ""
    qos, account, user = _name(job.qos), _name(job.account), _name(job.user)
    match code:
        case "AssocGrpJobsLimit":
            return _runs(case, f"account {account}", "it or one above it may", "account", job.account)
        case "AssocMaxJobsLimit":
            where = f"{user} in account {account}"
            return _runs(case, where, "one user may", "account", job.account, "user", job.user)
        case "QOSGrpJobsLimit":
            return _runs(case, f"QOS {qos}", "it may", "qos", job.qos)
        case "QOSMaxJobsPerUserLimit":
            return _runs(case, f"{user} in QOS {qos}", "one user may", "qos", job.qos, "user", job.user)
        case "MaxJobsPerAccount":
            where = f"account {account} in QOS {qos}"
            return _runs(case, where, "one account may", "qos", job.qos, "account", job.account)
        case _:
            return ""


def _runs(case: Case, who: str, limit: str, *key: str) -> str:
    running = case.supply.usage(*key).jobs
    return f"{who} runs {count(running, 'job')}, as many as {limit}" if running else ""


def _usage(case: Case, family: str) -> Usage:
    job = case.job
    values = {"account": job.account, "qos": job.qos, "user": job.user}
    return case.supply.usage(*(word for key in _SCOPES[family] for word in (key, values[key])))


def _holder(case: Case, family: str) -> str:
    job = case.job
    match family:
        case "account_holds":
            return f"account {_name(job.account)} holds"
        case "qos_holds":
            return f"QOS {_name(job.qos)} holds"
        case "user_holds":
            return f"{_name(job.user)} in QOS {_name(job.qos)} holds"
        case _:
            return f"account {_name(job.account)} in QOS {_name(job.qos)} holds"


_NOUNS = {"gpus": "GPU", "cpus": "CPU", "nodes": "node"}


def _unit(code: str) -> str:
    """What a code counts, as a field of `Usage`; empty where it is not counted here."""
    for part, unit in (("GRES", "gpus"), ("Cpu", "cpus"), ("CPU", "cpus"), ("Wall", "time"), ("Mem", "memory")):
        if part in code:
            return unit if unit in _NOUNS or "PerJob" in code or "PerNode" in code else ""
    return "nodes" if "NodePer" in code or "GrpNode" in code or code == "QOSMinNode" else ""


def _number(case: Case, unit: str) -> int | None:
    return {"gpus": case.want.gpus, "cpus": case.job.cpus, "nodes": case.want.nodes}.get(unit)


def _asked(case: Case, unit: str) -> str:
    if unit == "time":
        limit = case.job.time_limit_s
        return span(limit) if limit is not None else ""
    if unit == "memory":
        memory = case.job.memory_mib
        return f"{memory / 1024:,.0f} G of memory" if memory else ""
    number = _number(case, unit)
    return count(number, _NOUNS[unit]) if number else ""


def _name(text: str) -> str:
    return clean(text, 40) or "(none)"


def partition_time_text(case: Case) -> str:
    """`asks for 3 d; partition gpu allows 1 d: it cannot start as it is`."""
    wanted = case.job.time_limit_s
    limits = [(part.time_limit_s, part.name) for part in case.partitions if part.time_limit_s is not None]
    if wanted is None or not limits:
        return ""
    most, name = max(limits)
    if wanted <= most:
        return ""
    return f"asks for {span(wanted)}; partition {clean(name, 40)} allows {span(most)}: it cannot start as it is"


def partition_nodes_text(case: Case) -> str:
    """`asks for 8 nodes; partition gpu allows 4`."""
    nodes = case.want.nodes
    for part in case.partitions:
        if part.max_nodes is not None and nodes > part.max_nodes:
            allowed = count(part.max_nodes, "node")
            return f"asks for {count(nodes, 'node')}; partition {clean(part.name, 40)} allows {allowed} to a job"
        if part.nodes and nodes > len(part.nodes):
            has = count(len(part.nodes), "node")
            return f"asks for {count(nodes, 'node')}; partition {clean(part.name, 40)} has {has}"
    return ""


def array_text(case: Case) -> str:
    """`4 tasks of array 820 run, as many as it allows at once`."""
    array = case.job.array_job_id
    if array is None:
        return ""
    running = case.supply.arrays.get(array, 0)
    _, percent, throttle = (case.job.array_task or "").partition("%")
    most = f"; it allows {throttle} at once" if percent and throttle.isdigit() else ", as many as it allows at once"
    return f"{count(running, 'task')} of array {array} {'runs' if running == 1 else 'run'}{most}" if running else ""
