"""Routes of alerts and rules under `/api/alerts`, and of silences. An id is an alert's (`a-…`) or a rule's name."""

from __future__ import annotations

from typing import Any

from app.api.hall import Hall
from app.api.params import FORM, path
from app.api.row import Call, Param, RefusedError, Reply, Row, json_reply
from app.services import queries_alerts
from app.services.alert_desk import AlertDesk
from app.services.alerting import LONGEST_SILENCE_S

CREATED = 201


async def listed(hall: Hall, call: Call) -> Reply:
    """Alerts, the worst first, silences, and rules."""
    if call.is_wire:
        return Reply(hall.packed.alerts(hall.feed.alerts()))
    rules = (await _desk(hall).rules())["rules"]
    return json_reply({**_answer(hall), "rules": [{"id": one["name"], **one} for one in rules]})


async def rules(hall: Hall, _call: Call) -> Reply:
    """Every rule, and what is wrong in rule files."""
    return json_reply(await _desk(hall).rules())


async def one(hall: Hall, call: Call) -> Reply:
    """An alert by its id, or a rule by its name with its alerts."""
    wanted = call.text("id")
    alerts = _answer(hall)["alerts"] or []
    found = next((each for each in alerts if each["id"] == wanted), None)
    if found is not None:
        return json_reply(found)
    for rule in (await _desk(hall).rules())["rules"]:
        if rule["name"] == wanted:
            mine = [each for each in alerts if each["rule"] == wanted]
            return json_reply({"id": wanted, **rule, "alerts": mine})
    raise LookupError("there is no such alert or rule")


async def add(hall: Hall, call: Call) -> Reply:
    """Make a rule."""
    made = await _desk(hall).add_rule(call.body)
    return json_reply({"id": made["name"], **made}, CREATED)


async def change(hall: Hall, call: Call) -> Reply:
    """Change a rule: what is not said stays."""
    changes = {key: value for key, value in call.body.items() if key != "id"}
    made = await _desk(hall).change_rule(call.text("id"), changes)
    return json_reply({"id": made["name"], **made})


async def drop(hall: Hall, call: Call) -> Reply:
    """Delete a rule that was made here, or take back what was changed."""
    await _desk(hall).drop_rule(call.text("id"))
    return json_reply({"deleted": call.text("id")})


async def ack(hall: Hall, call: Call) -> Reply:
    """Take an alert on, in the caller's name."""
    return json_reply(await _desk(hall).ack(call.text("id"), _by(call), str(call.body.get("note", ""))))


async def silences(hall: Hall, _call: Call) -> Reply:
    """Silences that hold or will."""
    return json_reply({"schema": queries_alerts.SCHEMA, "silences": _answer(hall)["silences"]})


async def silence(hall: Hall, call: Call) -> Reply:
    """Keep alerts from being told, in the caller's name."""
    matchers, comment = (str(call.body.get(key, "")) for key in ("matchers", "comment"))
    made = await _desk(hall).silence(matchers, float(call.body["lasts_s"]), _by(call), comment)
    return json_reply(made, CREATED)


async def end_silence(hall: Hall, call: Call) -> Reply:
    """Let them be told again."""
    await _desk(hall).end_silence(call.text("id"))
    return json_reply({"deleted": call.text("id")})


def _desk(hall: Hall) -> AlertDesk:
    desk = hall.feed.desk()
    if desk is None:
        raise RefusedError(503, "alerts are not evaluated yet: ask again in a moment")
    return desk


def _answer(hall: Hall) -> dict[str, Any]:
    return queries_alerts.answer(hall.feed.alerts(), hall.feed.now(), hall.feed.latest())


def _by(call: Call) -> str:
    """Who does it: only who runs the daemon, on its own machine, may speak for somebody else."""
    said = str(call.body.get("by", ""))
    return said if said and call.caller.uid is not None and call.caller.may("admin") else call.caller.name


_ID = path("id", "An alert's id (`a-…`) or a rule's name.")
_RULE: tuple[Param, ...] = (
    Param("name", "text", "Its name, unique.", longest=200),
    Param("metric", "text", "A key of the catalogue, or the last part of one; else `expr`."),
    Param("expr", "text", "A whole condition, in the words of PromQL.", longest=4000),
    Param("severity", "text", "How bad it is.", choices=("info", "warning", "critical")),
    Param("text", "text", "What is said when it fires."),
    Param("enabled", "flag", "Whether it is evaluated."),
)
ROWS: tuple[Row, ...] = (
    Row("GET", "/api/alerts", "view", listed, (FORM,), answer="api#/$defs/alerts", fails=(503,)),
    Row(
        "POST",
        "/api/alerts",
        "admin",
        add,
        body=_RULE,
        is_open=True,
        answer="api#/$defs/rule",
        status=CREATED,
        fails=(503,),
    ),
    Row("GET", "/api/alerts/rules", "view", rules, answer="alert-rules", fails=(503,)),
    Row("GET", "/api/alerts/{id}", "view", one, (_ID,), answer="api#/$defs/alert_or_rule", fails=(404, 503)),
    Row(
        "PATCH",
        "/api/alerts/{id}",
        "admin",
        change,
        (_ID,),
        _RULE,
        is_open=True,
        answer="api#/$defs/rule",
        fails=(404, 503),
    ),
    Row(
        "PUT",
        "/api/alerts/{id}",
        "admin",
        change,
        (_ID,),
        _RULE,
        is_open=True,
        answer="api#/$defs/rule",
        fails=(404, 503),
    ),
    Row("DELETE", "/api/alerts/{id}", "admin", drop, (_ID,), answer="api#/$defs/deleted", fails=(404, 503)),
    Row(
        "POST",
        "/api/alerts/{id}/ack",
        "act",
        ack,
        (_ID,),
        (Param("by", "text", "Who takes it on, where the caller is not it."), Param("note", "text", "A note.")),
        answer="api#/$defs/ack",
        fails=(404, 503),
    ),
    Row("GET", "/api/silences", "view", silences, answer="api#/$defs/silences", fails=(503,)),
    Row(
        "POST",
        "/api/silences",
        "act",
        silence,
        body=(
            Param("matchers", "text", 'Which alerts: `node="gpu-1"`.', is_needed=True),
            Param("lasts_s", "number", "Seconds.", least=0.001, most=LONGEST_SILENCE_S, is_needed=True),
            Param("by", "text", "Who wishes it, where the caller is not it."),
            Param("comment", "text", "Why."),
        ),
        answer="api#/$defs/silence",
        status=CREATED,
        fails=(503,),
    ),
    Row(
        "DELETE",
        "/api/silences/{id}",
        "act",
        end_silence,
        (path("id", "Id of the silence: s-4a47b0bd."),),
        answer="api#/$defs/deleted",
        fails=(404, 503),
    ),
)
