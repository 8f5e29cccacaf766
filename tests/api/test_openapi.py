"""The OpenAPI document: made from the routes, kept in docs, and true of what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.api.openapi import document
from app.api.row import Row
from app.api.table import ROWS
from tests.api.house import house
from tests.tools.docs import text_of

DOCUMENT = document(ROWS)
PLAIN = [row for row in ROWS if row.method == "GET" and not row.is_stream and "{" not in row.path]


def test_the_document_in_docs_is_that_of_the_routes() -> None:
    """`make docs` writes it."""
    kept = (Path(__file__).parents[2] / "docs" / "openapi.json").read_text("utf-8")

    assert text_of("openapi.json") == kept


def test_every_reference_leads_somewhere() -> None:
    """Within the document."""
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert isinstance(found, dict)


def references(value: object) -> set[str]:
    """Every `$ref`."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own.union(*map(references, value.values()))


def test_every_operation_says_what_it_does() -> None:
    """In one sentence, under an id of its own."""
    operations = [one for path in DOCUMENT["paths"].values() for one in path.values()]

    assert len(operations) == len({one["operationId"] for one in operations})
    assert all(one["summary"].endswith((".", "prints.")) for one in operations)


async def test_answers_are_what_the_document_says(tmp_path: Path) -> None:
    """Every plain question's; the document itself among them."""
    async with house(tmp_path / "run") as here, here.client("view") as client:
        answers = {row.path: await client.get(row.path) for row in PLAIN if row.path != "/api/metrics/history"}

    for row in PLAIN:
        if row.path in answers and row.media == "application/json":
            assert 200 == answers[row.path].status_code, row.path
            check(row, answers[row.path].json())
    assert DOCUMENT == answers["/openapi.json"].json()


def check(row: Row, answer: object) -> None:
    """Raises ValidationError."""
    told = DOCUMENT["paths"][row.path][row.method.lower()]["responses"][str(row.status)]["content"][row.media]["schema"]
    jsonschema.Draft202012Validator({**told, "components": DOCUMENT["components"]}).validate(answer)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/api/metrics/history?sinc=-5m", "did you mean since?"),
        ("/api/events?limit=many", "limit must be a whole number, at least 0 and at most 20000"),
        ("/api/events?limit=1&limit=2", "given twice"),
        ("/api/metrics/history?step=nan", "step must be a number"),
        ("/api/metrics/history?what=moon", "is not fleet"),
        ("/api/cluster/status?at=noon", "is not a time"),
        ("/api/diagnosis?since_s=1e9", "at most 86400"),
        ("/api/jobs/812?id=813", "id does not belong into the query"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(tmp_path: Path, path: str, why: str) -> None:
    """Not passed over: an answer to another question would look right."""
    async with house(tmp_path / "run") as here, here.client("view") as client:
        answer = await client.get(path)

    assert (400, True) == (answer.status_code, why in answer.json()["error"]), answer.text
