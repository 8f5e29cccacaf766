"""`runpod_network_volume` of the stand-in provider: grows, never shrinks, keeps its place and kind."""

from __future__ import annotations

from typing import Any

from tf import schema
from tf.iface import CreateContext, DeleteContext, ImportContext, ReadContext, Resource, State, UpdateContext
from tf.types import Unknown

from tests.standins.runpod.provider.api import Api, ApiError
from tests.standins.runpod.provider.plugin import NUMBER, TEXT, defaulted, known, required, told

PATH = "/v2/network-volumes"
ATTRIBUTES = [
    required("name", TEXT),
    required("size", NUMBER),
    required("data_center", TEXT, replaces=True),
    defaulted("type", TEXT, Unknown, replaces=True),
    told("id", TEXT),
]


def _state(volume: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": volume["id"],
        "name": volume["name"],
        "size": volume["size"],
        "data_center": volume["dataCenter"],
        "type": volume["type"],
    }


class NetworkVolume(Resource):
    """The resource."""

    def __init__(self, provider: Any) -> None:  # noqa: ANN401 - as tf makes it
        self._api: Api = provider.api

    @classmethod
    def get_name(cls) -> str:
        return "network_volume"

    @classmethod
    def get_schema(cls) -> schema.Schema:
        return schema.Schema(version=0, attributes=ATTRIBUTES)

    def create(self, ctx: CreateContext, planned: State) -> State | None:
        body = {"name": planned["name"], "size": int(planned["size"]), "dataCenter": planned["data_center"]}
        if known(planned)["type"] is not None:
            body["type"] = planned["type"]
        try:
            return _state(self._api.call("POST", PATH, body))
        except ApiError as error:
            ctx.diagnostics.add_error("Unable to create network volume", str(error))
            return None

    def read(self, ctx: ReadContext, current: State) -> State | None:
        try:
            return _state(self._api.call("GET", f"{PATH}/{current['id']}"))
        except ApiError as error:
            if error.status == 404:
                return None
            ctx.diagnostics.add_error("Unable to read network volume", str(error))
            return current

    def update(self, ctx: UpdateContext, current: State, planned: State) -> State | None:
        try:
            body = {"name": planned["name"], "size": int(planned["size"])}
            return _state(self._api.call("PATCH", f"{PATH}/{current['id']}", body))
        except ApiError as error:
            ctx.diagnostics.add_error("Unable to update network volume", str(error))
            return current

    def delete(self, ctx: DeleteContext, current: State) -> State | None:
        try:
            self._api.call("DELETE", f"{PATH}/{current['id']}")
        except ApiError as error:
            if error.status != 404:
                ctx.diagnostics.add_error("Unable to delete network volume", str(error))
                return current
        return None

    def import_(self, ctx: ImportContext, id: str) -> State | None:  # noqa: A002 - as the base class has it
        return {attribute.name: None for attribute in ATTRIBUTES} | {"id": id}
