"""A wish out of the configuration: what `[deploy]` says, as the command and the screen begin with it. Pure."""

from __future__ import annotations

from app.config.settings import Deploy
from app.domain.deployment import COMMUNITY, SECURE, Wish
from app.domain.times import parse_span

GIVEN, PRICE = "given", "price"
"""What `[deploy] order` may say."""
DEFAULT = "default"
"""As a model: the one below."""
DEFAULT_MODEL = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"
"""The model that the agent is made for; a test holds it against what the pod's own start of vLLM serves."""
NEVER = ("", "0", "never", "none")
"""What says that a time has no limit."""


def wish_of_settings(name: str, deploy: Deploy) -> Wish:
    """What a new deployment is where nobody says otherwise. Raises ValueError, in words for a person."""
    if deploy.order not in (GIVEN, PRICE):
        raise ValueError(f"deploy.order must be `{GIVEN}` or `{PRICE}`, not {deploy.order!r}")
    if deploy.cloud not in (SECURE, COMMUNITY):
        raise ValueError(f"deploy.cloud must be `{SECURE}` or `{COMMUNITY}`, not {deploy.cloud!r}")
    return Wish(
        name=name,
        nodes=deploy.nodes,
        gpus_per_node=deploy.gpus_per_node,
        gpu_types=deploy.gpu,
        by_price=deploy.order == PRICE,
        data_centers=deploy.data_centers,
        cloud=deploy.cloud,
        image=deploy.image,
        disk_gb=deploy.disk_gb,
        volume_gb=deploy.volume,
        model=model_of(deploy.model),
        max_cost_per_hour=deploy.max_cost_per_hour or None,
        ttl_s=span_of(deploy.ttl, "deploy.ttl"),
        idle_s=span_of(deploy.idle_shutdown, "deploy.idle_shutdown"),
        burn_in=deploy.burn_in,
    )


def model_of(text: str) -> str:
    """The model that is meant; empty: none."""
    return DEFAULT_MODEL if text == DEFAULT else text


def span_of(text: str, what: str) -> float | None:
    """A span of time in seconds; None: no limit. Raises ValueError."""
    if text.strip().lower() in NEVER:
        return None
    try:
        return parse_span(text)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error
