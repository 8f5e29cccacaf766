"""A wish out of `[deploy]`."""

from __future__ import annotations

import pytest

from app.config.settings import Deploy
from app.domain.deployment import Wish
from app.services.deploy.wishing import DEFAULT_MODEL, model_of, span_of, wish_of_settings
from pod.vllm.settings import MODEL


def test_an_empty_table_is_the_usual_wish() -> None:
    """The defaults of the configuration and of a wish are the same."""
    assert Wish("lab") == wish_of_settings("lab", Deploy())


def test_every_key_is_carried_over() -> None:
    """Spans become seconds, 0 dollars no limit, the order a flag."""
    deploy = Deploy(
        image="lab/pod:1", gpu=("H100", "A100"), order="price", nodes=4, gpus_per_node=8, data_centers=("EU-RO-1",),
        cloud="COMMUNITY", disk_gb=80, volume=200, model="a/b", max_cost_per_hour=9.5, ttl="12h", idle_shutdown="45m",
        burn_in=True,
    )  # fmt: skip

    assert Wish(
        "lab", 4, 8, ("H100", "A100"), by_price=True, data_centers=("EU-RO-1",), cloud="COMMUNITY", image="lab/pod:1",
        disk_gb=80, volume_gb=200, model="a/b", max_cost_per_hour=9.5, ttl_s=43200.0, idle_s=2700.0, burn_in=True,
    ) == wish_of_settings("lab", deploy)  # fmt: skip


def test_the_default_model_is_the_one_the_pod_serves_by_itself() -> None:
    """Two places that must not import each other name the same one."""
    assert MODEL == DEFAULT_MODEL == model_of("default")
    assert ("", "a/b") == (model_of(""), model_of("a/b"))


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        (Deploy(order="cheap"), "deploy.order must be `given` or `price`, not 'cheap'"),
        (Deploy(cloud="ALL"), "deploy.cloud must be `SECURE` or `COMMUNITY`, not 'ALL'"),
        (Deploy(ttl="soon"), "deploy.ttl: 'soon' is not a span of time"),
        (Deploy(idle_shutdown="0s"), "deploy.idle_shutdown: '0s' is no time at all"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_key(deploy: Deploy, said: str) -> None:
    """So that a person finds it."""
    with pytest.raises(ValueError, match=said.replace("(", "\\(")):
        wish_of_settings("lab", deploy)
    assert span_of(" Never ", "--ttl") is None
