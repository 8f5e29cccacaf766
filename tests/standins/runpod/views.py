"""How the emulated API shows what it has: the bodies of its answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.domain.deployment import Address
from tests.standins.runpod.catalogue import DATA_CENTERS, CpuType, DataCenter, GpuType, cpu_type
from tests.standins.runpod.pods import ACTIONS, DISK_GB, FakePod


def instant(at: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod_view(pod: FakePod, now: float) -> dict[str, Any]:
    """A pod."""
    body, status = pod.body, pod.status(now)
    view: dict[str, Any] = {
        "id": pod.id,
        "name": pod.name,
        "status": status,
        "actions": list(ACTIONS[status]),
        "image": pod.image,
        "args": body.get("args", ""),
        "disk": body.get("disk", DISK_GB),
        "mounts": body.get("mounts", {}),
        "ports": body.get("ports", []),
        "env": pod.env,
        "registry": body.get("registry"),
        "cloud": pod.cloud,
        "dataCenterId": pod.data_center,
        "cudaVersion": None if "cpu" in body or status == "PROVISIONING" else "12.8",
        "template": None,
        "cost": round(pod.cost, 4),
        "locked": pod.is_locked,
        "globalNetworking": _private_network(pod),
        "ssh": {"proxy": None if status == "PROVISIONING" else _proxy(pod), "direct": _direct(pod, status)},
        "runtime": _runtime(pod, now) if status == "RUNNING" else None,
        "createdAt": instant(pod.created_at),
        "startedAt": instant(pod.begun_at + pod.running_after_s) if status == "RUNNING" else None,
    }
    return view | _compute(pod)


def _compute(pod: FakePod) -> dict[str, Any]:
    if "gpu" in pod.body:
        return {"gpu": {"id": pod.gpu_type, "count": pod.gpus}}
    asked = pod.body["cpu"]
    kind = cpu_type(asked["id"])
    return {"cpu": {**asked, "memory": asked["vcpuCount"] * (kind.memory_per_vcpu_gb if kind else 2)}}


def _private_network(pod: FakePod) -> dict[str, Any]:
    if not pod.has_private_address:
        return {"enabled": False}
    return {"enabled": True, "ip": pod.private_address, "internalDns": pod.private_name}


def _endpoint(address: Address) -> dict[str, Any]:
    port = "" if address.port == 22 else f" -p {address.port}"
    return {
        "host": address.host,
        "port": address.port,
        "username": address.user,
        "command": f"ssh {address.user}@{address.host}{port}",
    }


def _proxy(pod: FakePod) -> dict[str, Any]:
    return _endpoint(Address("ssh.runpod.io", 22, f"{pod.id}-64411eb2"))


def _direct(pod: FakePod, status: str) -> dict[str, Any] | None:
    return _endpoint(pod.address) if status == "RUNNING" and pod.address is not None else None


def _runtime(pod: FakePod, now: float) -> dict[str, Any]:
    ports = []
    for port in pod.body.get("ports", []):
        number, _, kind = port.partition("/")
        is_mapped = kind == "tcp" and number == "22" and pod.address is not None
        public, host = (pod.address.port, pod.address.host) if is_mapped and pod.address else (None, None)
        ports.append({"private": int(number), "public": public, "type": kind, "ip": host})
    return {
        "uptime": int(now - pod.begun_at - pod.running_after_s),
        "gpus": [{"util": 0, "memoryUtil": 0} for _ in range(pod.gpus)],
        "cpu": {"util": 1},
        "memory": {"util": 3},
        "ports": ports,
    }


def gpu_view(kind: GpuType) -> dict[str, Any]:
    """A GPU type, without its availability."""
    price = {"secure": kind.secure or 0.0, "community": kind.community or 0.0}
    return {
        "id": kind.id,
        "name": kind.name,
        "pool": kind.pool,
        "manufacturer": kind.manufacturer,
        "memory": kind.memory_gb,
        "secure": kind.secure is not None,
        "community": kind.community is not None,
        "price": price | ({"serverless": round((kind.secure or 0) * 1.6, 2)} if kind.pool else {}),
        "maxCount": {
            "secure": kind.most if kind.secure is not None else 0,
            "community": kind.most if kind.community is not None else 0,
        },
    }


def center_view(center: DataCenter) -> dict[str, Any]:
    """A data centre, without what stands there."""
    return {
        "id": center.id,
        "name": center.name,
        "region": center.region,
        "globalNetwork": center.has_private_network,
        "networkVolumeTypes": list(center.volume_types),
        "compliance": ["SOC_2_TYPE_2"] if center.region == "NORTH_AMERICA" else ["GDPR", "ISO_IEC_27001"],
    }


def cpu_view(kind: CpuType) -> dict[str, Any]:
    """A CPU flavour."""
    return {
        "id": kind.id,
        "name": kind.name,
        "group": f"Gen {kind.id[3]}",
        "vcpu": {"min": 2, "max": 32},
        "ramGbPerVcpu": kind.memory_per_vcpu_gb,
        "price": {"securePerVcpu": kind.price_per_vcpu, "serverlessPerVcpu": kind.price_per_vcpu},
    }


def center_name(center_id: str) -> str:
    """A data centre's name for people."""
    return next((center.name for center in DATA_CENTERS if center.id == center_id), center_id)
