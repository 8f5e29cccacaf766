"""The same plans through slurmrestd, as far as it can do them: cancel, signal, hold, release, nice, extend, nodes.

Requeue, suspend, resume and top are not in its interface, and it reads no `#SBATCH` lines: these need the commands.
So does all but ending jobs before v0.0.39: these versions change more of a job than they are asked to (a live 22.05
left a nice value of -2147483648). Sources: slurmrestd's OpenAPI v0.0.37 to v0.0.45.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.domain.frozen import frozen
from app.domain.job_actions import Outcome, Plan
from app.domain.naming import clean
from app.services.action_errors import plain_words
from app.services.performing import TIMEOUT_S, named
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.rest import SlurmRest
from app.sources.slurm.trouble import SlurmError

_NEEDS = "slurmrestd cannot do it: it needs Slurm's commands, here or through ssh (settings: slurm.via)"
_SETTING = re.compile(r"^(?P<key>TimeLimit|Nice|State|Reason)(?P<sign>[+-]?)=(?P<value>.*)$", re.DOTALL)
_FIRST_THAT_CHANGES = 39
"""API version from which jobs and nodes can be changed."""


@frozen
class Call:
    """One request."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    grows_by_min: int = 0
    """Minutes to add to the job's limit, which is to be read first."""


async def carry_out_by_rest(plan: Plan, rest: SlurmRest) -> Outcome:
    """Do a plan through slurmrestd, one request a target."""
    try:
        version = await _version(rest)
    except SlurmError as error:
        return Outcome(False, f"{plan.verb}: {error}")
    calls = calls_of(plan, version)
    if calls is None:
        return Outcome(
            False, f"not submitted: {_NEEDS}" if plan.verb == "submit" else f"{plan.verb} {named(plan)}: {_NEEDS}"
        )
    failed: list[str] = []
    details: list[str] = []
    for target, call in calls:
        try:
            if plan.verb in ("cancel", "signal"):
                await _seen(rest, call)
            said = errors_in(await rest.request(call.method, call.path, TIMEOUT_S, await _body(rest, call)))
        except (SlurmError, SlurmParseError) as error:
            said = getattr(error, "said", ()) or (str(error),)
        if said:
            failed.append(f"{target}: {plain_words(said[0], rest.user()) or said[0]}")
            details += said
    if not failed:
        return Outcome(True, f"{plan.verb} {named(plan)}: done")
    why = "; ".join(failed[:4]) + ("…" if len(failed) > 4 else "")
    return Outcome(
        False, f"{plan.verb}: {len(calls) - len(failed)} of {len(calls)} done; not {why}", tuple(details[:20])
    )


def calls_of(plan: Plan, version: int) -> list[tuple[str, Call]] | None:
    """The requests of a plan, each with its target; None where slurmrestd of this version cannot do it. Pure."""
    words = plan.commands[0]
    settings = {found["key"]: found for word in words if (found := _SETTING.match(word))}
    match plan.verb:
        case "cancel":
            return _jobs(plan, "DELETE")
        case "signal" if "--full" not in words:
            name = next(word.partition("=")[2] for word in words if word.startswith("--signal="))
            return _jobs(plan, "DELETE", query=f"?signal={quote(name, safe='')}")
        case _ if version < _FIRST_THAT_CHANGES:
            return None
        case "hold" | "release":
            return _jobs(plan, "POST", {"hold": plan.verb == "hold"})
        case "nice":
            return _jobs(plan, "POST", {"nice": int(settings["Nice"]["value"])})
        case "extend":
            minutes = int(settings["TimeLimit"]["value"]) * (-1 if settings["TimeLimit"]["sign"] == "-" else 1)
            return _jobs(plan, "POST", {}, grows_by_min=minutes)
        case "drain" | "undrain" | "delete":
            return _nodes(plan, {key: found["value"] for key, found in settings.items()})
        case _:
            return None


def shown(plan: Plan, version: str | None) -> tuple[tuple[str, ...], ...]:
    """The requests of a plan as a person may read them; nothing where there are none. Pure."""
    number = (version or "").rpartition(".")[2]
    calls = calls_of(plan, int(number)) if number.isdigit() else None
    lines = []
    for _, call in calls or ():
        body = dict(call.body or {})
        if call.grows_by_min:
            body["time_limit"] = f"{call.grows_by_min:+d} min"
        lines.append((call.method, f"/slurm/{version}/{call.path}", *((json.dumps(body),) if body else ())))
    return tuple(lines)


