"""The manual page, as the programs that show it read it."""

from __future__ import annotations

import subprocess

import pytest

from app.__main__ import COMMANDS
from tests.tools.docs import DOCS

PAGE = str(DOCS / "man" / "gpu-watchdog.1")
UNDATED = 'missing date, using "": TH'
"""Generated twice it must be the same, so it has no date."""


@pytest.mark.real("man")
def test_manual_page_is_read_without_a_complaint() -> None:
    """Neither groff's warnings nor mandoc's, beside the date that it does not have."""
    shown = subprocess.run(
        ["man", "--warnings", "--local-file", PAGE],
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    checked = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True, check=False
    )

    assert (0, "") == (shown.returncode, shown.stderr)
    assert [] == [line for line in (checked.stdout + checked.stderr).splitlines() if UNDATED not in line]
    assert [] == [one.name for one in COMMANDS if not one.hidden and f"gpu-watchdog {one.name}" not in shown.stdout]
    assert "\N{REPLACEMENT CHARACTER}" not in shown.stdout
