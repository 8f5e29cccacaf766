"""`[prometheus]`: read from the file, the environment and a flag; refused where it cannot be meant."""

from __future__ import annotations

import pytest

from app.config.load import ConfigError, load, parse
from app.config.settings import Settings


def test_an_address_is_something_to_look_at() -> None:
    """With it alone nothing else is looked for on this machine."""
    settings = load(None, {"GPU_WATCHDOG_PROMETHEUS_URL": "http://prom:9090"})

    assert Settings().is_empty
    assert not settings.is_empty
    assert "http://prom:9090" == settings.prometheus.url


def test_the_table_is_read() -> None:
    """All of it, and none of it is named as unread any more."""
    settings = parse('[prometheus]\nurl = "https://p/prometheus"\nonly = \'cluster="lab"\'\nalerts = false\n', "c.toml")

    assert ("https://p/prometheus", 'cluster="lab"', False) == (
        settings.prometheus.url, settings.prometheus.only, settings.prometheus.alerts,
    )  # fmt: skip
    assert () == settings.unused


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('url = "prom:9090"', "must begin with http:// or https://"),
        ("only = '{cluster=\"lab\"}'", "without braces"),
        ("timeout_s = 0", "prometheus.timeout_s must be"),
        ('host = "x"', "unknown key 'host'"),
    ],
)
def test_what_cannot_be_meant_is_refused(line: str, words: str) -> None:
    """Each with the key and what it must be."""
    with pytest.raises(ConfigError, match=words):
        parse(f"[prometheus]\n{line}\n", "c.toml")
