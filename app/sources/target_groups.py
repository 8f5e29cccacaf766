"""Prometheus's target groups (file_sd, http_sd) to targets of ours. Pure.

A group is `{"targets": ["host:port", …], "labels": {…}}`. Of the labels, `__scheme__`, `__metrics_path__` and
`__param_NAME` make the address, and the first of `NODE_LABELS` names the node; the rest are for Prometheus's
relabelling, which is not done here. As there, one bad group makes the whole list bad: half a fleet is not a fleet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from app.config.settings import Target
from app.domain.naming import clean
from app.transport.endpoint import DEFAULT_PATH, parse_endpoint

MOST_BYTES = 8 * 1024 * 1024
MOST_TARGETS = 20_000
NODE_LABELS = ("node", "nodename", "hostname", "Hostname", "kubernetes_node", "__meta_kubernetes_node_name")
"""Labels that name the machine; the first that is there counts. `instance` is none: it is an address."""
_PARAM = "__param_"


class GroupsError(Exception):
    """A list of target groups cannot be used; the message says why, and does not name where it came from."""


def parse_groups(raw: bytes) -> tuple[Target, ...]:
    """Read a list of target groups. Raises GroupsError."""
    if len(raw) > MOST_BYTES:
        raise GroupsError(f"larger than {MOST_BYTES >> 20} MiB")
    try:
        groups = json.loads(raw)
    except RecursionError as error:
        raise GroupsError("nested too deeply to be target groups") from error
    except ValueError as error:
        raise GroupsError(f"not valid JSON: {clean(str(error), 120)}") from error
    if not isinstance(groups, list):
        raise GroupsError('not a list of target groups: [{"targets": ["host:port"], "labels": {}}]')
    targets: dict[Target, None] = {}
    for number, group in enumerate(groups, 1):
        try:
            targets.update(dict.fromkeys(_group(group)))
        except (TypeError, ValueError) as error:
            raise GroupsError(f"group {number}: {error}") from error
        if len(targets) > MOST_TARGETS:
            raise GroupsError(f"more than {MOST_TARGETS:,} targets")
    return tuple(targets)


def _group(group: object) -> list[Target]:
    """The targets of one group. Raises TypeError or ValueError."""
    if not isinstance(group, dict):
        raise TypeError("not an object with targets and labels")
    addresses, labels = group.get("targets"), group.get("labels") or {}
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        raise TypeError('"targets" must be a list of "host:port"')
    if not isinstance(labels, dict) or not all(isinstance(one, str) for one in labels.values()):
        raise TypeError('"labels" must be an object of texts')
    node = next((labels[name] for name in NODE_LABELS if labels.get(name)), "")
    return [Target(url=_url(address, labels), node=clean(node)) for address in addresses]


def _url(address: str, labels: Mapping[str, str]) -> str:
    """The address of a target's page. Raises ValueError."""
    if not address or "/" in address or "@" in address:
        raise ValueError(f"{clean(address, 80)!r} is not host:port")
    scheme = labels.get("__scheme__", "http")
    if scheme not in ("http", "https"):
        raise ValueError(f"__scheme__ must be http or https, not {clean(scheme, 40)!r}")
    path = labels.get("__metrics_path__", DEFAULT_PATH)
    params = {key.removeprefix(_PARAM): text for key, text in labels.items() if key.startswith(_PARAM)}
    url = f"{scheme}://{address}{quote(path if path.startswith('/') else f'/{path}', safe='/?&=%:,;@+~')}"
    url += f"{'&' if '?' in url else '?'}{urlencode(params)}" if params else ""
    parse_endpoint(url)
    return url
