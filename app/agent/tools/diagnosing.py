"""diagnose: what is wrong and why, as the deterministic diagnosis has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.places import gpu_of, job_of, look, node_name
from app.agent.tools.told import iso, lean, moment, number, plural
from app.agent.tools.tool import Found, ToolError
from app.domain.diagnosis import Diagnosis
from app.domain.snapshot import Snapshot
from app.engine.words import span
from app.services import queries_diagnosis

ENDED_S = 86400.0
"""Incidents that ended within this are told."""
_MOST_EVIDENCE = 6
_OLD_S = 20.0
"""A diagnosis older than three of these says how old it is."""


async def diagnose(
    ground: Ground,
    about: Annotated[
        str | None, "only what concerns this node, GPU (node/index), job (`job 812`) or incident (`i-17`); null: all"
    ] = None,
) -> Found:
    """What is wrong in the cluster now and why: incidents with their root cause, evidence, consequences and what to do.

    Call this first for every question about problems, slowness, failures or health. The chain of causes is worked out
    by rules from all sources, and is more reliable than what one would guess from single numbers. `blind` lists what
    could not be looked at: nothing can be said about that.
    """
    (snapshot, _), diagnosis = await look(ground), await ground.diagnosis()
    told = queries_diagnosis.answer(diagnosis, ended_since=ground.now() - ENDED_S)
    known = {one["id"]: one for one in (*told["findings"], *_past(diagnosis))}
    wanted = _wanted(about, snapshot, diagnosis)
    incidents = [_incident(one, known) for one in told["incidents"] if wanted(one, known)]
    ended = [_incident(one, known) for one in told["ended"] if wanted(one, known)]
    grouped = {one for incident in told["incidents"] for one in incident["findings"]}
    loose = [
        _finding(one)
        for one in told["findings"]
        if one["id"] not in grouped and wanted({"findings": [one["id"]]}, known)
    ]
    has_looked = bool(diagnosis.at)
    data = {
        **moment(diagnosis.at),
        "about": about,
        "healthy": told["healthy"] if has_looked else None,
        "note": _note(ground, diagnosis),
        "incidents": incidents,
        "other_findings": loose,
        "ended_last_day": ended,
        "blind": told["blind"],
    }
    return Found(
        {**lean(data), "incidents": incidents},
        _summary(incidents, about, has_looked=has_looked),
        _moment(told["ended"], ended, incidents) or diagnosis.at or ground.now(),
        trim=("ended_last_day", "blind", "other_findings", "incidents"),
        narrow="about= a node, GPU, job or incident",
    )


def _moment(past: list[dict[str, Any]], ended: list[dict[str, Any]], open_now: list[dict[str, Any]]) -> float:
    """When an incident began that is over and is all there is to tell; 0: it is told of now."""
    if open_now or len(ended) != 1:
        return 0.0
    return next((float(one["began"]) for one in past if one["id"] == ended[0]["id"]), 0.0)


def _note(ground: Ground, diagnosis: Diagnosis) -> str | None:
    if not diagnosis.at:
        return "nobody has diagnosed yet: whether something is wrong is not known"
    interval_s = ground.settings.cluster.interval_s
    if ground.at is not None or queries_diagnosis.is_current(diagnosis, ground.now(), max(interval_s, _OLD_S)):
        return None
    return f"nobody has diagnosed for {span(ground.now() - diagnosis.at)}: this is what was known then"


def _past(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    return [queries_diagnosis.finding_status(one) for one in diagnosis.past]


class _Wanted:
    """Whether an incident concerns what was asked about."""

    def __init__(self, names: Iterable[str] = (), incident: str = "") -> None:
        self._names = frozenset(names)
        self._incident = incident

    def __call__(self, incident: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> bool:
        if self._incident:
            return self._incident == incident.get("id")
        if not self._names:
            return True
        findings = [known[one] for one in incident["findings"] if one in known]
        jobs = {f"job {job}" for one in (*findings, incident) for job in one.get("affects", {}).get("jobs", ())}
        return bool(self._names & ({part for one in findings for part in _about(one["subject"])} | jobs))


def _wanted(about: str | None, snapshot: Snapshot, diagnosis: Diagnosis) -> _Wanted:
    """Raises ToolError for what is neither a node, a GPU, a job nor an incident."""
    if about is None:
        return _Wanted()
    text = about.strip()
    if diagnosis.incident(text) is not None:
        return _Wanted(incident=text)
    found = diagnosis.finding(text)
    if found is not None:
        return _Wanted(incident=found.incident) if found.incident else _Wanted((str(found.subject),))
    for find in (_gpu, node_name, _job):
        try:
            return _Wanted((find(snapshot, text),))
        except ToolError:
            continue
    if text.lower().startswith("job"):
        return _Wanted((f"job {text[3:].strip(' :#')}",))
    raise ToolError(f"there is no node, GPU, job or incident {text[:60]!r}; write gpu-01, gpu-01/3, job 812 or i-17")


def _gpu(snapshot: Snapshot, text: str) -> str:
    return gpu_of(snapshot, text).id


def _job(snapshot: Snapshot, text: str) -> str:
    return f"job {job_of(snapshot, text).id}"


def _about(subject: Mapping[str, Any]) -> tuple[str, ...]:
    """All names that a finding's subject goes by."""
    node, gpu = subject["node"], subject["gpu"]
    names = [node] if node else []
    if node and gpu is not None:
        names.append(f"{node}/{gpu}")
    if subject["job"]:
        names.append(f"job {subject['job']}")
    return (*names, *((subject["service"],) if subject["service"] else ()))


