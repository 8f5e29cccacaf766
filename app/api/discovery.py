"""Routes for a Prometheus beside us: our targets as http_sd, and why some are not among them."""

from __future__ import annotations

from app.api.hall import Hall
from app.api.row import Call, Reply, Row, json_reply
from app.services.stack.scraping import discovered, groups, left_out_answer


async def targets(hall: Hall, _call: Call) -> Reply:
    """Every target that Prometheus can read, in the form of its http_sd."""
    return json_reply(groups(discovered(hall.served.targets())[0]))


async def left_out(hall: Hall, _call: Call) -> Reply:
    """Every other target, and why Prometheus cannot read it."""
    return json_reply({"schema": 1, "left_out": left_out_answer(discovered(hall.served.targets())[1])})


ROWS: tuple[Row, ...] = (
    Row("GET", "/api/sd", "view", targets, answer="api#/$defs/sd"),
    Row("GET", "/api/sd/left-out", "view", left_out, answer="api#/$defs/left_out"),
)
