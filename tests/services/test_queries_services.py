"""What `status --json` says of model servers: the same numbers and places as their page."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from app.services.queries import status
from tests.present.fleets import NOW
from tests.tui.servers import serving

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schema" / "status.json"


def test_servers_tell_latencies_places_and_contradictions() -> None:
    """Quantiles over the interval, where each runs and how sure that is, and what does not go together."""
    first, second, third = status(serving(), NOW)["services"]

    assert {"p50": 0.181, "p95": 0.42, "p99": 0.91, "mean": 0.214} == first["ttft_s"]
    assert {"capacity": 3, "deferred": 0} == first["waiting_by_reason"]
    assert (["gpu-02/0", "gpu-02/1"], ["816"], "node") == _place(first)
    assert (["gpu-03/4"], ["815"], "exact") == _place(second)
    assert ["KV cache 98 % full" in text for text in second["contradictions"]] == [True]
    assert ("down", None, None) == (third["doing"]["state"], third["ttft_s"]["p95"], third["runs_on"]["node"])


def _place(service: dict[str, object]) -> tuple[object, object, object]:
    told = service["runs_on"]
    assert isinstance(told, dict)
    return told["gpus"], told["jobs"], told["certainty"]


def test_servers_keep_to_the_schema() -> None:
    """As docs/schema/status.json says."""
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(status(serving(), NOW))