def _place(subject: Mapping[str, Any]) -> str:
    """The most exact name of what a finding is about, as `FindingSubject` writes it."""
    names = _about(subject)
    if not names:
        return "cluster"
    return names[1] if subject["node"] and subject["gpu"] is not None else names[0]


def _incident(one: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    findings = [known[key] for key in one["findings"] if key in known]
    root = next((each for each in findings if each["id"] == one["root"]), None)
    return lean(
        {
            "id": one["id"],
            "title": one["title"],
            "severity": one["severity"],
            "began_iso": iso(one["began"]),
            "ended_iso": iso(one["ended"]),
            "root_cause": None if root is None else _finding(root),
            "consequences": [_consequence(each) for each in findings if each["id"] != one["root"]],
            "affects": _affects(one["affects"]),
            "users": one["users"],
        }
    )


def _affects(one: Mapping[str, Any]) -> dict[str, Any]:
    cost = number(one["cost_per_hour"])
    return lean({"jobs": one["jobs"], "gpus": one["gpus"] or None, "cost_per_hour": cost})


def _finding(one: Mapping[str, Any]) -> dict[str, Any]:
    return lean(
        {
            **_consequence(one),
            "explanation": one["explanation"],
            "evidence": [
                {"source": each["source"], "at_iso": iso(each["at"]), "text": each["text"]}
                for each in one["evidence"][:_MOST_EVIDENCE]
            ],
            "what_to_do": [lean({"text": each["text"], "command": each["command"]}) for each in one["actions"]],
        }
    )


def _consequence(one: Mapping[str, Any]) -> dict[str, Any]:
    return lean(
        {
            "finding": one["id"],
            "fault": one["fault"],
            "code": one["code"],
            "title": one["title"],
            "severity": one["severity"],
            "subject": _place(one["subject"]),
            "first_seen_iso": iso(one["first_seen"]),
            "caused_by": one["caused_by"],
        }
    )


def _summary(incidents: list[dict[str, Any]], about: str | None, *, has_looked: bool) -> str:
    if not has_looked:
        return "nobody has diagnosed yet"
    where = f" about {about}" if about else ""
    if not incidents:
        return f"nothing is wrong{where}" if not where else f"no incident{where}"
    return f"{plural(len(incidents), 'incident')}{where}, the worst {incidents[0]['severity']}: {incidents[0]['title']}"
