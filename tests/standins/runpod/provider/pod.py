"""`runpod_pod` of the stand-in provider, resource and data source, with the attributes of `runpod/runpod` 2.0.0."""

from __future__ import annotations

import os
import time
from typing import Any

from tf import schema
from tf.iface import (
    Config,
    CreateContext,
    DataSource,
    DeleteContext,
    ImportContext,
    PlanContext,
    ReadContext,
    ReadDataContext,
    Resource,
    State,
    UpdateContext,
)
from tf.types import List, Unknown
from tf.utils import Diagnostics

from tests.standins.runpod.provider.api import Api, ApiError
from tests.standins.runpod.provider.plugin import (
    FLAG,
    NUMBER,
    TEXT,
    TEXT_MAP,
    TEXTS,
    Fields,
    defaulted,
    given,
    known,
    required,
    told,
)

SENT = {
    "name": "name",
    "image": "image",
    "cloud": "cloud",
    "disk": "disk",
    "args": "args",
    "ports": "ports",
    "env": "env",
    "template_id": "templateId",
    "registry": "registry",
    "start_ssh": "startSsh",
    "start_jupyter": "startJupyter",
    "global_networking": "globalNetworking",
    "data_center_ids": "dataCenterIds",
}
"""What is sent as it is, and the API's name of it."""
SENT_OF_GPU = {
    "allowed_cuda_versions": "allowedCudaVersions",
    "min_cuda_version": "minCudaVersion",
    "min_ram_per_gpu": "minRamPerGpu",
    "min_vcpu_count_per_gpu": "minVcpuCountPerGpu",
}
READ_BACK = ("name", "image", "disk", "cloud")
"""What is compared with what the API says; the rest is never read back."""
VOLATILE = ("status", "cost", "data_center_id", "memory_in_gb", "locked", "cluster_ip")
ATTRIBUTES = [
    required("name", TEXT),
    required("image", TEXT),
    given("gpu_type_id", TEXT, replaces=True),
    defaulted("gpu_count", NUMBER, 1, replaces=True),
    given("cpu_type_id", TEXT, replaces=True),
    given("vcpu_count", NUMBER, replaces=True),
    defaulted("cloud", TEXT, "SECURE", replaces=True),
    defaulted("disk", NUMBER, 50),
    given("args", TEXT),
    given("ports", TEXTS),
    given("env", TEXT_MAP),
    given("template_id", TEXT, replaces=True),
    given("registry", TEXT),
    given("start_ssh", FLAG, replaces=True),
    given("start_jupyter", FLAG, replaces=True),
    defaulted("global_networking", FLAG, default=False),
    given("data_center_ids", TEXTS, replaces=True),
    given("allowed_cuda_versions", TEXTS, replaces=True),
    given("min_cuda_version", TEXT, replaces=True),
    given("min_ram_per_gpu", NUMBER, replaces=True),
    given("min_vcpu_count_per_gpu", NUMBER, replaces=True),
    given("persistent_volume", Fields(size=NUMBER, path=TEXT)),
    given("network_volumes", List(Fields(volume_id=TEXT, path=TEXT))),
    defaulted("desired_state", TEXT, "RUNNING"),
    told("id", TEXT),
    told("status", TEXT),
    told("created_at", TEXT),
    told("cost", NUMBER),
    told("data_center_id", TEXT),
    told("memory_in_gb", NUMBER),
    told("locked", FLAG),
    told("cluster_ip", TEXT),
]


def body_of(state: State, changed: set[str] | None = None) -> dict[str, Any]:
    """The body of a create, or of an update of what changed."""
    wanted = {name for name in SENT if changed is None or name in changed}
    body = {SENT[name]: state[name] for name in wanted if state.get(name) not in (None, Unknown)}
    if changed is None:
        body |= _compute(state)
    if state.get("persistent_volume") and (changed is None or "persistent_volume" in changed):
        body["mounts"] = {"persistent": state["persistent_volume"]}
    if state.get("network_volumes") and (changed is None or "network_volumes" in changed):
        mounts = [{"volumeId": each["volume_id"], "path": each["path"]} for each in state["network_volumes"]]
        body["mounts"] = {"network": mounts}
    return body


