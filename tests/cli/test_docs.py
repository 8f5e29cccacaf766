"""The generated pages under docs/ say what the program says."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest

from app.__main__ import COMMANDS
from app.domain.metrics import METRICS
from tests.cli.conftest import SCHEMAS, schema
from tests.tools.docs import DOCS, PAGES, text_of


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`make docs` would change nothing."""
    assert (DOCS / name).read_text("utf-8") == text_of(name), f"docs/{name} is out of date: run `make docs`"


def test_every_metric_and_command_has_its_place() -> None:
    """No row of a registry is missing from its page."""
    metrics, commands = text_of("metrics.md"), text_of("commands.md")

    assert [] == [metric.key for metric in METRICS if f"`{metric.key}`" not in metrics]
    assert [] == [one.name for one in COMMANDS if not one.hidden and f"## {one.name}\n" not in commands]


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.stem)
def test_schemas_are_valid_themselves(file: Path) -> None:
    """Draft 2020-12, as they say."""
    jsonschema.Draft202012Validator.check_schema(schema(file.stem))


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))

    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert [] == dead
