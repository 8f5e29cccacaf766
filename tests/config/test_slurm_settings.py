"""`[slurm]`: what may stand there, what is refused, and when Slurm alone is something to look at."""

from __future__ import annotations

import pytest

from app.config.load import ConfigError, load, parse
from app.config.settings import Settings, Slurm


def test_every_key_is_read() -> None:
    """File, then variable, then flag."""
    text = '[slurm]\nvia = "ssh"\nssh = "ana@head:2222"\nbin_dir = "/opt/slurm/bin"\ninterval_s = 10\n'
    read = parse(text, "lab.toml").slurm
    told = load(None, {"GPU_WATCHDOG_SLURM_VIA": "rest"}, {"slurm.rest_url": "unix:///run/s.sock"}).slurm

    assert Slurm(via="ssh", ssh="ana@head:2222", bin_dir="/opt/slurm/bin", interval_s=10.0) == read
    assert Slurm(via="rest", rest_url="unix:///run/s.sock") == told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('via = "locl"', r"lab.toml: slurm.via cannot be 'locl'; did you mean 'local'\?"),
        ('via = "telepathy"', r"cannot be 'telepathy'; known: auto, local, ssh, rest, exporter, off"),
        ("interval_s = 0.1", r"slurm.interval_s must be 0.5 … 86400 seconds, not 0.1"),
        ("timeout_s = -1", r"slurm.timeout_s must be 0.1 … 86400 seconds, not -1"),
        ("details_s = 1", r"slurm.details_s must be 10 … 86400 seconds, not 1"),
        ('token = "x"', r"unknown key 'token' in \[slurm\]; did you mean 'token_file'\?"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, expected: str) -> None:
    """The error names the key, what is wrong, and what is known."""
    with pytest.raises(ConfigError, match=expected):
        parse(f"[slurm]\n{text}\n", "lab.toml")


@pytest.mark.parametrize(
    ("slurm", "expected"),
    [
        (Slurm(), True),
        (Slurm(via="off", ssh="head"), True),
        (Slurm(via="local"), False),
        (Slurm(ssh="head"), False),
        (Slurm(rest_url="unix:///run/s.sock"), False),
        (Slurm(interval_s=10.0), True),
    ],
)
def test_slurm_alone_is_something_to_look_at(slurm: Slurm, expected: bool) -> None:
    """A way that is named is; what is on by itself, or off, is not."""
    assert expected == Settings(slurm=slurm).is_empty
