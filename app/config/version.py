"""Which version of the program is installed."""

from __future__ import annotations

from functools import cache

DISTRIBUTION = "gpu-watchdog-tui"


@cache
def installed_version() -> str:
    """The version of the installed distribution; empty for a checkout that never was installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - late: it loads a mail parser

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return ""
