"""Routes of the diagnosis: what is wrong now or was at a time, and incidents with their findings."""

from __future__ import annotations

import asyncio

from app.api.hall import Hall
from app.api.params import AT, FORM, SINCE_S, path
from app.api.row import Call, Param, Reply, Row, json_reply
from app.domain.diagnosis import Diagnosis
from app.services import queries_diagnosis, wire
from app.services.feed import Feed

USUAL_S = 1800.0
STEP_S, LONGEST_WAIT_S = 0.1, 5.0
"""Who waits for another diagnosis (`wait_s`) looks this often, and no longer than that at once."""


async def diagnosis(hall: Hall, call: Call) -> Reply:
    """What is wrong, root cause first, now or at a time: what `diagnose --json` prints."""
    if call.is_wire and "than" in call.given and "at" not in call.given:
        await _another(hall.feed, call.text("than"), call.number("wait_s") or 0.0)
    found = await _found(hall, call)
    if call.is_wire:
        is_known = call.text("than") == wire.mark_of(found)
        return Reply(wire.pack_diagnosis(None) if is_known else await hall.packed.diagnosis(found))
    return await hall.json(lambda: queries_diagnosis.answer(found, found.at - _since_s(call)))


async def incidents(hall: Hall, call: Call) -> Reply:
    """Incidents of now and of the last day."""
    return json_reply(queries_diagnosis.incidents(await _found(hall, call)))


async def incident(hall: Hall, call: Call) -> Reply:
    """One incident with its findings, the root first."""
    found = queries_diagnosis.incident(await _found(hall, call), call.text("id"))
    if found is None:
        raise LookupError("there is no such incident now, nor was there within a day")
    return json_reply(found)


async def _another(feed: Feed, known: str, wait_s: float) -> None:
    """Wait until there is another diagnosis than the one that is known, or for so long."""
    for _ in range(int(wait_s / STEP_S)):
        if wire.mark_of(feed.diagnosis()) != known:
            return
        await asyncio.sleep(STEP_S)


async def _found(hall: Hall, call: Call) -> Diagnosis:
    when = call.number("at")
    if when is None:
        return hall.feed.diagnosis()
    found = await hall.feed.diagnosis_at(when, _since_s(call))
    if found is None:
        raise LookupError("nothing was kept near that time")
    return found


def _since_s(call: Call) -> float:
    return call.number("since_s") or USUAL_S


ROWS: tuple[Row, ...] = (
    Row(
        "GET",
        "/api/diagnosis",
        "view",
        diagnosis,
        (
            AT,
            SINCE_S,
            FORM,
            Param("than", "text", "Mark of the diagnosis that is known.", is_ours=True),
            Param("wait_s", "number", "Wait so long for another.", least=0, most=LONGEST_WAIT_S, is_ours=True),
        ),
        answer="diagnose",
        fails=(404,),
    ),
    Row("GET", "/api/incidents", "view", incidents, (AT, SINCE_S), answer="api#/$defs/incidents", fails=(404,)),
    Row(
        "GET",
        "/api/incidents/{id}",
        "view",
        incident,
        (path("id", "Id of the incident: i-17."), AT, SINCE_S),
        answer="api#/$defs/incident",
        fails=(404,),
    ),
)
