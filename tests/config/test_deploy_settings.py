"""`[deploy]`: every key by file, variable and flag; and what is refused."""

from __future__ import annotations

import pytest

from app.config.load import ConfigError, load, parse
from app.config.settings import Deploy, Discover


def test_every_way_is_read() -> None:
    """File, then variable, then flag; lists are separated by commas outside the file."""
    text = '[deploy]\nnodes = 4\ngpu = ["NVIDIA A40", "H100"]\nttl = "12h"\nmax_cost_per_hour = 9\nburn_in = true\n'
    read = parse(text, "lab.toml").deploy
    told = load(None, {"GPU_WATCHDOG_DEPLOY_GPU": "NVIDIA A40, H100"}, {"deploy.volume": "200"}).deploy

    assert Deploy(nodes=4, gpu=("NVIDIA A40", "H100"), ttl="12h", max_cost_per_hour=9.0, burn_in=True) == read
    assert Deploy(gpu=("NVIDIA A40", "H100"), volume=200) == told
    assert Discover(terraform="lab") == parse('[discover]\nterraform = "lab"\n', "lab.toml").discover


def test_deploying_alone_is_nothing_to_look_at() -> None:
    """The keys say what would be rented, so a first screen still shows this machine."""
    assert parse("[deploy]\nnodes = 4\n", "lab.toml").is_empty
    assert () == parse("[deploy]\n", "lab.toml").unused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[deploy]\nnode = 4\n", "unknown key 'node' in \\[deploy\\]; did you mean 'nodes'"),
        ('[deploy]\nnodes = "4"\n', "deploy.nodes must be a whole number"),
        ('[deploy]\ngpu = "H100"\n', "deploy.gpu must be a list of texts"),
    ],
)
def test_what_cannot_be_meant_is_named(text: str, said: str) -> None:
    """With the nearest key."""
    with pytest.raises(ConfigError, match=said):
        parse(text, "lab.toml")
