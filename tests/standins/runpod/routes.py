"""The paths of the emulated API: which method of which path does what, on whose body."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.standins.runpod import catalogue_routes, schemas, volumes
from tests.standins.runpod.account import Account
from tests.standins.runpod.billing import pod_billing
from tests.standins.runpod.problems import ProblemError, missing
from tests.standins.runpod.views import pod_view


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was let in, at the moment it takes effect."""

    account: Account
    now: float
    parts: tuple[str, ...] = ()
    """What the path holds in place of `{id}`."""
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def id(self) -> str:
        """The only such part of most paths."""
        return self.parts[0]


Answer = tuple[int, dict[str, Any] | None]
Handle = Callable[[Asked], Answer]


def _list_pods(asked: Asked) -> Answer:
    return 200, {"pods": [pod_view(pod, asked.now) for pod in asked.account.listed(asked.now)]}


def _create_pod(asked: Asked) -> Answer:
    pod = asked.account.create(schemas.checked(asked.body, schemas.CREATE_POD), asked.now)
    return 201, pod_view(pod, asked.now)


def _get_pod(asked: Asked) -> Answer:
    pod = asked.account.pods.get(asked.id)
    if pod is None or pod not in asked.account.listed(asked.now):
        raise missing("pod")
    return 200, pod_view(pod, asked.now)


def _update_pod(asked: Asked) -> Answer:
    body = schemas.checked(asked.body, schemas.UPDATE_POD)
    pod = asked.account.living(asked.id)
    asked.account.update(pod, dict(body))
    return 200, pod_view(pod, asked.now)


def _delete_pod(asked: Asked) -> Answer:
    asked.account.terminate(asked.account.living(asked.id), asked.now)
    return 204, None


def _act(asked: Asked) -> Answer:
    action = schemas.checked(asked.body, schemas.POD_ACTION)["action"]
    pod = asked.account.living(asked.id)
    asked.account.act(pod, action, asked.now)
    return (204, None) if action == "terminate" else (200, pod_view(pod, asked.now))


def _list_volumes(asked: Asked) -> Answer:
    return 200, {"networkVolumes": list(asked.account.volumes.values())}


def _create_volume(asked: Asked) -> Answer:
    return 201, volumes.create_volume(asked.account, schemas.checked(asked.body, schemas.CREATE_VOLUME))


def _update_volume(asked: Asked) -> Answer:
    return 200, volumes.update_volume(asked.account, asked.id, schemas.checked(asked.body, schemas.UPDATE_VOLUME))


def _delete_volume(asked: Asked) -> Answer:
    volumes.delete_volume(asked.account, asked.id)
    return 204, None


def _put_keys(asked: Asked) -> Answer:
    asked.account.keys[:] = schemas.checked(asked.body, schemas.SSH_KEYS)["keys"]
    return 200, {"keys": asked.account.keys}


ROUTES: dict[str, dict[str, Handle]] = {
    "/v2/pods": {"GET": _list_pods, "POST": _create_pod},
    "/v2/pods/{id}": {"GET": _get_pod, "PATCH": _update_pod, "DELETE": _delete_pod},
    "/v2/pods/{id}/action": {"POST": _act},
    "/v2/network-volumes": {"GET": _list_volumes, "POST": _create_volume},
    "/v2/network-volumes/{id}": {
        "GET": lambda asked: (200, volumes.volume(asked.account, asked.id)),
        "PATCH": _update_volume,
        "DELETE": _delete_volume,
    },
    "/v2/catalog/gpus": {"GET": lambda asked: (200, catalogue_routes.gpus(asked.account.knobs, asked.query))},
    "/v2/catalog/gpus/{id}": {
        "GET": lambda asked: (200, catalogue_routes.gpu(asked.account.knobs, asked.id, asked.query))
    },
    "/v2/catalog/cpus": {"GET": lambda asked: (200, catalogue_routes.cpus(asked.account.knobs, asked.query))},
    "/v2/catalog/datacenters": {"GET": lambda asked: (200, catalogue_routes.centers(asked.account.knobs, asked.query))},
    "/v2/catalog/datacenters/{id}": {
        "GET": lambda asked: (200, catalogue_routes.center(asked.account.knobs, asked.id, asked.query))
    },
    "/v2/account/ssh-keys": {"GET": lambda asked: (200, {"keys": asked.account.keys}), "PUT": _put_keys},
    "/v2/billing/pods": {"GET": lambda asked: (200, pod_billing(asked.account, asked.query, asked.now))},
}
NOT_PLAYED = re.compile(r"/v2/(clusters|serverless|templates|registries|catalog/templates|billing)(/.*)?")
"""What the real API has and the emulated one does not: said so, never acted."""
PATTERNS = {
    path: re.compile("".join(f"/{'([^/]+)' if part == '{id}' else re.escape(part)}" for part in path.split("/")[1:]))
    for path in ROUTES
}


def find(method: str, path: str) -> tuple[Handle, tuple[str, ...]]:
    """What answers this, with the parts of its path; ProblemError 404, 405 or 501."""
    for name, pattern in PATTERNS.items():
        found = pattern.fullmatch(path)
        if found is None:
            continue
        handle = ROUTES[name].get(method)
        if handle is None:
            allowed = {"Allow": ", ".join(ROUTES[name])}
            raise ProblemError(405, "The requested method is not allowed for this path.", headers=allowed)
        return handle, tuple(unquote(part) for part in found.groups())
    if NOT_PLAYED.fullmatch(path):
        raise ProblemError(501, f"the emulator does not play {path}")
    raise missing("resource")
