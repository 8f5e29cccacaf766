"""Schemathesis asks the daemon whatever its OpenAPI document allows, and what it does not: no mistake of ours."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.house import house

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
_LEFT_OUT = "positive_data_acceptance"
"""Conditions and matchers have a grammar of their own: a text that fits the schema may still be none."""


@pytest.mark.slow
async def test_whatever_is_asked_gets_an_answer_that_the_document_knows(tmp_path: Path) -> None:
    """No status of 500, none that is not described, no body that is not as described; streams are left out."""
    async with house(tmp_path / "run") as here:
        words = ["run", str(DOCUMENT), "--url", f"http://127.0.0.1:{here.port}", "--exclude-path-regex", "stream"]
        shown = ["-H", f"Authorization: Bearer {here.tokens['admin']}", "--exclude-checks", _LEFT_OUT]
        how = ["--phases", "coverage,fuzzing", "--max-examples", "2", "--seed", "7", "--no-color", "-w", "1"]
        program = str(Path(sys.executable).with_name("st"))
        done = await asyncio.to_thread(
            subprocess.run, [program, *words, *shown, *how], capture_output=True, text=True, cwd=tmp_path, check=False
        )

    assert 0 == done.returncode, done.stdout[-4000:]
    found = re.search(r"(\d+) generated", done.stdout)
    assert found is not None
    assert int(found[1]) > 300