def _compute(state: State) -> dict[str, Any]:
    if state.get("cpu_type_id"):
        return {"cpu": {"id": state["cpu_type_id"], "vcpuCount": int(state.get("vcpu_count") or 2)}}
    asked = {api: state[name] for name, api in SENT_OF_GPU.items() if state.get(name) not in (None, Unknown)}
    return {"gpu": {"id": state["gpu_type_id"], "count": int(state.get("gpu_count") or 1), **asked}}


def merged(state: State, pod: dict[str, Any]) -> State:
    """A state with what the API says of the pod."""
    return known(state) | {
        "id": pod["id"],
        "status": pod["status"],
        "created_at": pod["createdAt"],
        "cost": pod["cost"],
        "data_center_id": pod["dataCenterId"],
        "memory_in_gb": pod.get("cpu", {}).get("memory", 64),
        "locked": pod["locked"],
        "cluster_ip": None,
    }


class Pod(Resource):
    """The resource."""

    def __init__(self, provider: Any) -> None:  # noqa: ANN401 - as tf makes it
        self._api: Api = provider.api

    @classmethod
    def get_name(cls) -> str:
        return "pod"

    @classmethod
    def get_schema(cls) -> schema.Schema:
        return schema.Schema(version=0, attributes=ATTRIBUTES)

    def validate(self, diags: Diagnostics, type_name: str, config: Config) -> None:
        super().validate(diags, type_name, config)
        gpu, cpu = config.get("gpu_type_id"), config.get("cpu_type_id")
        if (gpu is None) == (cpu is None):
            diags.add_error("Exactly one of gpu_type_id or cpu_type_id must be set", path=["gpu_type_id"])
        if config.get("persistent_volume") and config.get("network_volumes"):
            diags.add_error("persistent_volume and network_volumes exclude each other", path=["persistent_volume"])
        if config.get("min_cuda_version") and config.get("allowed_cuda_versions"):
            diags.add_error("min_cuda_version and allowed_cuda_versions exclude each other", path=["min_cuda_version"])
        if config.get("desired_state") not in (None, Unknown, "RUNNING", "EXITED"):
            diags.add_error("desired_state must be RUNNING or EXITED", path=["desired_state"])

    def create(self, ctx: CreateContext, planned: State) -> State | None:
        try:
            pod = self._api.call("POST", "/v2/pods", body_of(planned))
        except ApiError as error:
            ctx.diagnostics.add_error("Unable to create pod", str(error))
            return None
        state = merged(planned, pod)
        try:
            return merged(planned, self._awaited(pod))
        except ApiError as error:
            ctx.diagnostics.add_error("Unable to wait for pod", str(error))
            return state  # it exists: to say None would lose it

    def _awaited(self, pod: dict[str, Any]) -> dict[str, Any]:
        """The pod once it runs, where `STANDIN_WAIT_POLLS` says to look so many times."""
        for _ in range(int(os.environ.get("STANDIN_WAIT_POLLS", "0"))):
            pod = self._api.call("GET", f"/v2/pods/{pod['id']}")
            if pod["status"] == "RUNNING":
                break
            time.sleep(0.2)
        return pod

    def read(self, ctx: ReadContext, current: State) -> State | None:
        try:
            pod = self._api.call("GET", f"/v2/pods/{current['id']}")
        except ApiError as error:
            if error.status == 404:
                return None
            ctx.diagnostics.add_error("Unable to read pod", str(error))
            return current
        if pod["status"] == "TERMINATED":
            return None
        state = merged(current, pod) | {name: pod[name] for name in READ_BACK}
        state["desired_state"] = "EXITED" if pod["status"] == "EXITED" else "RUNNING"
        state["global_networking"] = pod["globalNetworking"]["enabled"]
        if current.get("name") is None:  # an import: take over all that can be read
            state |= _imported(pod)
        return state

    def plan(self, ctx: PlanContext, current: State | None, planned: State) -> State | None:
        if ctx.changed_fields:  # tf leaves computed values as they were, and then finds them changed after the apply
            for name in VOLATILE:
                planned[name] = Unknown
        return planned

    def update(self, ctx: UpdateContext, current: State, planned: State) -> State | None:
        path = f"/v2/pods/{current['id']}"
        try:
            changed = {name for name in planned if current.get(name) != planned.get(name)}
            body = body_of(planned, changed)
            if body:
                self._api.call("PATCH", path, body)
            if current.get("desired_state") != planned.get("desired_state"):
                action = "start" if planned["desired_state"] == "RUNNING" else "stop"
                self._api.call("POST", f"{path}/action", {"action": action})
            return merged(planned, self._api.call("GET", path))
        except ApiError as error:
            ctx.diagnostics.add_error("Unable to update pod", str(error))
            return current  # None would say that it is gone

    def delete(self, ctx: DeleteContext, current: State) -> State | None:
        try:
            self._api.call("DELETE", f"/v2/pods/{current['id']}")
        except ApiError as error:
            if error.status != 404:
                ctx.diagnostics.add_error("Unable to delete pod", str(error))
                return current  # it stays in the state
        return None

    def import_(self, ctx: ImportContext, id: str) -> State | None:  # noqa: A002 - as the base class has it
        return {attribute.name: None for attribute in ATTRIBUTES} | {"id": id}


