"""The catalogue's data sources of the stand-in provider: `runpod_gpu_types` and `runpod_data_centers`."""

from __future__ import annotations

from typing import Any

from tf import schema
from tf.iface import Config, DataSource, ReadDataContext, State
from tf.types import List

from tests.standins.runpod.provider.api import Api, ApiError
from tests.standins.runpod.provider.plugin import FLAG, NUMBER, TEXT, Fields, told

GPU = Fields(id=TEXT, name=TEXT, memory=NUMBER, secure=FLAG, community=FLAG)
CENTER = Fields(id=TEXT, name=TEXT, region=TEXT, global_network=FLAG)


class _Catalogue(DataSource):
    """What both share."""

    name, path, key, row = "", "", "", Fields()

    def __init__(self, provider: Any) -> None:  # noqa: ANN401 - as tf makes it
        self._api: Api = provider.api

    @classmethod
    def get_name(cls) -> str:
        return cls.name

    @classmethod
    def get_schema(cls) -> schema.Schema:
        return schema.Schema(attributes=[told("id", TEXT), told(cls.name, List(cls.row))])

    def read(self, ctx: ReadDataContext, config: Config) -> State | None:
        try:
            found = self._api.call("GET", self.path)[self.key]
        except ApiError as error:
            ctx.diagnostics.add_error("Unable to read the catalog", str(error))
            return None
        rows = [self.row.encode({**each, "global_network": each.get("globalNetwork")}) for each in found]
        return {"id": self.name, self.name: rows}


class GpuTypes(_Catalogue):
    """Every GPU type."""

    name, path, key, row = "gpu_types", "/v2/catalog/gpus", "gpus", GPU


class DataCenters(_Catalogue):
    """Every data centre."""

    name, path, key, row = "data_centers", "/v2/catalog/datacenters", "dataCenters", CENTER
