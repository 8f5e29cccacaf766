"""alerts: which alert rules fire, since when, and what keeps them from being told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from app.agent.ground import Ground
from app.agent.tools.places import look, node_name
from app.agent.tools.told import counted, iso, lean, moment, number, plural
from app.agent.tools.tool import Found
from app.domain.snapshot import Snapshot
from app.services import queries, queries_alerts

_BACK_S = 86400.0
_MOST_EVENTS = 200
_ROWS = 150


async def alerts(
    ground: Ground,
    state: Annotated[
        Literal["firing", "pending", "resolved", "all"] | None, "in which state; null: firing and pending"
    ] = None,
    node: Annotated[str | None, "only of this node and its GPUs"] = None,
) -> Found:
    """Alerts of the alert rules, the worst first: what fires on what, since when, its value, and whether it is muted.

    Ids (`a-…`) are what propose_acknowledge and propose_silence take. An alert is a symptom: for causes use diagnose.
    """
    snapshot, now = await look(ground)
    name = node_name(snapshot, node) if node is not None else None
    if ground.at is not None:
        return await _past(ground, ground.now(), name)
    told = queries_alerts.answer(ground.feed.alerts(), now, snapshot)
    if told["alerts"] is None:
        return Found(
            {**moment(now), "alerts": None, "note": "nobody has evaluated the alert rules lately: nothing is known"},
            "nobody evaluates alert rules",
            now,
        )
    states = {"firing", "pending"} if state is None else {state}
    some = [one for one in told["alerts"] if state == "all" or one["state"] in states]
    some = [one for one in some if name is None or one["subject"]["node"] == name]
    data = {
        **moment(now),
        "firing_and_told": queries_alerts.firing(ground.feed.alerts(), now),
        "alerts_matching": len(some),
        "by_rule": counted(one["rule"] for one in some),
        "alerts": [_alert(one, snapshot) for one in some[:_ROWS]],
        "silences": [lean({**one, "starts_at": None, "ends_at": None, "ends_iso": iso(one["ends_at"])})
                     for one in told["silences"]],
        "troubles": told["troubles"],
    }  # fmt: skip
    return Found(
        {**lean(data), "alerts": data["alerts"]}, f"{plural(len(some), 'alert')}", now,
        trim=("silences", "alerts"), totals={"alerts": len(some)}, narrow="node= or state=firing",
    )  # fmt: skip


def _alert(one: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    subject = one["subject"]
    place = subject["node"]
    if subject["gpu"] is not None:
        place = f"{subject['node']}/{subject['gpu']}"
    elif not place:
        place = f"job {subject['job']}" if subject["job"] else subject["service"] or snapshot.cluster
    ack = one["ack"]
    return lean(
        {
            "id": one["id"],
            "rule": one["rule"],
            "severity": one["severity"],
            "state": one["state"],
            "no_data": one["no_data"] or None,
            "on": place,
            "text": one["text"],
            "value": number(one["value"]),
            "since_iso": iso(one["since"]),
            "muted_because": one["muted"],
            "flapping": one["flapping"] or None,
            "acknowledged_by": ack["by"] or "somebody" if ack is not None else None,
            "labels": {key: value for key, value in one["labels"].items() if key not in ("node", "gpu")},
        }
    )


async def _past(ground: Ground, now: float, node: str | None) -> Found:
    """Of a past moment the history keeps when alerts began and ended, not the list as it stood."""
    events = await ground.feed.events(now - _BACK_S, now, None, 2000)
    some = [one for one in events if one.kind.startswith("alert.") and (node is None or one.subject.node == node)]
    told = queries.event_list(reversed(some[-_MOST_EVENTS:]))
    rows = [lean({**one, "at": None, "at_iso": iso(one["at"])}) for one in told]
    note = (
        "of the past only the beginnings and ends of alerts are kept: those of the day before that moment, newest first"
    )
    return Found(
        {**moment(now), "note": note, "alert_events": rows}, plural(len(rows), "alert event"), now,
        trim=("alert_events",), narrow="node=",
    )  # fmt: skip
