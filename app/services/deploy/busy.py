"""Whether anybody uses a cluster, for who ends it when nobody does: better busy than wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from app.config.secret import Secret
from app.domain.deployment import Node
from app.services.deploy.controller import Controller
from app.services.deploy.install import METRICS
from app.services.deploy.login import MODEL, Pods, Tokens
from app.services.deploy.ports import DeployError
from app.transport.destination import SshDestination
from app.transport.endpoint import Endpoint, parse_endpoint
from app.transport.failure import ScrapeError

LOOK_S = 8.0
BUSY_PERCENT = 5.0
"""A GPU that works more than this is in use."""
_GPU = re.compile(rb"^DCGM_FI_DEV_GPU_UTIL\{[^}\n]*\} ([0-9.]{1,12})", re.MULTILINE)
_REQUESTS = re.compile(rb"^vllm:num_requests_(?:running|waiting)\{[^}\n]*\} ([0-9.e+]{1,24})", re.MULTILINE)


async def is_busy(pods: Pods, head: Node, names: Sequence[str], tokens: Tokens) -> bool | None:
    """Whether a job, a GPU or the model works; None: not all of them could be asked, and none that could be does."""
    looks = [_jobs(pods, head)]
    looks += [
        _page(pods, parse_endpoint(METRICS, token=tokens.exporter, ssh=name), _GPU, BUSY_PERCENT) for name in names
    ]
    found = await asyncio.gather(*looks)
    model = await _model(pods, head, tokens.model)
    if any(found) or model:
        return True
    return None if None in found else False


async def _jobs(pods: Pods, head: Node) -> bool | None:
    try:
        return await Controller(pods, head).waiting_or_running() > 0
    except DeployError:
        return None


async def _model(pods: Pods, head: Node, key: Secret) -> bool:
    """A model server that does not answer has nothing to do."""
    return bool(await _page(pods, parse_endpoint(f"{MODEL}/metrics", token=key, ssh=head.name), _REQUESTS, 0.0))


async def _page(pods: Pods, endpoint: Endpoint, sign: re.Pattern[bytes], above: float) -> bool | None:
    """Whether some value on a page is above a limit; None where the page cannot be had."""
    if endpoint.server.ssh is not None:
        pods.forwards.forgive(SshDestination(endpoint.server.ssh.host))
    try:
        body = (await pods.client.get(endpoint, LOOK_S)).body
    except ScrapeError:
        return None
    return any(float(match[1]) > above for match in sign.finditer(body))
