"""The target that stands for the pods of our own deployments. Imports nothing that asks a provider: all ask this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.config.settings import Deploy, Target

SCHEME = "runpod:"
NAME = "runpod"
"""Name of the source."""
INTERVAL_S = 30.0
"""Two requests a minute of the account's sixty; Terraform and other people need the rest."""
TIMEOUT_S = 5.0
"""A command that looks once does not wait longer than this for RunPod."""
AFTER_S = 600.0
"""Seconds for which a destroyed deployment is looked after."""
KEY, URL = "RUNPOD_API_KEY", "RUNPOD_API_BASE_URL"
"""Variables of the environment."""


def rented_targets(deploy: Deploy, folder: Path, environ: Mapping[str, str], now: float) -> tuple[Target, ...]:
    """The target of the pods; none where no deployment is in the folder, or no key is there to ask with.

    One that was destroyed is looked after for some minutes more: its end must be seen, and what may be left of it.
    """
    if not (deploy.api_key_file or environ.get(KEY, "").strip()):
        return ()
    try:
        is_there = any(folder.iterdir())
    except OSError:
        return ()
    if not is_there:
        return ()
    from app.sources.runpod.expected import read_expected  # noqa: PLC0415 - late: for who has rented something

    if all(one.was_over(now - AFTER_S) for one in read_expected(folder)):
        return ()
    return (Target(url=f"{SCHEME}{folder}", name=NAME, interval_s=INTERVAL_S, timeout_s=TIMEOUT_S),)
