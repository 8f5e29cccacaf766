"""Routes of rented clusters, read only: what stands in the records of who runs the daemon. No provider is asked."""

from __future__ import annotations

from app.api.hall import Hall
from app.api.params import path
from app.api.row import Call, Reply, Row
from app.domain.naming import clean
from app.services import queries_deploy
from app.services.deploy.folder import folder_of
from app.services.deploy.record import RecordError, names, read_record


async def listed(hall: Hall, _call: Call) -> Reply:
    """Every deployment, and why others cannot be read: what `deploy --list --json` prints."""
    state_dir, now = hall.served.state_dir, hall.feed.now()

    def made() -> object:
        found, unreadable = [], {}
        for name in names(state_dir):
            try:
                found.append(read_record(folder_of(state_dir, name)))
            except (RecordError, FileNotFoundError) as error:
                unreadable[name] = clean(str(error), 300)
        return queries_deploy.list_json(tuple(found), unreadable, now)

    return await hall.json(made)


async def one(hall: Hall, call: Call) -> Reply:
    """One deployment as it was written down."""
    state_dir, name = hall.served.state_dir, call.text("name")
    if name not in await hall.made(lambda: names(state_dir)):
        raise LookupError("there is no such deployment")
    try:
        found = await hall.made(lambda: read_record(folder_of(state_dir, name)))
    except (RecordError, FileNotFoundError) as error:
        raise LookupError(str(error)) from error
    now = hall.feed.now()
    return await hall.json(lambda: {"schema": 1, "at": now, "deployment": queries_deploy.deployment_json(found, now)})


ROWS: tuple[Row, ...] = (
    Row("GET", "/api/deployments", "view", listed, answer="api#/$defs/deployments"),
    Row(
        "GET",
        "/api/deployments/{name}",
        "view",
        one,
        (path("name", "Name of the deployment."),),
        answer="api#/$defs/deployment",
        fails=(404,),
    ),
)
