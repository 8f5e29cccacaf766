"""A plan of Terraform's as lines."""

from __future__ import annotations

from app.domain.deployment import Change, InfraPlan
from app.present.cells import line_text
from app.present.infra_plan import plan_lines
from tests.present.infra_boards import LOOK


def test_values_stand_beneath_each_other() -> None:
    """However long the names before them are."""
    attributes = (("gpu_count", "", "VALUE"), ("data_center_ids", "", "VALUE"))
    plan = InfraPlan((Change("runpod_pod.head", "create", node="head", attributes=attributes),))

    texts = [line_text(one) for one in plan_lines(plan, LOOK, 80)]

    assert 1 == len({text.index("VALUE") for text in texts if "VALUE" in text})
