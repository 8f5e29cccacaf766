"""`cost`: rates, waste, and what is said where no price is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from tests.cli.conftest import Run, dcgm_page, schema


@pytest.fixture
def config(tmp_path: Path, serve_page: Callable[[str], str]) -> Path:
    """A cluster of one page, with a price for its model."""
    path = tmp_path / "config.toml"
    path.write_text(
        f'[[target]]\nurl = "{serve_page(dcgm_page())}"\n[slurm]\nvia = "off"\n[prices]\n"NVIDIA H100" = 2.5\n',
        "utf-8",
    )
    return path


def test_json_fits_its_schema_and_sums_the_gpus(run: Run, config: Path) -> None:
    """Without a history nothing is said of the past."""
    answer = run("cost", "--json", "--config", str(config), "--store-path", "none")

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("cost"))
    gpus = answer.json["now"]["gpus"]
    assert gpus > 0
    assert 2.5 * gpus == answer.json["now"]["per_hour"]
    assert (None, None) == (answer.json["since"], answer.json["forecast"]["today"])


def test_people_read_dollars(run: Run, config: Path) -> None:
    """The rate first."""
    shown = run("cost", "--config", str(config), "--store-path", "none")
    assert "/h" in shown.out
    assert "a month at this rate" in shown.out


def test_without_a_price_it_says_what_to_do(run: Run, serve_page: Callable[[str], str]) -> None:
    """Nothing is guessed."""
    shown = run("cost", "--target", serve_page(dcgm_page()), "--store-path", "none")

    assert errors.INCOMPLETE == shown.code
    assert "no price is known" in shown.out
    assert "[prices]" in shown.out


def test_a_span_that_is_none_is_refused(run: Run) -> None:
    """With the form that is right."""
    shown = run("cost", "--since", "soon")
    assert errors.USAGE == shown.code
    assert "'soon' is not a span of time" in shown.err