def _imported(pod: dict[str, Any]) -> dict[str, Any]:
    """What an import can know; the create-time attributes stay unset, as with the real provider."""
    mounts = pod["mounts"]
    volumes = [{"volume_id": each["volumeId"], "path": each["path"]} for each in mounts.get("network", [])]
    return {
        "gpu_type_id": pod.get("gpu", {}).get("id"),
        "gpu_count": pod.get("gpu", {}).get("count"),
        "cpu_type_id": pod.get("cpu", {}).get("id"),
        "vcpu_count": pod.get("cpu", {}).get("vcpuCount"),
        "args": pod["args"] or None,
        "ports": pod["ports"] or None,
        "env": pod["env"] or None,
        "registry": pod["registry"],
        "persistent_volume": mounts.get("persistent"),
        "network_volumes": volumes or None,
    }


ENDPOINT = Fields(host=TEXT, port=NUMBER, username=TEXT, command=TEXT)


class PodData(DataSource):
    """The data source."""

    def __init__(self, provider: Any) -> None:  # noqa: ANN401 - as tf makes it
        self._api: Api = provider.api

    @classmethod
    def get_name(cls) -> str:
        return "pod"

    @classmethod
    def get_schema(cls) -> schema.Schema:
        return schema.Schema(
            attributes=[
                required("id", TEXT),
                *(told(name, TEXT) for name in ("name", "status", "image", "cloud", "data_center_id", "created_at")),
                told("cost", NUMBER),
                told("locked", FLAG),
                told("actions", TEXTS),
                told("ssh", Fields(direct=ENDPOINT, proxy=ENDPOINT)),
                told("global_networking", Fields(enabled=FLAG, ip=TEXT, internal_dns=TEXT)),
            ]
        )

    def read(self, ctx: ReadDataContext, config: Config) -> State | None:
        try:
            pod = self._api.call("GET", f"/v2/pods/{config['id']}")
        except ApiError as error:
            ctx.diagnostics.add_error("Unable to read pod", str(error))
            return None
        private = pod["globalNetworking"]
        same = ("id", "name", "status", "image", "cloud", "cost", "locked", "actions", "ssh")
        return {name: pod[name] for name in same} | {
            "data_center_id": pod["dataCenterId"],
            "created_at": pod["createdAt"],
            "global_networking": {
                "enabled": private["enabled"],
                "ip": private.get("ip"),
                "internal_dns": private.get("internalDns"),
            },
        }