def _nodes(plan: Plan, settings: Mapping[str, str]) -> list[tuple[str, Call]]:
    """One request a node; without settings it is deleted."""
    body: dict[str, object] = {"state": [settings["State"]]} if "State" in settings else {}
    if "Reason" in settings:
        body["reason"] = settings["Reason"]
    method = "POST" if body else "DELETE"
    return [(name, Call(method, f"node/{quote(name, safe='')}", body or None)) for name in plan.targets]


def _jobs(
    plan: Plan, method: str, body: Mapping[str, object] | None = None, *, query: str = "", grows_by_min: int = 0
) -> list[tuple[str, Call]]:
    return [(one, Call(method, f"job/{quote(one, safe='')}{query}", body, grows_by_min)) for one in plan.targets]


def errors_in(answer: bytes) -> tuple[str, ...]:
    """What slurmrestd says went wrong, though it answers with 200: as a whole, or for a job. Pure.

    26.05 tells that a job may not be ended in `status`, older ones what an update came to in `results`; `errors` stays
    empty then.
    """
    try:
        told = json.loads(answer or b"{}")
    except ValueError:
        return ("slurmrestd answers with something that is no JSON",)
    if not isinstance(told, dict):
        return ()
    errors, status, results = (_list(told.get(name)) for name in ("errors", "status", "results"))
    refused = [one["error"] for one in status if isinstance(one, dict) and _is_refusal(one.get("error"))]
    failed = [one for one in results if isinstance(one, dict) and one.get("error_code")]
    return tuple(_said(one) for one in (*errors, *refused, *failed)[:20])


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_refusal(error: object) -> bool:
    return isinstance(error, dict) and bool(error.get("code"))


def _said(error: object) -> str:
    if not isinstance(error, dict):
        return clean(str(error), 300)
    parts = [str(error[key]) for key in ("error", "message", "description", "why", "source") if error.get(key)]
    number = next((error[key] for key in ("error_number", "errno", "code", "error_code") if error.get(key)), "")
    return clean(": ".join(parts) or f"error {number}", 300)


async def _version(rest: SlurmRest) -> int:
    """The number of the API version; a ping finds it."""
    if rest.version is None:
        await rest.get("ping", TIMEOUT_S)
    return int((rest.version or "v0.0.0").rpartition(".")[2])


async def _seen(rest: SlurmRest, call: Call) -> None:
    """That the job is there and not over: ending one that is not is no error to newer versions. Raises SlurmError."""
    from app.sources.slurm.json_jobs import jobs_of  # noqa: PLC0415 - late: for those who end jobs

    answer = await rest.get(call.path.partition("?")[0], TIMEOUT_S)
    if said := errors_in(answer):
        raise SlurmError("failed", said[0], said)
    jobs = jobs_of(json.loads(answer)).items
    if not jobs:
        raise SlurmError("failed", "Invalid job id specified")
    if all(job.is_ended for job in jobs):
        raise SlurmError("failed", "Job/step already completing or completed")


async def _body(rest: SlurmRest, call: Call) -> Mapping[str, object] | None:
    """The body of a request; a limit can only be set as a whole, so it is read first. Raises SlurmError."""
    if not call.grows_by_min:
        return call.body
    told = json.loads(await rest.get(call.path, TIMEOUT_S))
    limit = _limit_min(told.get("jobs") or ())
    if limit is None:
        raise SlurmError("failed", "the job has no time limit that could be changed")
    wanted = max(1, limit + call.grows_by_min)
    return {"time_limit": {"set": True, "infinite": False, "number": wanted}}


def _limit_min(jobs: Sequence[Mapping[str, Any]]) -> int | None:
    limit = jobs[0].get("time_limit") if jobs else None
    if isinstance(limit, dict):
        limit = limit.get("number") if limit.get("set", True) and not limit.get("infinite") else None
    return limit if isinstance(limit, int) and not isinstance(limit, bool) else None
